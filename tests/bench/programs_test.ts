import { assert, assertEquals, assertIncludes, assertMatch } from "../support/assert.ts";
import { UNKNOWN_VERSION } from "./machine.ts";
import { parseOptions } from "./options.ts";
import { findPrograms, goModuleVersion } from "./programs.ts";

async function programsOf(...args: string[]) {
  const options = parseOptions(args);
  assert(options.ok);
  return await findPrograms(options.value);
}

Deno.test("a proxy whose program is not named, or not there, is left out with the reason", async () => {
  const unnamed = await programsOf("--peers", "oauth2-proxy,fastify,proxy");
  assertEquals([...unnamed.found.keys()], ["proxy"]);
  assertEquals([...unnamed.missing.values()], [
    "not named by `--oauth2-proxy FILE`",
    "not named by `--fastify DIR`",
  ]);
  const dir = await Deno.makeTempDir({ prefix: "ooproxy_bench_" });
  try {
    const args = ["--oauth2-proxy", `${dir}/none`, "--peers", "oauth2-proxy"];
    const { found, missing } = await programsOf(...args);
    assertEquals(found.size, 0);
    assertIncludes(missing.get("oauth2-proxy") ?? "", "is not there");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("both Deno builds have a version and a command", async () => {
  const { found } = await programsOf("--peers", "naive,proxy");
  assertMatch(found.get("naive")?.version ?? "", /^jose \d+\.\d+\.\d+ on Deno \d/);
  assertMatch(found.get("proxy")?.version ?? "", /^ooproxy \d+\.\d+\.\d+ on Deno \d/);
  assertEquals(found.get("proxy")?.command.at(-1)?.endsWith("/main.ts"), true);
});

Deno.test("the version of a Go program is read from what its linker wrote", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const program = bytes("\u0000\u0001path\ta/b\nmod\ta/b\tv7.15.2\th1:x=\ndep\tc/d\tv1.0.0\n");
  assertEquals(goModuleVersion(program, "a/b"), "7.15.2");
  assertEquals(goModuleVersion(program, "c/d"), UNKNOWN_VERSION);
  assertEquals(goModuleVersion(bytes("mod\ta/b\t(devel)\t\n"), "a/b"), UNKNOWN_VERSION);
});
