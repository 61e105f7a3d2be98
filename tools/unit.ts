/** The drop-in of the systemd unit that runs the sources instead of the binary. */
import { V8_FLAGS } from "../src/runtime/commands.ts";
import { permissionWords } from "./permission_sets.ts";
import { RUNTIME, UNIT_PERMISSIONS } from "./permissions.ts";

/** What the drop-in says, before the command of the program. */
export function denoCommand(): string {
  const permissions = permissionWords("start", UNIT_PERMISSIONS);
  const flags = ["--quiet", "--cached-only", "--no-code-cache", V8_FLAGS, ...permissions];
  return [RUNTIME, "run", ...flags, "/usr/lib/ooproxy/main.ts"].join(" ");
}

/** The drop-in, from the project's root. */
export const DENO_DROP_IN = "deploy/drop-ins/deno.conf";

/** The text of the drop-in. */
export function renderDenoDropIn(): string {
  const command = denoCommand();
  return [
    "# The runtime and the sources instead of the binary: /usr/bin/deno, a checkout in /usr/lib/ooproxy, and",
    "# its dependencies, got once with `DENO_DIR=/usr/lib/ooproxy/cache deno install --frozen`.",
    "# The permissions are the set `start` of its deno.json, with the unit's folders alone to be read.",
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
