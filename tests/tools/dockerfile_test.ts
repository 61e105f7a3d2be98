import denoJson from "../../deno.json" with { type: "json" };
import { assertEquals, assertExcludes, assertIncludes, assertMatch } from "../support/assert.ts";
import { projectFile } from "../support/process.ts";
import { DOCKERFILE, entryPoint, healthCheck, withCommands } from "../../tools/dockerfile.ts";

const dockerfile = await Deno.readTextFile(projectFile(DOCKERFILE));

Deno.test("The Dockerfile is what `deno task generate` writes.", () => {
  assertEquals(dockerfile, withCommands(dockerfile));
});

Deno.test("The Dockerfile's label has the program's version.", () => {
  assertIncludes(dockerfile, `org.opencontainers.image.version="${denoJson.version}"`);
});

Deno.test("The Dockerfile's runtime has the version that CI tests.", async () => {
  const [, version] = /^deno_version=(\S+)$/m.exec(
    await Deno.readTextFile(projectFile(".ci/run")),
  ) ?? [];
  assertEquals(/denoland\/deno:bin-([^\s@]+)/.exec(dockerfile)?.[1], version);
});

Deno.test("CI's runtime comes from npm by the hashes of a lock file, for every platform.", async () => {
  const lock = JSON.parse(
    await Deno.readTextFile(projectFile(".ci/runtime/package-lock.json")),
  ) as { packages: Readonly<Record<string, { version?: string; integrity?: string }>> };
  const packages = Object.entries(lock.packages).filter(([path]) => path !== "");
  assertEquals(packages.length, 7);
  for (const [path, { version, integrity = "" }] of packages) {
    assertEquals([path, version], [path, Deno.version.deno]);
    assertMatch(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/);
  }
  const run = await Deno.readTextFile(projectFile(".ci/run"));
  assertIncludes(run, "npm ci ");
  assertExcludes(run, "npm install");
});

Deno.test("The image leaves out the packages of tests and demo, and no other.", () => {
  const [, removed = ""] = /deno remove --quiet ([^&]*) &&/.exec(dockerfile) ?? [];
  const kept = Object.keys(denoJson.imports).filter((name) => !removed.split(" ").includes(name));
  assertEquals(kept, ["jose", "smol-toml"]);
});

Deno.test("Neither start nor health check of the container is allowed everything or may ask.", () => {
  for (const words of [entryPoint(), healthCheck()]) {
    assertIncludes(words.join(" "), " --no-prompt ");
    const wide = words.filter((word) => /^(-A|-P|--allow-(all|env|write|run|sys|ffi))$/.test(word));
    assertEquals(wide, []);
  }
});
