/** What a permission set and the flags beside it grant, asked of the runtime itself. */
import { permissionFlags, type Permissions } from "../../src/runtime/permissions.ts";
import { permissionWords } from "../../tools/permission_sets.ts";
import {
  BINARY_PERMISSIONS,
  CONTAINER_PERMISSIONS,
  DEMO_PERMISSIONS,
  HEALTH_PERMISSIONS,
  startPermissions,
  UNIT_PERMISSIONS,
} from "../../tools/permissions.ts";
import { assert, assertEquals, assertIncludes, assertThrows } from "../support/assert.ts";
import { projectFile } from "../support/process.ts";

/** What a process with these flags says that it may do. */
async function granted(flags: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...flags, "tests/tools/permission_probe.ts"],
    cwd: projectFile("."),
    clearEnv: true,
    env: { PATH: "/bin", PROVIDER_URL: "x", OTEL_A: "x", HIDDEN: "x", DENO_DIR: "/nonexistent" },
  }).output();
  const text = new TextDecoder();
  assert(success, text.decode(stderr));
  assertEquals(text.decode(stderr), "");
  return text.decode(stdout);
}

const WAYS: Readonly<Record<string, readonly ["start" | "demo", Permissions]>> = {
  "the tasks start and dev": ["start", startPermissions(Deno.execPath())],
  "the task demo": ["demo", DEMO_PERMISSIONS],
  "the binary": ["start", BINARY_PERMISSIONS],
  "the container": ["start", { ...CONTAINER_PERMISSIONS, run: [Deno.execPath()] }],
  "the container's health check": ["start", HEALTH_PERMISSIONS],
  "the unit": ["start", { ...UNIT_PERMISSIONS, run: [Deno.execPath()] }],
};

for (const [way, [set, permissions]] of Object.entries(WAYS)) {
  Deno.test(`The set ${set} and what stands beside it grant ${way} what flags alone would.`, async () => {
    const words = permissionWords(set, permissions);
    assertIncludes(words.join(" "), `-P=${set}`);
    assertEquals(await granted(words), await granted(permissionFlags(permissions)));
  });
}

Deno.test("A set is not used where other variables are to be read, or less is granted.", () => {
  assertThrows(() => permissionWords("demo", startPermissions("/bin/deno")));
  assertThrows(() => permissionWords("start", { ...HEALTH_PERMISSIONS, net: [] }));
});
