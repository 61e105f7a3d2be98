/**
 * The one table of settings. Environment names, TOML keys, flags, `--help`, the README table,
 * `settings.toml.example` and the type `Config` all come from it.
 *
 * A new setting is one more row of a group in `tables`; `deno task generate` then writes the documents
 * anew.
 */
import type { LogSettings } from "../ops/start_log.ts";
import { type CamelCase, camelCase, fileForm, tomlKey } from "./names.ts";
import { type Group, GROUPS, type Row, type ValueOf } from "./row.ts";
import { LISTEN_SETTINGS } from "./tables/listen.ts";
import { PROCESS_SETTINGS } from "./tables/process.ts";
import { PROVIDER_SETTINGS, PROVIDERS_SETTINGS } from "./tables/provider.ts";
import { TOKEN_SETTINGS } from "./tables/token.ts";
import { UPSTREAM_SETTINGS } from "./tables/upstream.ts";

/** The settings in their groups, in the order in which they are documented. */
const GROUPED = {
  listen: LISTEN_SETTINGS,
  provider: { ...PROVIDERS_SETTINGS, ...PROVIDER_SETTINGS },
  token: TOKEN_SETTINGS,
  upstream: UPSTREAM_SETTINGS,
  process: PROCESS_SETTINGS,
} as const satisfies Readonly<Record<Group, Readonly<Record<string, Row<unknown>>>>>;

type Grouped = typeof GROUPED;

/** Every setting, by its environment name. */
export const SETTINGS = {
  ...LISTEN_SETTINGS,
  ...PROVIDERS_SETTINGS,
  ...PROVIDER_SETTINGS,
  ...TOKEN_SETTINGS,
  ...UPSTREAM_SETTINGS,
  ...PROCESS_SETTINGS,
} as const satisfies Readonly<Record<string, Row<unknown>>>;

/** Environment name of a setting. */
export type SettingName = keyof typeof SETTINGS;

/** A fact that rows state. */
type Stating<Fact> = { readonly [F in keyof Fact]: Fact[F] };

/** Where the value of a setting is that there is once. */
type Once<Name extends string, R> = R extends
  { readonly perProvider: true | string } | { readonly holdsTable: true } ? never
  : CamelCase<Name>;

/** Where the value of a setting is that each provider has: `PROVIDER_URL` is `url`. */
type PerProvider<Name extends string, R> = R extends { readonly perProvider: infer Key }
  ? Key extends string ? CamelCase<Key> : CamelCase<Name>
  : never;

/** That, where workers get it. */
type ForWorkers<R, Place> = R extends Stating<{ supervisorOnly: true }> ? never : Place;

type Values<Rows> = {
  readonly [Name in keyof Rows & string as Once<Name, Rows[Name]>]: ValueOf<Rows[Name]>;
};

/**
 * All settings in their groups, ready for use: `LISTEN_URL` is `config.listen.listenUrl`. Plain data,
 * frozen, fit for JSON.
 */
export type Config = { readonly [G in Group]: Values<Grouped[G]> } & {
  /** One entry without `[[provider]]` and `PROVIDERS`, of the settings at the top. */
  readonly providers: readonly [ProviderConfig, ...ProviderConfig[]];
};

type AllProviderRows = typeof PROVIDER_SETTINGS & typeof TOKEN_SETTINGS;

/** The settings of one provider. */
export type ProviderConfig =
  & {
    /** Its name; `UNNAMED` for the one of the settings at the top. */
    readonly name: string;
  }
  & {
    readonly [
      Name in keyof AllProviderRows & string as PerProvider<Name, AllProviderRows[Name]>
    ]: ValueOf<AllProviderRows[Name]>;
  };

type WorkerValues<Rows> = {
  readonly [
    Name in keyof Rows & string as ForWorkers<Rows[Name], Once<Name, Rows[Name]>>
  ]: ValueOf<Rows[Name]>;
};

/** The settings that a worker uses: those that their rows do not keep for the supervisor. */
export type WorkerConfig = { readonly [G in Group]: WorkerValues<Grouped[G]> };

/** The settings of one provider that a worker uses. */
export type WorkerProviderConfig =
  & { readonly name: string }
  & {
    readonly [
      Name in keyof AllProviderRows & string as ForWorkers<
        AllProviderRows[Name],
        PerProvider<Name, AllProviderRows[Name]>
      >
    ]: ValueOf<AllProviderRows[Name]>;
  };

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

/** The settings of each provider, in the table's order. */
export const PER_PROVIDER: readonly SettingName[] = SETTING_NAMES.filter((name) =>
  rowOf(name).perProvider !== undefined
);

/** The settings that there are once. */
const ONCE: readonly SettingName[] = SETTING_NAMES.filter((name) =>
  !PER_PROVIDER.includes(name) && rowOf(name).holdsTable === undefined
);

/** The key of a provider's setting in `[[provider]]`. */
export function providerKey(name: SettingName): string {
  const { perProvider } = rowOf(name);
  return typeof perProvider === "string" ? perProvider : tomlKey(name);
}

/** The values of a setting that is known by its name alone: one, or one for each provider. */
export function valuesOf(config: Config, name: SettingName): readonly unknown[] {
  const places: readonly Readonly<Record<string, unknown>>[] = PER_PROVIDER.includes(name)
    ? config.providers
    : [config[rowOf(name).group]];
  const key = camelCase(PER_PROVIDER.includes(name) ? providerKey(name) : name);
  return places.map((values) => values[key]);
}

/** The settings that there are once, put into their groups. */
export function grouped(
  value: (name: SettingName) => unknown,
): Record<Group, Record<string, unknown>> {
  const groups = Object.keys(GROUPS) as readonly Group[];
  return Object.fromEntries(groups.map((group) => [
    group,
    Object.fromEntries(
      ONCE.filter((name) => rowOf(name).group === group)
        .map((name) => [camelCase(name), value(name)]),
    ),
  ])) as Record<Group, Record<string, unknown>>;
}

/** The part of the settings that a worker uses, but for its providers. */
export function workerConfig(config: Config): WorkerConfig {
  const kept = grouped((name) => valuesOf(config, name)[0]);
  for (const name of namesWith("supervisorOnly")) {
    if (ONCE.includes(name)) delete kept[rowOf(name).group][camelCase(name)];
  }
  // What is left of a whole Config is what its rows do not keep from workers.
  return kept as unknown as WorkerConfig;
}

/** The part of a provider's settings that a worker uses. */
export function workerProviderConfig(provider: ProviderConfig): WorkerProviderConfig {
  const withheld = new Set(
    namesWith("supervisorOnly").filter((name) => PER_PROVIDER.includes(name))
      .map((name) => camelCase(providerKey(name))),
  );
  const kept = Object.entries(provider).filter(([key]) => !withheld.has(key));
  return Object.fromEntries(kept) as unknown as WorkerProviderConfig; // as above
}

/** The settings that differ where a reload can apply no change at all. */
export function changedNeedingRestart(before: Config, after: Config): readonly SettingName[] {
  const text = (config: Config, name: SettingName) => JSON.stringify(valuesOf(config, name));
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
