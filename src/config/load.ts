/**
 * From plain inputs to the settings: default < settings file < environment < flag.
 *
 * Nothing here touches the system; the caller reads the file and passes the environment.
 */
import { fail, ok, type Result } from "../result.ts";
import { TABLES } from "./all_tables.ts";
import { missingPartners, warningsOf } from "./checks.ts";
import type { Entry, Layer, TableEntry } from "./entries.ts";
import { readJsonEntries } from "./json_entries.ts";
import { flatProvider, listedProviders, type Providers } from "./load_providers.ts";
import { type LoadedEntry, loadTables } from "./load_tables.ts";
import { fileForm, flagName } from "./names.ts";
import { nearMiss } from "./nearest_name.ts";
import type { Problem } from "./problems.ts";
import { type ReadFile, resolve, type Resolved, show } from "./resolve.ts";
import { expectation } from "./row.ts";
import {
  type Config,
  grouped,
  INPUT_NAMES,
  rowOf,
  SETTING_NAMES,
  type SettingName,
} from "./schema.ts";
import { readSettingsFile, type SettingsFile } from "./settings_file.ts";
import type { Table } from "./table.ts";

/** Name of the settings file where none is named. */
export const SETTINGS_FILE = "settings.toml";

/** Everything that settings come from. */
export interface Inputs {
  /** The settings file, when there is one. */
  readonly file?: SettingsFile;
  /** The whole environment; variables that are no settings are ignored. */
  readonly env: Readonly<Record<string, string>>;
  /** Flags by their name without dashes: `{ "listen-url": ":8080" }`. */
  readonly flags: Readonly<Record<string, string>>;
  /** Reads the file of a secret; the failure is a short reason, such as `no such file`. */
  readonly readFile: ReadFile;
}

/** The settings, with where each came from. */
export interface Loaded {
  /** Frozen, nested values included. */
  readonly config: Config;
  /** Where each value came from; `default` and `not set` included. */
  readonly origins: Readonly<Record<SettingName, string>>;
  /** Each value as a text that may be shown: secrets are `***`, `(not set)` where there is none. */
  readonly shown: Readonly<Record<SettingName, string>>;
  /** The entries of each table of the settings file, by the table's key. */
  readonly tables: Readonly<Record<string, readonly LoadedEntry[]>>;
  /** Sentences for the operator; no secret values in them. */
  readonly warnings: readonly string[];
}

/**
 * Where a settings file is looked for, in order, when none is named: the working directory, then
 * the directories of $PATH (absolute ones; `separator` stands between them).
 */
export function candidatePaths(cwd: string, pathVariable: string, separator = ":"): string[] {
  const directories = pathVariable.split(separator)
    .filter((directory) => /^(\/|[a-z]:[\\/])/i.test(directory));
  const paths = [cwd, ...directories]
    .map((directory) => `${directory.replace(/[\\/]+$/, "")}/${SETTINGS_FILE}`);
  return [...new Set(paths)];
}

/**
 * Merges all sources and checks every setting.
 *
 * Fails with every problem there is, not only the first. It does not check that addresses are
 * free, that servers respond, or that the certificate opens.
 *
 * @param tables the tables that the settings file may have.
 */
export function load(
  inputs: Inputs,
  tables: readonly Table[] = TABLES,
): Result<Loaded, readonly Problem[]> {
  const file = inputs.file === undefined ? undefined : readSettingsFile(inputs.file, tables);
  const layers: Layer[] = [
    layerOf(inputs.flags, flagName, (key) => `flag --${key}`),
    layerOf(inputs.env, (name) => name, (key) => `environment variable ${key}`),
    file?.layer ?? new Map(),
  ];
  const resolved = new Map(
    SETTING_NAMES.map((name) => [name, resolveSetting(name, layers, inputs.readFile)]),
  );
  const variables = entriesOfVariables(tables, resolved);
  const entries = loadTables(
    tables,
    new Map([...file?.entries ?? [], ...variables.entries]),
    inputs.readFile,
  );
  const misses = nearMisses(inputs.env);
  const providers = listedProviders(entries.loaded, resolved) ?? flatProvider(resolved);
  const problems = [
    ...file?.problems ?? [],
    ...[...resolved.values()].flatMap((one) => one.state === "wrong" ? [one.problem] : []),
    ...variables.problems,
    ...entries.problems,
  ];
  // A file that cannot be read may well hold what seems to be missing.
  if (file?.broken !== true) {
    problems.push(
      ...withMisses([...missing(resolved), ...providers.problems], misses),
    );
  }
  if (problems.length > 0) return fail(problems);
  return ok(assemble(resolved, entries.loaded, providers, misses));
}

/** The entries of tables that a setting holds as JSON: these win over the settings file's. */
function entriesOfVariables(
  tables: readonly Table[],
  resolved: ReadonlyMap<string, Resolved>,
): { entries: readonly [string, readonly TableEntry[]][]; problems: readonly Problem[] } {
  const entries: [string, readonly TableEntry[]][] = [];
  const problems: Problem[] = [];
  for (const table of tables) {
    const one = resolved.get(table.variable ?? "");
    if (one?.state !== "value") continue;
    entries.push([table.key, readJsonEntries(table, one.entry, problems)]);
  }
  return { entries, problems };
}

function layerOf(
  given: Readonly<Record<string, string>>,
  keyOf: (name: string) => string,
  source: (key: string) => string,
): Layer {
  const layer = new Map<string, Entry>();
  for (const name of INPUT_NAMES) {
    const key = keyOf(name);
    const text = Object.hasOwn(given, key) ? given[key] : undefined;
    if (text !== undefined && text !== "") layer.set(name, { text, source: source(key) });
  }
  return layer;
}

function find(layers: readonly Layer[], name: string): Entry | undefined {
  return layers.find((layer) => layer.has(name))?.get(name);
}

function resolveSetting(
  name: SettingName,
  layers: readonly Layer[],
  readFile: ReadFile,
): Resolved {
  const row = rowOf(name);
  return resolve({ label: name, fileLabel: fileForm(name), row }, {
    direct: find(layers, name),
    named: row.secret === true ? find(layers, fileForm(name)) : undefined,
  }, readFile);
}

/** Misspelt environment variables: the variable and the setting that was probably meant. */
function nearMisses(env: Inputs["env"]): ReadonlyMap<string, string> {
  const misses = new Map<string, string>();
  for (const variable of Object.keys(env)) {
    const meant = nearMiss(variable, INPUT_NAMES);
    if (meant !== undefined) misses.set(variable, meant);
  }
  return misses;
}

function missing(resolved: ReadonlyMap<SettingName, Resolved>): Problem[] {
  const given = (name: SettingName) => resolved.get(name)?.state !== "unset";
  const problems = SETTING_NAMES.filter((name) => rowOf(name).required === true && !given(name))
    .map((name): Problem => ({
      setting: name,
      source: "not set",
      expected: expectation(rowOf(name), true),
    }));
  return [...missingPartners(given), ...problems];
}

/** Adds to what is missing the variable that was probably meant to be it. */
function withMisses(
  problems: readonly Problem[],
  misses: ReadonlyMap<string, string>,
): Problem[] {
  return problems.map((problem) => {
    const variable = [...misses].find(([, meant]) => meant === problem.setting)?.[0];
    if (variable === undefined || problem.source !== "not set") return problem;
    return {
      ...problem,
      hint: `environment variable ${variable} is set: is ${problem.setting} meant?`,
    };
  });
}

function assemble(
  resolved: ReadonlyMap<SettingName, Resolved>,
  tables: Loaded["tables"],
  { providers, warnings: ofProviders }: Providers,
  misses: ReadonlyMap<string, string>,
): Loaded {
  const values = new Map<SettingName, unknown>();
  const origins: Record<string, string> = {};
  const shown: Record<string, string> = {};
  for (const [name, one] of resolved) {
    const set = one.state === "value" ? one : undefined;
    values.set(name, set?.value);
    origins[name] = set?.entry.source ?? "not set";
    shown[name] = show(rowOf(name), set?.entry);
  }
  const warnings = [...misses].map(([variable, meant]) =>
    `environment variable ${variable} is no setting: is ${meant} meant?`
  );
  // All of the table is there, and every value came from its row's own parser.
  const groups = grouped((name) => values.get(name));
  const config = deepFreeze({ ...groups, providers }) as unknown as Config;
  return Object.freeze({
    config,
    origins: Object.freeze(origins),
    shown: Object.freeze(shown),
    tables: deepFreeze(tables),
    warnings: [...warnings, ...warningsOf(config), ...ofProviders],
  });
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
