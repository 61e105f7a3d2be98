import { readRuntime, type RuntimeFacts } from "../../src/runtime/runtime.ts";
import { permissionFlags } from "../../src/runtime/permissions.ts";
import { assertEquals } from "../support/assert.ts";

/** A runtime, as far as it is looked at. */
const facts = (standalone: boolean, os: string): RuntimeFacts => ({
  build: { standalone, os },
  mainModule: "file:///app/main.ts",
  execPath: () => "/usr/bin/this",
});

const ROWS: readonly (readonly [standalone: boolean, os: string, executable: string])[] = [
  [false, "linux", "/usr/bin/this"],
  [false, "darwin", "/usr/bin/this"],
  [true, "linux", "/proc/self/exe"],
  [true, "darwin", "/usr/bin/this"],
];

for (const [standalone, os, executable] of ROWS) {
  Deno.test(`${standalone ? "A binary" : "A script"} on ${os} starts workers with ${executable}.`, () => {
    assertEquals(readRuntime(facts(standalone, os)), {
      standalone,
      executable,
      mainModule: "file:///app/main.ts",
    });
  });
}

Deno.test("These tests run in no binary.", () => {
  const { standalone, executable, mainModule } = readRuntime(Deno);
  assertEquals(standalone, false);
  assertEquals([executable, mainModule], [Deno.execPath(), Deno.mainModule]);
});

Deno.test({
  name: "With the permission to start its own file a program can start that, and nothing else.",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const dir = await Deno.makeTempDir({ prefix: "ooproxy_self_" });
    try {
      const script = `${dir}/main.ts`;
      await Deno.writeTextFile(
        script,
        `const ask = (program: string) => {
          try {
            const options = { args: ["--version"], clearEnv: true };
            return new Deno.Command(program, options).outputSync().success;
          } catch (error) {
            return (error as Error).name;
          }
        };
        console.log(JSON.stringify(["/proc/self/exe", Deno.execPath(), "/bin/true"].map(ask)));`,
      );
      const self = { net: [], env: [], read: [], write: [], run: ["/proc/self/exe"] };
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--no-check", ...permissionFlags(self), script],
        stderr: "inherit",
      }).output();
      const results = JSON.parse(new TextDecoder().decode(stdout));
      assertEquals(results, [true, "NotCapable", "NotCapable"]);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});
