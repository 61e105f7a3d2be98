import {
  exactPermissions,
  permissionFlags,
  WITH_SOCKET,
  workerPermissions,
} from "../../src/runtime/permissions.ts";
import { BINARY_PERMISSIONS, DEMO_PERMISSIONS, startPermissions } from "../../tools/permissions.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { projectFile } from "../support/process.ts";

const ALL = [
  startPermissions("/bin/deno"),
  BINARY_PERMISSIONS,
  DEMO_PERMISSIONS,
  workerPermissions(undefined),
  workerPermissions("/run/a.sock"),
  exactPermissions([], [], [], "/bin/deno"),
];

Deno.test("However the program is started, only what is named is granted, and nothing is asked for.", () => {
  for (const flags of ALL.map(permissionFlags)) {
    for (const word of ["--no-prompt", "--ignore-env", "--deny-import"]) {
      assert(flags.includes(word));
    }
    const open = flags.filter((flag) => flag.startsWith("--allow") && !flag.includes("="));
    assertEquals(open.filter((flag) => flag !== "--allow-net" && flag !== "--allow-read"), []);
    assertEquals(flags.filter((flag) => /^--allow-(all|sys|ffi|import|scripts)/.test(flag)), []);
  }
});

Deno.test("A binary may start its own file alone; workers and the demo may start nothing.", () => {
  assertEquals(BINARY_PERMISSIONS.run, ["/proc/self/exe"]);
  assertEquals([DEMO_PERMISSIONS.run, workerPermissions("/run/a.sock").run], [[], []]);
});

Deno.test("A path with a comma, which ends a value, is granted by the folder above it.", () => {
  const { write } = workerPermissions("/run/a,b/c,d.sock");
  assertEquals(write, ["/run/a,b/c,d.sock"]);
  const flags = permissionFlags(workerPermissions("/run/a,b/c,d.sock"));
  assert(flags.includes("--allow-write=/run"), flags.join(" "));
});

Deno.test("With the files by their names nothing else can be read or written.", () => {
  const exact = exactPermissions(["/var/k/keys.json"], ["/etc/a.pfx"], [], "/d");
  assertEquals(exact.read, [`${Deno.cwd()}/settings.toml`, "/etc/a.pfx", "/var/k"]);
  assertEquals(exact.write, ["/var/k"]);
});

/** The states of all permissions after a worker has given back what it does not need. */
async function statesAfter(usesSocket: boolean): Promise<Record<string, string>> {
  const code = `import { keepWorkerPermissions } from "${
    projectFile("src/runtime/permissions.ts")
  }";
    keepWorkerPermissions(${usesSocket ? JSON.stringify(WITH_SOCKET) : undefined});
    const names = ["net", "read", "write", "run", "env", "sys", "ffi"];
    console.log(JSON.stringify(Object.fromEntries(
      names.map((name) => [name, Deno.permissions.querySync({ name }).state]))));`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", code],
    cwd: projectFile("."),
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

for (const usesSocket of [false, true]) {
  Deno.test(`A worker ${usesSocket ? "with" : "without"} a socket gives back what it does not need.`, async () => {
    const files = usesSocket ? "granted" : "prompt";
    assertEquals(await statesAfter(usesSocket), {
      net: "granted",
      read: files,
      write: files,
      run: "prompt",
      env: "prompt",
      sys: "prompt",
      ffi: "prompt",
    });
  });
}
