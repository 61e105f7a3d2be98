import { exactCommand, workerCommand } from "../../src/runtime/commands.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { spawnWorker } from "../../src/supervisor/spawn_worker.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";

const SCRIPT: Runtime = {
  standalone: false,
  executable: "/bin/deno",
  mainModule: "file:///app/main.ts",
};
const BINARY: Runtime = { ...SCRIPT, standalone: true, executable: "/proc/self/exe" };

/** The flags that have to do with permissions. */
const permissions = (args: readonly string[]) =>
  args.filter((arg) => /^--(allow|deny|ignore|no-prompt)/.test(arg));

Deno.test("A compiled program starts itself in the other role.", () => {
  assertEquals(workerCommand(BINARY), { command: "/proc/self/exe", args: ["worker"] });
  assertEquals(workerCommand(BINARY, "/run/api.sock").args, ["worker", "socket"]);
});

Deno.test("A script is started by the same runtime, with no permission but the network.", () => {
  const { command, args } = workerCommand(SCRIPT);
  assertEquals(command, "/bin/deno");
  const wanted = ["--no-prompt", "--allow-net", "--ignore-env", "--deny-import"];
  assertEquals(permissions(args), wanted);
  assertEquals(args.slice(-2), ["file:///app/main.ts", "worker"]);
});

Deno.test("A worker of an upstream on a Unix socket may read and write that socket as well.", () => {
  const { args } = workerCommand(SCRIPT, "/run/api.sock");
  const files = args.filter((arg) => /^--allow-(read|write)/.test(arg));
  assertEquals(files, ["--allow-read=/run/api.sock", "--allow-write=/run/api.sock"]);
  assertEquals(args.slice(-2), ["worker", "socket"]);
});

Deno.test("The least permissions are printed as a command that a shell takes as it is.", () => {
  const config = ["/var/lib/ooproxy/keys.json"];
  const files = ["/etc/ooproxy/it's.pfx"];
  const variables = { PROVIDER_URL: "https://id.test", NO_SETTING: "x", OTEL_DENO: "true" };
  const command = exactCommand(SCRIPT, config, files, variables, []) ?? "";
  assertIncludes(command, "/bin/deno run --quiet --v8-flags=");
  assertIncludes(command, " --allow-env=OTEL_DENO,PROVIDER_URL --ignore-env ");
  assertIncludes(command, "/settings.toml,/etc/ooproxy/it'\\''s.pfx,/var/lib/ooproxy' ");
  assertIncludes(command, " --allow-write=/var/lib/ooproxy --allow-run=/bin/deno ");
  assert(command.endsWith(" /app/main.ts"), command);
  const flags = ["--leeway", "3"];
  const withFlags = exactCommand(SCRIPT, config, files, variables, flags) ?? "";
  assert(withFlags.endsWith(" /app/main.ts --leeway 3"), withFlags);
  assertEquals(exactCommand(BINARY, config, files, variables, []), undefined);
});

Deno.test("A worker is started without the variables that make the system's loader load code.", async () => {
  const env = { LD_PRELOAD: "/none.so", LD_LIBRARY_PATH: "/none", DYLD_X: "1", TZ: "UTC" };
  const spawned = spawnWorker({ command: "/usr/bin/env", args: [] }, env);
  assert(spawned.ok);
  await spawned.value.stdin.close();
  const { stdout } = await spawned.value.output();
  assertEquals(new TextDecoder().decode(stdout), "TZ=UTC\n");
});
