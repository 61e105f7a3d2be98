/** The module graph as the runtime sees it, held against the rules; and made-up ones that break them. */
import { readGraph } from "../tools/architecture/graph.ts";
import { type Module, packageOf, type Rule, RULES } from "../tools/architecture/rules.ts";
import * as rules from "../tools/architecture/rules.ts";
import { readSource } from "../tools/architecture/source.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { projectFile } from "./support/process.ts";

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

Deno.test("Tests have names in snake_case as well, and tools hold all rules of form.", () => {
  const scripts = (folder: string) => filesBelow(folder).filter((file) => file.endsWith(".ts"));
  const tools = scripts("tools").map((file) =>
    made(file, [], Deno.readTextFileSync(projectFile(file)))
  );
  assertEquals(rules.form([...scripts("tests").map((file) => made(file)), ...tools]), []);
});

/** A file of a made-up graph: `-x` imports types alone, `?x` when it is needed. */
function made(file: string, imports: readonly string[] = [], code = ""): Module {
  return {
    file,
    source: readSource(file, code),
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
  ["demo importing worker", rules.layers, [made("src/demo/a.ts", ["src/worker/b.ts"])]],
  ["demo importing oidc", rules.layers, [made("src/demo/a.ts", ["src/oidc/b.ts"])]],
  ["another file importing demo", rules.layers, [made("src/worker/a.ts", ["src/demo/b.ts"])]],
  ["main importing demo", rules.layers, [made("main.ts", ["?src/demo/b.ts"])]],
  ["main importing auth", rules.layers, [made("main.ts", ["src/auth/b.ts"])]],
  ["ops importing config", rules.layers, [made("src/ops/a.ts", ["src/config/b.ts"])]],
  ["a top file importing ops", rules.layers, [made("src/a.ts", ["src/ops/b.ts"])]],
  ["a new layer", rules.layers, [made("src/util/a.ts", ["src/ops/b.ts"])]],
  ["anything importing main", rules.layers, [made("src/worker/a.ts", ["main.ts"])]],
  ["supervisor importing worker", rules.layers, [
    made("src/supervisor/supervisor.ts", ["src/worker/worker.ts"]),
  ]],
  ["supervisor importing request, types alone", rules.layers, [
    made("src/supervisor/a.ts", ["-src/request/b.ts"]),
  ]],
  ["policy importing proxy, types alone", rules.layers, [
    made("src/policy/a.ts", ["-src/proxy/b.ts"]),
  ]],
  ["auth importing policy", rules.layers, [made("src/auth/a.ts", ["-src/policy/b.ts"])]],
  ["keys importing config", rules.layers, [made("src/keys/a.ts", ["src/config/b.ts"])]],
  ["request importing a listener", rules.layers, [made("src/request/a.ts", ["src/listen/b.ts"])]],
  ["Deno in request", rules.runtimeUse, [made("src/request/a.ts", [], "Deno.serve(x)")]],
  ["Deno in policy", rules.runtimeUse, [made("src/policy/a.ts", [], "Deno.cwd()")]],
  [
    "WebSockets importing the pool, types alone",
    rules.webSocketsApart,
    [made("src/proxy/websocket/relays.ts", ["-src/proxy/http1/pool.ts"])],
  ],
  [
    "WebSockets importing a connection",
    rules.webSocketsApart,
    [made("src/proxy/websocket/relay.ts", ["src/proxy/http1/connection.ts"])],
  ],
  [
    "the pool importing WebSockets",
    rules.webSocketsApart,
    [made("src/proxy/http1/pool.ts", ["src/proxy/websocket/relays.ts"])],
  ],
  [
    "the demo loaded with the server",
    rules.demoIsLazy,
    [
      made("main.ts", ["src/app/demo.ts"]),
      made("src/app/demo.ts", ["src/demo/demo.ts"]),
      made("src/demo/demo.ts"),
    ],
  ],
  [
    "the demo's provider loaded with the server",
    rules.demoIsLazy,
    [
      made("main.ts", ["?src/app/run.ts"]),
      made("src/app/run.ts", ["npm:oidc-provider@9.0.0"]),
    ],
  ],
  ["jose in a file of its own", rules.packages, [made("src/auth/a.ts", ["npm:jose@6.0.0"])]],
  ["TOML outside config", rules.packages, [made("src/worker/a.ts", ["npm:/smol-toml@1.0.0"])]],
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
  [
    "a cycle of types",
    rules.noCycles,
    [made("src/a.ts", ["-src/b.ts"]), made("src/b.ts", ["-src/a.ts"])],
  ],
  ["Deno in auth", rules.runtimeUse, [made("src/auth/a.ts", [], "Deno.readTextFile(x)")]],
  ["Deno in tls", rules.runtimeUse, [made("src/tls/pfx.ts", [], "const { stat } = Deno;")]],
  ["Deno in a proxy file", rules.runtimeUse, [made("src/proxy/headers.ts", [], "Deno.now()")]],
  ["Deno in the HTTP/1.1 client", rules.runtimeUse, [
    made("src/proxy/http1/upstream.ts", [], "Deno.connect()"),
  ]],
  ["Deno in another file of WebSockets", rules.runtimeUse, [
    made("src/proxy/websocket/relay.ts", [], "Deno.upgradeWebSocket(x)"),
  ]],
  ["variables in a room", rules.runtimeUse, [made("src/worker/a.ts", [], "Deno.env.get(x)")]],
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
  ["111 lines of code in an entry", rules.form, [made("main.ts", [], many(111))]],
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
      "?src/app/run.ts",
      "?src/app/demo.ts",
    ], "Deno.env.get(x)"),
    made("serve.ts", ["?src/edge/edge.ts"], "Deno.env.get(x)\nexport default { fetch };"),
    made("src/edge/edge.ts", ["src/app/prepare.ts", "-src/config/schema.ts"]),
    made("src/config/load.ts", ["npm:smol-toml@1.9.1", "-src/ops/log.ts", "src/result.ts"]),
    made("src/app/run.ts", ["src/worker/worker.ts", "src/tls/identity.ts"], "Deno.serve()"),
    made("src/worker/worker.ts", ["src/request/service.ts", "-src/config/schema.ts"]),
    made("src/request/service.ts", [
      "src/policy/decide.ts",
      "src/proxy/dial.ts",
      "-src/ipc/workers.ts",
    ]),
    made("src/supervisor/supervisor.ts", ["-src/ipc/workers.ts"]),
    made("src/app/demo.ts", ["src/demo/demo.ts", "src/config/load.ts"]),
    made("src/demo/demo.ts", ["npm:/oidc-provider@9.13.3/lib/provider.js", "node:http"]),
    made("src/jws/signature.ts", ["npm:jose@6.2.18", "src/failure.ts"]),
    made("src/oidc/keys.ts", ["-src/ops/clock.ts"]),
    made("src/proxy/dial.ts", ["src/failure.ts"], "Deno.connect()"),
    made("src/proxy/websocket/relays.ts", ["src/proxy/dial.ts", "-src/proxy/websocket/relay.ts"]),
    made("src/proxy/http1/pool.ts", ["src/proxy/http1/connection.ts"]),
    made("src/tls/identity.ts", [], "Deno.readFile(x)"),
    made("src/ops/log.ts", ["-src/ops/log_record.ts"], many(300)),
    made("src/ops/format.ts"),
    made("src/failure.ts", ["src/result.ts"]),
  ];
  for (const rule of Object.values(RULES)) assertEquals(rule(graph), []);
});

/** Texts, and whether they use the runtime's interface. */
const TEXTS: readonly (readonly [text: string, uses: boolean])[] = [
  ["a(); // Deno.x", false],
  ["/* Deno\n.x */ a()", false],
  ['a("Deno // x"); b()', false],
  ["a(`Deno ${b} Deno`)", false],
  ["a(`${Deno.x}`)", true],
  ["a(`${b({ c: `${Deno}` })}`, e)", true],
  ["a = /[/\"'`]Deno/g.test(b)", false],
  ["a = b / c; d = Deno.e / f; // g", true],
  ["a('http://x'); Deno.b()", true],
  ["globalThis.Deno.b()", true],
  ["type A = Deno.Conn;", true],
  ["function f(): Deno.Conn { throw 1 }", true],
  ["const { stat } = Deno;", true],
];

for (const [text, uses] of TEXTS) {
  Deno.test(`${JSON.stringify(text)} uses the runtime's interface: ${uses}.`, () => {
    assertEquals(readSource("src/a.ts", text).names.has("Deno"), uses);
  });
}

Deno.test("Comments and blank lines are no lines of code, lines of a text are.", () => {
  const text = "/** a\n * b\n */\n\nconst a = `x\n  // y\n`; // z\n/* c */ f(); /* d\n */\n";
  assertEquals(readSource("src/a.ts", text).lines, 4);
});

Deno.test("A variable within a function is no state of the module.", () => {
  const state = (text: string) => readSource("src/a.ts", text).hasState;
  assertEquals(["function f() { let a = 1; }", "for (let a of b) c(a);"].map(state), [
    false,
    false,
  ]);
  assertEquals(["let a;", "const x = 1; var a;", "export let a;"].map(state), [true, true, true]);
});

Deno.test("A package is known by whatever specifier stands for it.", () => {
  const specifiers = ["npm:jose@6.2.18", "npm:/jose@6.2.18/dist/x.js", "jose", "jose/jwt"];
  assertEquals(new Set(specifiers.map(packageOf)), new Set(["jose"]));
  assertEquals(packageOf("npm:/@scope/name@2.4.2"), "@scope/name");
});
