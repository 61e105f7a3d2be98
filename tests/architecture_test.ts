/** The module graph as the runtime sees it, held against the rules; and made-up ones that break them. */
import {
  codeOf,
  type Import,
  type Module,
  packageOf,
  type Rule,
  RULES,
} from "../tools/architecture/rules.ts";
import * as rules from "../tools/architecture/rules.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { projectFile } from "./support/process.ts";

/** The parts of `deno info --json` that are read here. */
interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly local?: string;
    readonly error?: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string; readonly error?: string };
      readonly type?: { readonly specifier?: string };
      readonly isDynamic?: boolean;
    }[];
  }[];
}

/** Every file of the project that `main.ts` can reach. */
async function readGraph(): Promise<Module[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--quiet", "main.ts"],
    cwd: projectFile("."),
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stderr: "inherit",
  }).output();
  const info: Info = JSON.parse(new TextDecoder().decode(stdout));
  const root = `file://${projectFile("")}`;
  const short = (specifier: string) =>
    specifier.startsWith(root) ? specifier.slice(root.length) : specifier;
  const ours = info.modules.filter(({ specifier }) => specifier.startsWith(root));
  return ours.map(({ specifier, local, error, dependencies = [] }) => {
    if (local === undefined || error !== undefined) throw new Error(`${specifier}: ${error}`);
    const imports = dependencies.map(({ specifier, code, type, isDynamic }): Import => ({
      to: short((code ?? type)?.specifier ?? specifier),
      typeOnly: code === undefined,
      lazy: isDynamic === true,
    }));
    return { file: short(specifier), imports, code: codeOf(Deno.readTextFileSync(local)) };
  });
}

/** Files below a folder, from the project's root. */
function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(projectFile(folder))].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

Deno.test("The module graph holds the rules of the house.", async (t) => {
  const graph = await readGraph();
  assert(graph.length > 30);
  for (const [sentence, rule] of Object.entries(RULES)) {
    await t.step(sentence, () => assertEquals(rule(graph), []));
  }
  await t.step("Every source file is part of the program.", () => {
    const known = new Set(graph.map(({ file }) => file));
    assertEquals(filesBelow("src").filter((file) => !known.has(file)), []);
  });
});

Deno.test("Tests and tools have names in snake_case as well.", () => {
  const files = ["tests", "tools"].flatMap(filesBelow).filter((file) => file.endsWith(".ts"));
  assertEquals(rules.form(files.map((file) => made(file))), []);
});

/** A file of a made-up graph: `-x` imports types alone, `?x` when it is needed. */
function made(file: string, imports: readonly string[] = [], code = ""): Module {
  return {
    file,
    code,
    imports: imports.map((to) => ({
      to: to.replace(/^[-?]/, ""),
      typeOnly: to.startsWith("-"),
      lazy: to.startsWith("?"),
    })),
  };
}

const many = (lines: number) => "f();\n".repeat(lines);

const BROKEN: readonly (readonly [name: string, rule: Rule, graph: readonly Module[]])[] = [
  ["auth importing proxy", rules.layers, [made("src/auth/a.ts", ["src/proxy/b.ts"])]],
  ["proxy importing auth, types alone", rules.layers, [made("src/proxy/a.ts", ["-src/auth/b.ts"])]],
  ["oidc importing auth", rules.layers, [made("src/oidc/a.ts", ["src/auth/b.ts"])]],
  ["oidc importing config", rules.layers, [made("src/oidc/a.ts", ["-src/config/b.ts"])]],
  ["oidc importing demo", rules.layers, [made("src/oidc/a.ts", ["src/demo/b.ts"])]],
  ["proxy importing config", rules.layers, [made("src/proxy/a.ts", ["-src/config/b.ts"])]],
  ["demo importing server", rules.layers, [made("src/demo/a.ts", ["src/server/b.ts"])]],
  ["demo importing oidc", rules.layers, [made("src/demo/a.ts", ["src/oidc/b.ts"])]],
  ["another file importing demo", rules.layers, [made("src/server/a.ts", ["src/demo/b.ts"])]],
  ["main importing demo", rules.layers, [made("main.ts", ["?src/demo/b.ts"])]],
  ["main importing auth", rules.layers, [made("main.ts", ["src/auth/b.ts"])]],
  ["ops importing config", rules.layers, [made("src/ops/a.ts", ["src/config/b.ts"])]],
  ["a top file importing ops", rules.layers, [made("src/a.ts", ["src/ops/b.ts"])]],
  ["a new layer", rules.layers, [made("src/util/a.ts", ["src/ops/b.ts"])]],
  ["anything importing main", rules.layers, [made("src/server/a.ts", ["main.ts"])]],
  [
    "the supervisor importing the worker",
    rules.supervisorApart,
    [made("src/server/supervisor.ts", ["src/server/worker.ts"])],
  ],
  [
    "the demo loaded with the server",
    rules.demoIsLazy,
    [
      made("main.ts", ["src/server/demo_proxy.ts"]),
      made("src/server/demo_proxy.ts", ["src/demo/demo.ts"]),
      made("src/demo/demo.ts"),
    ],
  ],
  [
    "the demo's provider loaded with the server",
    rules.demoIsLazy,
    [
      made("main.ts", ["?src/server/run.ts"]),
      made("src/server/run.ts", ["npm:oidc-provider@9.0.0"]),
    ],
  ],
  ["jose in a file of its own", rules.packages, [made("src/auth/a.ts", ["npm:jose@6.0.0"])]],
  ["TOML outside config", rules.packages, [made("src/server/a.ts", ["npm:/smol-toml@1.0.0"])]],
  ["logging elsewhere", rules.packages, [made("src/ops/a.ts", ["npm:@logtape/logtape@2.0.0"])]],
  ["an unknown package", rules.packages, [made("src/ops/a.ts", ["npm:left-pad@1.0.0"])]],
  ["a package from the web", rules.packages, [made("src/ops/a.ts", ["https://x.test/a.ts"])]],
  ["a file importing itself", rules.noCycles, [made("src/a.ts", ["src/a.ts"])]],
  [
    "a cycle of three",
    rules.noCycles,
    [
      made("src/a.ts", ["src/b.ts"]),
      made("src/b.ts", ["?src/c.ts"]),
      made("src/c.ts", ["src/a.ts"]),
    ],
  ],
  ["Deno in auth", rules.runtimeUse, [made("src/auth/a.ts", [], "Deno.readTextFile(x)")]],
  ["Deno in tls", rules.runtimeUse, [made("src/tls/pfx.ts", [], "const { stat } = Deno;")]],
  ["Deno in a proxy file", rules.runtimeUse, [made("src/proxy/headers.ts", [], "Deno.now()")]],
  ["variables in server", rules.runtimeUse, [made("src/server/a.ts", [], "Deno.env.get(x)")]],
  ["variables by node's name", rules.runtimeUse, [made("src/ops/a.ts", [], "process.env.X")]],
  ["the console", rules.runtimeUse, [made("src/ops/a.ts", [], "console.log(x)")]],
  ["a default export", rules.form, [made("src/a.ts", [], "export default f;")]],
  ["a default export by another name", rules.form, [
    made("src/a.ts", [], "export { f as default };"),
  ]],
  ["a module-level variable", rules.form, [made("src/a.ts", [], "const a = 1;\nlet b = 2;")]],
  ["an exported variable", rules.form, [made("src/a.ts", [], "export let b = 2;")]],
  ["a name in camelCase", rules.form, [made("src/keyStore.ts")]],
  ["a name with a dash", rules.form, [made("src/key-store.ts")]],
  ["301 lines of code", rules.form, [made("src/a.ts", [], many(301))]],
];

for (const [name, rule, graph] of BROKEN) {
  Deno.test(`A graph with ${name} breaks a rule.`, () => {
    assertEquals(rule(graph).length, 1, JSON.stringify(rule(graph)));
  });
}

Deno.test("A graph that holds all rules is not complained of.", () => {
  const graph = [
    made("main.ts", [
      "deno.json",
      "src/config/load.ts",
      "?src/server/run.ts",
      "?src/server/demo_proxy.ts",
    ], "Deno.env.get(x)\nexport default { fetch };"),
    made("src/config/load.ts", ["npm:smol-toml@1.9.1", "-src/ops/log.ts", "src/result.ts"]),
    made("src/server/run.ts", ["src/server/worker.ts", "src/tls/identity.ts"], "Deno.serve()"),
    made("src/server/worker.ts", ["src/auth/verify.ts", "src/proxy/x_upstream.ts"]),
    made("src/server/supervisor.ts", ["-src/server/worker.ts"]),
    made("src/server/demo_proxy.ts", ["src/demo/demo.ts", "src/config/load.ts"]),
    made("src/demo/demo.ts", ["npm:/oidc-provider@9.13.3/lib/provider.js", "node:http"]),
    made("src/auth/signature.ts", ["npm:jose@6.2.18", "src/oidc/keys.ts", "src/failure.ts"]),
    made("src/oidc/keys.ts", ["-src/ops/clock.ts"]),
    made("src/proxy/x_upstream.ts", ["src/failure.ts"], "Deno.connect()"),
    made("src/tls/identity.ts", [], "Deno.readFile(x)"),
    made("src/ops/log.ts", ["npm:@logtape/logtape@2.4.2", "-src/ops/format.ts"], many(300)),
    made("src/ops/format.ts", ["-src/ops/log.ts"]),
    made("src/failure.ts", ["src/result.ts"]),
  ];
  for (const rule of Object.values(RULES)) assertEquals(rule(graph), []);
});

const CODES: readonly (readonly [text: string, code: string])[] = [
  ["a(); // Deno.x", "a(); "],
  ["/* Deno\n.x */ a()", "\n a()"],
  ['a("Deno // x"); b()', 'a(""); b()'],
  ["a('it\\'s Deno'); b()", 'a(""); b()'],
  ["a(`Deno ${Deno.x} Deno`)", 'a("" + (Deno.x) + "")'],
  ["a(`${b({ c: `${d}` })}`, e)", 'a("" + (b({ c: "" + (d) + "" })) + "", e)'],
  ["a = /[/\"'`]Deno/g.test(b)", "a = / /.test(b)"],
  ["a = b / c; d = e / f; // g", "a = b / c; d = e / f; "],
  ["return /\\/\\/x/.test(a)", "return / /.test(a)"],
  ["a('http://x'); b()", 'a(""); b()'],
];

for (const [text, code] of CODES) {
  Deno.test(`The code of ${JSON.stringify(text)} is found.`, () => {
    assertEquals(codeOf(text), code);
  });
}

Deno.test("A package is known by whatever specifier stands for it.", () => {
  const specifiers = ["npm:jose@6.2.18", "npm:/jose@6.2.18/dist/x.js", "jose", "jose/jwt"];
  assertEquals(new Set(specifiers.map(packageOf)), new Set(["jose"]));
  assertEquals(packageOf("npm:/@logtape/logtape@2.4.2"), "@logtape/logtape");
});
