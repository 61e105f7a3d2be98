/** The drop-in of the systemd unit that runs the sources instead of the binary. */
import { READABLE_VARIABLES } from "../src/config/environment.ts";
import { permissionFlags, STATE_FOLDER } from "../src/server/permissions.ts";
import { V8_FLAGS } from "../src/server/respawn.ts";

/** Where systemd puts the credentials of the unit: `%d`. */
const CREDENTIALS = "/run/credentials/ooproxy.service";

/** What the drop-in says, before the command of the program. */
export function denoCommand(): string {
  const permissions = permissionFlags({
    net: "all",
    env: READABLE_VARIABLES,
    read: ["/etc/ooproxy", CREDENTIALS, STATE_FOLDER],
    write: [STATE_FOLDER],
    run: ["/usr/bin/deno"],
  });
  const flags = ["--quiet", "--cached-only", "--no-code-cache", V8_FLAGS, ...permissions];
  return ["/usr/bin/deno run", ...flags, "/usr/lib/ooproxy/main.ts"].join(" ");
}

/** The drop-in, from the project's root. */
export const DENO_DROP_IN = "deploy/drop-ins/deno.conf";

/** The text of the drop-in. */
export function renderDenoDropIn(): string {
  const command = denoCommand();
  return [
    "# The runtime and the sources instead of the binary: /usr/bin/deno, a checkout in /usr/lib/ooproxy, and",
    "# its dependencies, got once with `DENO_DIR=/usr/lib/ooproxy/cache deno install --frozen`.",
    "# The permissions come from the program's table.",
    "[Service]",
    "Environment=DENO_DIR=/usr/lib/ooproxy/cache DENO_NO_UPDATE_CHECK=1",
    "ExecStart=",
    `ExecStart=${command} serve`,
    "ExecReload=",
    `ExecReload=${command} check`,
    "ExecReload=/bin/kill -HUP $MAINPID",
    "",
  ].join("\n");
}
