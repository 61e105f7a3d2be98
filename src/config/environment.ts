/**
 * Which variables of the environment the program may read. All others are hidden from it
 * (`--ignore-env`): they look as if they were not set.
 */
import { INPUT_NAMES } from "./schema.ts";

/**
 * The settings, as `--allow-env` takes them: `PROVIDER_*` for `PROVIDER_URL`. Everything that begins
 * like a setting can be seen, so that `PROVIDER_URI` is reported as a misspelt one.
 */
export const SETTING_VARIABLES: readonly string[] = patternsOf(INPUT_NAMES);

/** Where `settings.toml` is searched besides the working directory. */
const PATH_VARIABLE = "PATH";

/** What the runtime itself reads: a worker gets a copy, and only what can be read can be copied. */
const RUNTIME_VARIABLES = [
  // Where modules are kept that have been downloaded.
  "DENO_DIR",
  "HOME",
  "XDG_CACHE_HOME",
  // Whom to trust over TLS.
  "DENO_CERT",
  "DENO_TLS_CA_STORE",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_DIR",
  "SSL_CERT_FILE",
  // Proxies for UPSTREAM_TRANSPORT=fetch.
  "ALL_PROXY",
  "HTTPS_PROXY",
  "HTTP_PROXY",
  "NO_PROXY",
  "all_proxy",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  // How the C library keeps memory (docs/performance.md).
  "MALLOC_*",
  // Traces, and the form of what the runtime prints.
  "DENO_NO_UPDATE_CHECK",
  "DENO_V8_FLAGS",
  "NO_COLOR",
  "OTEL_*",
  "TZ",
];

/** Everything that the program may read, as `--allow-env` takes it. */
export const READABLE_VARIABLES: readonly string[] = [
  ...SETTING_VARIABLES,
  PATH_VARIABLE,
  ...RUNTIME_VARIABLES,
];

/** The part of the runtime's interface that is used here. */
export interface Environment {
  get(name: string): string | undefined;
  toObject(): Record<string, string>;
}

/**
 * The variables that can be read. Without `--ignore-env` the runtime lists none where some are
 * withheld; then every name is asked for, and what is withheld counts as not set. Misspelt names
 * cannot be seen in that case.
 */
export function readVariables(env: Environment): Record<string, string> {
  try {
    return env.toObject();
  } catch {
    const names = [...INPUT_NAMES, ...READABLE_VARIABLES.filter((name) => !name.endsWith("*"))];
    return Object.fromEntries(names.flatMap((name) => {
      const value = readOne(env, name);
      return value === undefined ? [] : [[name, value]];
    }));
  }
}

function readOne(env: Environment, name: string): string | undefined {
  try {
    return env.get(name);
  } catch {
    return undefined;
  }
}

/**
 * What a worker's environment may hold: no setting, since these reach it over a pipe, and variables of
 * traces only where it sends traces, since one of them is often a key (`OTEL_EXPORTER_OTLP_HEADERS`).
 */
export function workerVariables(
  variables: Readonly<Record<string, string>>,
): Record<string, string> {
  const settings = new Set(INPUT_NAMES);
  const traces = /^true$/i.test(variables.OTEL_DENO ?? "");
  return Object.fromEntries(
    Object.entries(variables).filter(([name]) =>
      !settings.has(name) && (traces || !name.startsWith("OTEL_"))
    ),
  );
}

/** Names without their last word, each once; names of one word as they are. */
function patternsOf(names: readonly string[]): readonly string[] {
  const patterns = new Set(names.map((name) => name.replace(/_[^_]+$/, "_*")));
  const covered = (pattern: string) =>
    [...patterns].some((wide) =>
      wide !== pattern && wide.endsWith("*") && pattern.startsWith(wide.slice(0, -1))
    );
  return [...patterns].filter((pattern) => !covered(pattern)).toSorted();
}
