/**
 * The one table of settings. Environment names, TOML keys, flags, `--help`, the README table,
 * `settings.toml.example` and the type `Config` all come from it.
 *
 * A new setting is one more row of a group in `tables`; `deno task generate` then writes the documents
 * anew.
 */
import type { LogSettings } from "../ops/start_log.ts";
import { type CamelCase, camelCase, fileForm } from "./names.ts";
import { type Group, GROUPS, type Row, type ValueOf } from "./row.ts";
import { LISTEN_SETTINGS } from "./tables/listen.ts";
import { PROCESS_SETTINGS } from "./tables/process.ts";
import { PROVIDER_SETTINGS } from "./tables/provider.ts";
import { TOKEN_SETTINGS } from "./tables/token.ts";
import { UPSTREAM_SETTINGS } from "./tables/upstream.ts";

/** The settings in their groups, in the order in which they are documented. */
const GROUPED = {
  listen: LISTEN_SETTINGS,
  provider: PROVIDER_SETTINGS,
  token: TOKEN_SETTINGS,
  upstream: UPSTREAM_SETTINGS,
  process: PROCESS_SETTINGS,
} as const satisfies Readonly<Record<Group, Readonly<Record<string, Row<unknown>>>>>;

type Grouped = typeof GROUPED;

/** Every setting, by its environment name. */
export const SETTINGS = {
  ...LISTEN_SETTINGS,
  ...PROVIDER_SETTINGS,
  ...TOKEN_SETTINGS,
  ...UPSTREAM_SETTINGS,
  ...PROCESS_SETTINGS,
} as const satisfies Readonly<Record<string, Row<unknown>>>;

/** Environment name of a setting. */
export type SettingName = keyof typeof SETTINGS;

type Values<Rows> = {
  readonly [Name in keyof Rows & string as CamelCase<Name>]: ValueOf<Rows[Name]>;
};

/**
 * All settings in their groups, ready for use: `LISTEN_URL` is `config.listen.listenUrl`. Plain data,
 * frozen, fit for JSON.
 */
export type Config = { readonly [G in Group]: Values<Grouped[G]> };

type ForWorkers<Rows> = {
  readonly [
    Name in keyof Rows & string as Rows[Name] extends { readonly supervisorOnly: true } ? never
      : CamelCase<Name>
  ]: ValueOf<Rows[Name]>;
};

/** The settings that a worker uses: those that their rows do not keep for the supervisor. */
export type WorkerConfig = { readonly [G in Group]: ForWorkers<Grouped[G]> };

/** The environment names of all settings, in the table's order. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** A setting's row, without the exact type of its value. */
export function rowOf(name: SettingName): Row<unknown> {
  return SETTINGS[name];
}

/** The settings whose row states a fact: those that name a file, are ignored at the edge, and so on. */
export function namesWith(
  fact: "common" | "edge" | "file" | "restart" | "secret" | "supervisorOnly",
): readonly SettingName[] {
  return SETTING_NAMES.filter((name) => rowOf(name)[fact] !== undefined);
}

/** The value of a setting that is known by its name alone. */
export function valueOf(config: Config, name: SettingName): unknown {
  const values: Readonly<Record<string, unknown>> = config[rowOf(name).group];
  return values[camelCase(name)];
}

/** Settings put into their groups. */
export function grouped(
  value: (name: SettingName) => unknown,
): Record<Group, Record<string, unknown>> {
  const groups = Object.keys(GROUPS) as readonly Group[];
  return Object.fromEntries(groups.map((group) => [
    group,
    Object.fromEntries(
      SETTING_NAMES.filter((name) => rowOf(name).group === group)
        .map((name) => [camelCase(name), value(name)]),
    ),
  ])) as Record<Group, Record<string, unknown>>;
}

/** The part of the settings that a worker uses. */
export function workerConfig(config: Config): WorkerConfig {
  const kept = grouped((name) => valueOf(config, name));
  for (const name of namesWith("supervisorOnly")) delete kept[rowOf(name).group][camelCase(name)];
  // What is left of a whole Config is what its rows do not keep from workers.
  return kept as unknown as WorkerConfig;
}

/** The files that are named by settings and read, in the table's order; those of secrets apart. */
export function filesNamedBy(config: Config): readonly string[] {
  return namesWith("file").map((name) => valueOf(config, name)).filter((path) =>
    typeof path === "string"
  );
}

/** The settings that differ where a reload can apply no change at all. */
export function changedNeedingRestart(before: Config, after: Config): readonly SettingName[] {
  const text = (config: Config, name: SettingName) => JSON.stringify(valueOf(config, name));
  return namesWith("restart").filter((name) =>
    rowOf(name).restart === true && text(before, name) !== text(after, name)
  );
}

/** The names under which a setting is read: its own, and for a secret the `…_FILE` twin. */
export function inputNames(name: SettingName): readonly string[] {
  return rowOf(name).secret === true ? [name, fileForm(name)] : [name];
}

/** Every name under which some setting is read, in the table's order. */
export const INPUT_NAMES: readonly string[] = SETTING_NAMES.flatMap(inputNames);

/** What the settings say about the log: LOG_LEVEL where set, else RUST_LOG. */
export function logSettings(
  { process: { logLevel, rustLog, logFormat, logRefusalsPerSec } }: Pick<Config, "process">,
): LogSettings {
  return { level: logLevel ?? rustLog, form: logFormat, refusalsPerSec: logRefusalsPerSec };
}

/** The issuer that tokens have to name, but for a trailing slash, which discovery settles. */
export function expectedIssuer(
  { provider: { issuer, providerUrl } }: Pick<Config, "provider">,
): string {
  return issuer ?? providerUrl.text;
}
