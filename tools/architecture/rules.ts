/** The rules of the module graph as functions of plain data, so that made-up graphs can break them. */
import type { Source } from "./source.ts";

/** One import. */
export interface Import {
  /** A file from the project's root, or the specifier of something outside. */
  readonly to: string;
  /** Types alone are imported: nothing of it is there at run time. */
  readonly typeOnly: boolean;
  /** Imported when it is needed, not at the start. */
  readonly lazy: boolean;
}

/** One file of the project. */
export interface Module {
  /** From the project's root: `main.ts`, `src/auth/bearer.ts`. */
  readonly file: string;
  readonly imports: readonly Import[];
  readonly source: Source;
}

/** Says what breaks a rule, one sentence each. */
export type Rule = (modules: readonly Module[]) => string[];

/** The room of a file: `auth` for `src/auth/claims.ts`, `top` for `src/result.ts`, `main` for the entries. */
export function layerOf(file: string): string {
  if (file === "main.ts" || file === "serve.ts") return "main";
  const [, layer, ...rest] = file.split("/");
  return file.startsWith("src/") && rest.length > 0 ? layer ?? "" : "top";
}

/** What each room may import besides itself and the small files at the top of `src`. */
const DOWNWARDS: Readonly<Record<string, readonly string[]>> = {
  main: ["app", "edge", "worker", "runtime", "config"],
  app: [
    "worker",
    "supervisor",
    "admin",
    "keys",
    "listen",
    "ipc",
    "runtime",
    "tls",
    "oidc",
    "config",
    "ops",
  ],
  edge: ["app", "request", "keys", "oidc", "config", "ops"],
  worker: ["request", "listen", "ipc", "keys", "oidc", "ops"],
  supervisor: ["ipc", "runtime", "oidc", "ops"],
  admin: ["keys", "listen", "ipc", "ops"],
  request: ["policy", "proxy", "auth", "oidc", "jws", "ops"],
  policy: ["auth", "ops"],
  auth: ["oidc", "jws", "ops"],
  keys: ["oidc", "ops"],
  oidc: ["jws", "ops"],
  jws: [],
  proxy: ["ops"],
  listen: ["ops"],
  ipc: ["oidc", "ops"],
  runtime: ["config"],
  tls: ["ops"],
  config: ["jws", "ops"],
  demo: [],
  ops: [],
  top: [],
};

/** What each room may know besides, but by its types alone: nothing of it is there at run time. */
const TYPES_ONLY: Readonly<Record<string, readonly string[]>> = {
  app: ["proxy"],
  admin: ["config"],
  worker: ["config", "proxy"],
  supervisor: ["config"],
  request: ["listen", "ipc", "config"],
  policy: ["config"],
  keys: ["config"],
  ipc: ["proxy", "tls", "config"],
  listen: ["tls", "config"],
};

/** Imports that no room's row allows, and why they are right. */
const EXCEPTIONS: readonly (readonly [from: string, to: string])[] = [
  ["src/app/demo.ts", "src/demo/"], // puts the real proxy into the demo
  ["main.ts", "deno.json"], // the version
  ["serve.ts", "deno.json"], // the version
];

/** Packages from outside, and the files that may know them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "jose": ["src/jws/signature.ts", "src/jws/client_key.ts"],
  "smol-toml": ["src/config/"],
  "oidc-provider": ["src/demo/"],
};

/** Files that may use the runtime's own interface. */
const RUNTIME_USERS: readonly RegExp[] = [
  /^(main|serve)\.ts$/,
  /^src\/(app|edge|worker|supervisor|listen|keys|admin|runtime|ops|demo)\//,
  /^src\/tls\/identity\.ts$/,
  /^src\/proxy\/(fetch_upstream|dial|websocket\/relays)\.ts$/,
];

/** Most lines of code in a file, comments and blank lines not counted. */
const MOST_LINES = 300;

/** The same for an entry: it reads arguments and hands over. */
const MOST_ENTRY_LINES = 110;

/** Every import goes downwards; some rooms are known by their types alone. */
export const layers: Rule = (modules) =>
  eachImport(modules, ({ file }, { to, typeOnly }) => {
    if (!isOurs(to) || EXCEPTIONS.some(([from, into]) => from === file && to.startsWith(into))) {
      return undefined;
    }
    const [from, into] = [layerOf(file), layerOf(to)];
    if (from === into || into === "top" || DOWNWARDS[from]?.includes(into)) return undefined;
    if (TYPES_ONLY[from]?.includes(into)) {
      return typeOnly ? undefined : `${file} imports ${to}: ${from} knows types of ${into} alone`;
    }
    return `${file} imports ${to}: ${from} does not know ${into}`;
  });

/** WebSockets are given a way to open connections, and know neither it nor the pool's. */
export const webSocketsApart: Rule = (modules) =>
  eachImport(modules, ({ file }, { to }) => {
    const [from, into] = [file, to].map((path) =>
      /^src\/proxy\/(http1|websocket)\//.exec(path)?.[1]
    );
    const apart = from !== undefined && into !== undefined && from !== into;
    return apart ? `${file} imports ${to}` : undefined;
  });

/** What serving needs comes without the demo and its provider. */
export const demoIsLazy: Rule = (modules) => {
  const byFile = new Map(modules.map((module) => [module.file, module]));
  const reached = new Set<string>();
  const reach = (file: string) => {
    if (reached.has(file)) return;
    reached.add(file);
    const serving = (byFile.get(file)?.imports ?? []).filter(({ to, typeOnly, lazy }) =>
      !typeOnly && !(lazy && to === "src/app/demo.ts")
    );
    serving.forEach(({ to }) => reach(to));
  };
  reach("main.ts");
  reach("serve.ts");
  return [...reached].filter((file) =>
    layerOf(file) === "demo" || packageOf(file) === "oidc-provider"
  )
    .map((file) => `${file} is loaded without being asked for`);
};

/** Packages from outside are known to the files that wrap them. */
export const packages: Rule = (modules) =>
  eachImport(modules, ({ file }, { to }) => {
    if (isOurs(to) || to.startsWith("node:")) return undefined;
    const users = PACKAGES[packageOf(to)];
    if (users === undefined) return `${file} imports ${to}, which no rule knows`;
    const allowed = users.some((user) =>
      file === user || (user.endsWith("/") && file.startsWith(user))
    );
    return allowed ? undefined : `${file} imports ${to}, which is for ${users.join(", ")}`;
  });

/** Nothing imports itself, by whatever way round, types included. */
export const noCycles: Rule = (modules) => {
  const imports = new Map(modules.map(({ file, imports }) => [
    file,
    imports.map(({ to }) => to),
  ]));
  const found = new Map<string, string>();
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    const at = path.indexOf(file);
    if (at !== -1) {
      const cycle = path.slice(at);
      found.set(cycle.toSorted().join(), `${[...cycle, file].join(" → ")} is a cycle`);
      return;
    }
    if (done.has(file)) return;
    for (const to of imports.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return [...found.values()];
};

/** The runtime's interface is used where the outside is touched; variables are read in one place. */
export const runtimeUse: Rule = (modules) =>
  modules.flatMap(({ file, source: { names, readsVariables } }) => {
    const broken: string[] = [];
    if (names.has("Deno") && !RUNTIME_USERS.some((user) => user.test(file))) {
      broken.push(`${file} uses Deno`);
    }
    if (readsVariables && layerOf(file) !== "main") {
      broken.push(`${file} reads variables of the environment`);
    }
    if (names.has("console")) broken.push(`${file} uses the console`);
    return broken;
  });

/** Modules have names for what they export, no state, names in one style and a bearable length. */
export const form: Rule = (modules) =>
  modules.flatMap(({ file, source: { hasDefaultExport, hasState, lines } }) => {
    const broken: string[] = [];
    if (hasDefaultExport && file !== "serve.ts") {
      broken.push(`${file} has a default export`);
    }
    if (hasState) broken.push(`${file} has state of its own`);
    const name = file.slice(file.lastIndexOf("/") + 1);
    if (!/^[a-z0-9]+(_[a-z0-9]+)*\.(ts|json)$/.test(name)) broken.push(`${file} is not snake_case`);
    const most = layerOf(file) === "main" ? MOST_ENTRY_LINES : MOST_LINES;
    if (lines > most) broken.push(`${file} has ${lines} lines of code`);
    return broken;
  });

/** All rules by the sentences that they hold. */
export const RULES: Readonly<Record<string, Rule>> = {
  "Every import goes downwards.": layers,
  "WebSockets and the HTTP/1.1 client do not know each other.": webSocketsApart,
  "The demo is loaded when it is asked for.": demoIsLazy,
  "Each package from outside is known to the files that wrap it.": packages,
  "No module imports itself, by whatever way round, types included.": noCycles,
  "The runtime's interface is used where the outside is touched.": runtimeUse,
  "Modules have named exports, no state, names in snake_case and at most 300 lines, entries 110.":
    form,
};

function eachImport(
  modules: readonly Module[],
  judge: (module: Module, what: Import) => string | undefined,
): string[] {
  return modules.flatMap((module) => module.imports.flatMap((what) => judge(module, what) ?? []));
}

function isOurs(to: string): boolean {
  return to === "main.ts" || to === "serve.ts" || to === "deno.json" || to.startsWith("src/");
}

/** `jose` for `npm:jose@6`, `npm:/jose@6/lib/x.js` and `jose/x`. */
export function packageOf(specifier: string): string {
  return /^(?:npm:\/?)?((?:@[^/@]+\/)?[^/@]+)/.exec(specifier)?.[1] ?? specifier;
}
