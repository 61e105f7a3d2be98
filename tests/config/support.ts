/** Short ways to load settings in tests. */
import { type Inputs, load, type Loaded } from "../../src/config/load.ts";
import type { SettingName } from "../../src/config/schema.ts";
import type { Problem } from "../../src/config/problems.ts";
import { fail, ok } from "../../src/result.ts";

/** The smallest environment that loads. */
export const MINIMAL: Readonly<Record<string, string>> = {
  LISTEN_URL: ":8080",
  PROVIDER_URL: "https://id.example.com",
  UPSTREAM_URL: "http://127.0.0.1:9000",
};

/** What a test wants to differ; `file` is the text of `settings.toml`. */
export interface Given {
  readonly file?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: Readonly<Record<string, string>>;
  /** Contents by path. */
  readonly files?: Readonly<Record<string, string>>;
}

function inputs(given: Given): Inputs {
  const files = new Map(Object.entries(given.files ?? {}));
  return {
    ...(given.file === undefined ? {} : { file: { name: "settings.toml", text: given.file } }),
    env: given.env ?? {},
    flags: given.flags ?? {},
    readFile: (path) => {
      const text = files.get(path);
      return text === undefined ? fail(`no such file: ${path}`) : ok(text);
    },
  };
}

/** Loads exactly what is given; throws when there are problems. */
export function loadOk(given: Given): Loaded {
  const loaded = load(inputs(given));
  if (!loaded.ok) throw new Error(`did not load: ${JSON.stringify(loaded.failure)}`);
  return loaded.value;
}

/** Loads exactly what is given and returns the problems; throws when there are none. */
export function loadProblems(given: Given): readonly Problem[] {
  const loaded = load(inputs(given));
  if (loaded.ok) throw new Error("loaded without a problem");
  return loaded.failure;
}

/** Loads the minimal environment with some variables more. */
export function withEnv(env: Readonly<Record<string, string>>): Loaded {
  return loadOk({ env: { ...MINIMAL, ...env } });
}

/** The problems of the minimal environment with some variables more. */
export function problemsWithEnv(env: Readonly<Record<string, string>>): readonly Problem[] {
  return loadProblems({ env: { ...MINIMAL, ...env } });
}

/** Settings that cannot stand beside some of the others: left out where all are given at once. */
export const NOT_BESIDE_OTHERS: readonly SettingName[] = [
  "PROVIDERS",
  "PROVIDER_TOKEN_FILE",
  "TRUST_DOMAIN",
  "ALGORITHMS",
  "INTROSPECTION_KEY",
  "SUBJECTS",
];
