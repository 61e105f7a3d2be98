/**
 * The whole build of the binary, with the runtime itself as base: nothing has to be downloaded for it.
 * The result cannot start the program, but everything that is put into a binary is in it.
 */
import { READABLE_VARIABLES } from "../../src/config/environment.ts";
import { demo } from "../../deploy/demo_proxy.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { compileFlags } from "../../tools/tasks.ts";
import { projectFile } from "../support/process.ts";
import { type Embedded, readEmbedded } from "./embedded.ts";

/** Where packages are in the embedded file system. */
const PACKAGES = ".deno_compile_node_modules/localhost/";

/** Makes the binary as `deno task compile` does, but elsewhere, and reads what is in it. */
async function compile(): Promise<Embedded> {
  const dir = await Deno.makeTempDir({ prefix: "ooproxy_compile_" });
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["compile", "--quiet", ...compileFlags(), `--output=${dir}/ooproxy`, "main.ts"],
      cwd: projectFile("."),
      env: { DENORT_BIN: Deno.execPath(), NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    return await readEmbedded(`${dir}/ooproxy`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** What is there at run time. */
const EXPORTS = /^export (async |default )?(function|const|class|\{)/m;

function sourceFiles(folder: string): string[] {
  return [...Deno.readDirSync(projectFile(folder))].flatMap(({ name, isDirectory }) =>
    isDirectory ? sourceFiles(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

Deno.test("The binary holds what the program needs, and may do what the table of permissions says.", async (t) => {
  const { metadata, files } = await compile();

  await t.step("exactly these permissions, and never a question at a terminal", () => {
    const { allow_import: _hosts, ...permissions } = metadata.permissions;
    assertEquals(permissions, {
      allow_env: [...READABLE_VARIABLES],
      deny_env: null,
      ignore_env: [],
      allow_net: [],
      deny_net: null,
      allow_ffi: null,
      deny_ffi: null,
      allow_read: [],
      deny_read: null,
      ignore_read: null,
      allow_run: ["/proc/self/exe"],
      deny_run: null,
      allow_sys: null,
      deny_sys: null,
      allow_write: ["/var/lib/ooproxy", "/run"],
      deny_write: null,
      // Everything is denied, whatever the hosts are that the runtime allows by itself.
      deny_import: [],
      prompt: false,
    });
  });

  await t.step("the runtime's features and flags, and no arguments or variables of its own", () => {
    assertEquals(metadata.unstable_config.features, ["net", "no-legacy-abort"]);
    for (const flag of ["--max-semi-space-size=4", "--no-parallel-scavenge"]) {
      assert(metadata.v8_flags.includes(flag), metadata.v8_flags.join(" "));
    }
    assertEquals([metadata.argv, metadata.env_vars_from_env_file], [[], {}]);
    assertEquals(metadata.unsafely_ignore_certificate_errors, null);
  });

  await t.step("no cache of code in a shared folder", () => {
    assertEquals(metadata.code_cache_key, null);
  });

  await t.step("main.ts as the entry, and all sources but the demo's and those of serve.ts", () => {
    assertEquals(metadata.entrypoint_key, "main.ts");
    const ours = files.filter((file) => !file.startsWith(PACKAGES));
    const sources = sourceFiles("src")
      .filter((file) => !/^src\/(?:demo\/|edge\/|app\/demo\.ts)/.test(file));
    const wanted = ["deno.json", "deploy/demo_proxy.ts", "main.ts", ...sources];
    assertEquals(ours.filter((file) => !wanted.includes(file)), []);
    // What only declares types is left out.
    const left = wanted.filter((file) => !ours.includes(file));
    assertEquals(left.filter((file) => EXPORTS.test(Deno.readTextFileSync(projectFile(file)))), []);
  });

  await t.step("no package that is not needed to serve", () => {
    const names = files.filter((file) => file.startsWith(PACKAGES))
      .map((file) => /^(@[^/]+\/)?[^/]+/.exec(file.slice(PACKAGES.length))?.[0]);
    const packages = ["jose", "smol-toml"];
    assertEquals([...new Set(names)], packages);
    const { imports } = JSON.parse(metadata.workspace_resolver.import_map.json);
    const known = Object.keys(imports).filter((name) => !/^(\.|file:)|\/$/.test(name));
    assertEquals(known.toSorted(), packages);
  });
});

Deno.test("The demo of a binary says in one line that there is none.", async () => {
  const lines: string[] = [];
  assertEquals(await demo({}, (line) => lines.push(line)), 64);
  assertEquals(lines.length, 1);
  assertIncludes(lines[0] ?? "", "not part of this build");
});

Deno.test("A file that is no binary is not taken for one.", async () => {
  for (const file of ["main.ts", "deno.json"].map(projectFile)) {
    const said = await readEmbedded(file).then(() => "nothing", (error) => String(error));
    assertIncludes(said, "is no ELF file");
  }
});
