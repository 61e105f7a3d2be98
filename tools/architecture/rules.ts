/** The rules of the module graph as functions of plain data, so that made-up graphs can break them. */

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
  /** Its text without comments and with its texts emptied. */
  readonly code: string;
}

/** Says what breaks a rule, one sentence each. */
export type Rule = (modules: readonly Module[]) => string[];

/** The layer of a file: `auth` for `src/auth/bearer.ts`, `top` for `src/result.ts`, `main`. */
export function layerOf(file: string): string {
  if (file === "main.ts") return "main";
  const [, layer, ...rest] = file.split("/");
  return file.startsWith("src/") && rest.length > 0 ? layer ?? "" : "top";
}

/** What each layer may import besides itself and the small files at the top of `src`. */
const DOWNWARDS: Readonly<Record<string, readonly string[]>> = {
  main: ["config", "server", "ops"],
  server: ["auth", "proxy", "oidc", "tls", "ops", "config"],
  auth: ["oidc", "ops"],
  proxy: ["ops"],
  oidc: ["ops"],
  tls: ["ops"],
  config: ["ops"],
  demo: [],
  ops: [],
  top: [],
};

/** Imports that no layer's row allows, and why they are right. */
const EXCEPTIONS: readonly (readonly [from: string, to: string])[] = [
  ["src/server/demo_proxy.ts", "src/demo/"], // puts the real proxy into the demo
  ["main.ts", "deno.json"], // the version
];

/** Packages from outside, and the files that may know them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "jose": ["src/auth/signature.ts", "src/oidc/key_store.ts"],
  "smol-toml": ["src/config/"],
  "@logtape/logtape": ["src/ops/log.ts"],
  "oidc-provider": ["src/demo/"],
};

/** Files that may use the runtime's own interface. */
const RUNTIME_USERS: readonly RegExp[] = [
  /^main\.ts$/,
  /^src\/(server|ops|demo)\//,
  /^src\/tls\/identity\.ts$/,
  /^src\/proxy\/(\w+_upstream|dial|websocket\w*)\.ts$/,
];

/** Most lines of code in a file, comments and blank lines not counted. */
const MOST_LINES = 300;

/** Every import goes downwards. */
export const layers: Rule = (modules) =>
  eachImport(modules, ({ file }, { to }) => {
    if (!isOurs(to) || EXCEPTIONS.some(([from, into]) => from === file && to.startsWith(into))) {
      return undefined;
    }
    const [from, into] = [layerOf(file), layerOf(to)];
    const allowed = from === into || into === "top" || DOWNWARDS[from]?.includes(into) === true;
    return allowed ? undefined : `${file} imports ${to}: ${from} does not know ${into}`;
  });

/** The supervisor starts workers as processes and never holds one itself. */
export const supervisorApart: Rule = (modules) =>
  eachImport(modules, ({ file }, { to, typeOnly }) => {
    const forbidden = file === "src/server/supervisor.ts" && to === "src/server/worker.ts";
    return forbidden && !typeOnly ? `${file} imports ${to}` : undefined;
  });

/** What serving needs comes without the demo and its provider. */
export const demoIsLazy: Rule = (modules) => {
  const byFile = new Map(modules.map((module) => [module.file, module]));
  const reached = new Set<string>();
  const reach = (file: string) => {
    if (reached.has(file)) return;
    reached.add(file);
    const serving = (byFile.get(file)?.imports ?? []).filter(({ to, typeOnly, lazy }) =>
      !typeOnly && !(lazy && to === "src/server/demo_proxy.ts")
    );
    serving.forEach(({ to }) => reach(to));
  };
  reach("main.ts");
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

/** Nothing that runs imports itself, by whatever way round. */
export const noCycles: Rule = (modules) => {
  const imports = new Map(modules.map(({ file, imports }) => [
    file,
    imports.filter(({ typeOnly }) => !typeOnly).map(({ to }) => to),
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
  modules.flatMap(({ file, code }) => {
    const broken: string[] = [];
    if (/\bDeno\b/.test(code) && !RUNTIME_USERS.some((user) => user.test(file))) {
      broken.push(`${file} uses Deno`);
    }
    if (/\bDeno\s*\.\s*env\b|\bprocess\s*\.\s*env\b/.test(code) && file !== "main.ts") {
      broken.push(`${file} reads variables of the environment`);
    }
    if (/\bconsole\b/.test(code)) broken.push(`${file} uses the console`);
    return broken;
  });

/** Modules have names for what they export, no state, names in one style and a bearable length. */
export const form: Rule = (modules) =>
  modules.flatMap(({ file, code }) => {
    const broken: string[] = [];
    if (/\bexport\s+default\b|\bas\s+default\b/.test(code) && file !== "main.ts") {
      broken.push(`${file} has a default export`);
    }
    if (/^(export\s+)?(let|var)\b/m.test(code)) broken.push(`${file} has state of its own`);
    const name = file.slice(file.lastIndexOf("/") + 1);
    if (!/^[a-z0-9]+(_[a-z0-9]+)*\.(ts|json)$/.test(name)) broken.push(`${file} is not snake_case`);
    const lines = code.split("\n").filter((line) => line.trim() !== "").length;
    if (lines > MOST_LINES) broken.push(`${file} has ${lines} lines of code`);
    return broken;
  });

/** All rules by the sentences that they hold. */
export const RULES: Readonly<Record<string, Rule>> = {
  "Every import goes downwards.": layers,
  "The supervisor does not import the worker.": supervisorApart,
  "The demo is loaded when it is asked for.": demoIsLazy,
  "Each package from outside is known to the files that wrap it.": packages,
  "No module imports itself, by whatever way round.": noCycles,
  "The runtime's interface is used where the outside is touched.": runtimeUse,
  "Modules have named exports, no state, names in snake_case and at most 300 lines.": form,
};

function eachImport(
  modules: readonly Module[],
  judge: (module: Module, what: Import) => string | undefined,
): string[] {
  return modules.flatMap((module) => module.imports.flatMap((what) => judge(module, what) ?? []));
}

function isOurs(to: string): boolean {
  return to === "main.ts" || to === "deno.json" || to.startsWith("src/");
}

/** `jose` for `npm:jose@6`, `npm:/jose@6/lib/x.js` and `jose/x`. */
export function packageOf(specifier: string): string {
  return /^(?:npm:\/?)?((?:@[^/@]+\/)?[^/@]+)/.exec(specifier)?.[1] ?? specifier;
}

/** Words after which a `/` begins a regular expression. */
const BEFORE_REGEX =
  /(?:^|[=([{,;:!&|?+\-*%<>~^]|\b(?:return|typeof|case|of|in|void|await|yield))\s*$/;

/**
 * The text of a module without its comments and with its texts emptied (`""`), so that what it does
 * is not mistaken for what it talks about. Line ends stay. What stands in `${…}` is code.
 */
export function codeOf(text: string): string {
  let code = "";
  let at = 0;
  /** For each template that is open: how many braces are open inside its current `${`. */
  const templates: number[] = [];

  const template = () => {
    for (; at < text.length; at++) {
      if (text[at] === "\\") at++;
      else if (text[at] === "`") {
        at++;
        code += '""';
        return;
      } else if (text.startsWith("${", at)) {
        at += 2;
        code += '"" + (';
        templates.push(0);
        return;
      } else if (text[at] === "\n") code += "\n";
    }
  };

  while (at < text.length) {
    const rest = text.slice(at, at + 2);
    const c = text[at] ?? "";
    if (rest === "//") {
      while (at < text.length && text[at] !== "\n") at++;
    } else if (rest === "/*") {
      const end = text.indexOf("*/", at + 2);
      const comment = text.slice(at, end === -1 ? undefined : end + 2);
      code += comment.replaceAll(/[^\n]/g, "");
      at += comment.length;
    } else if (c === '"' || c === "'") {
      const literal = /^(["'])(?:\\[\s\S]|(?!\1)[^\\\n])*\1/.exec(text.slice(at))?.[0] ?? c;
      code += '""';
      at += literal.length;
    } else if (c === "`") {
      at++;
      template();
    } else if (c === "/" && BEFORE_REGEX.test(code.slice(-20))) {
      const literal = /^\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/\w*/.exec(text.slice(at))?.[0];
      code += literal === undefined ? c : "/ /";
      at += literal?.length ?? 1;
    } else {
      const open = templates.length - 1;
      if (open >= 0 && c === "{") templates[open] = (templates[open] ?? 0) + 1;
      if (open >= 0 && c === "}") {
        if (templates[open] === 0) {
          templates.pop();
          code += ") + ";
          at++;
          template();
          continue;
        }
        templates[open] = (templates[open] ?? 0) - 1;
      }
      code += c;
      at++;
    }
  }
  return code;
}
