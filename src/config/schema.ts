/**
 * The one table of settings. Environment names, TOML keys, flags, `--help`, the README table,
 * `settings.toml.example` and the type `Config` all come from it.
 *
 * A new setting is one more row of a group in `tables`; `deno task generate` then writes the documents
 * anew.
 */
import type { LogSettings } from "../ops/start_log.ts";
import { type CamelCase, camelCase, fileForm } from "./names.ts";
import type { Row, ValueOf } from "./row.ts";
import { LISTEN_SETTINGS } from "./tables/listen.ts";
import { PROCESS_SETTINGS } from "./tables/process.ts";
import { PROVIDER_SETTINGS } from "./tables/provider.ts";
import { TOKEN_SETTINGS } from "./tables/token.ts";
import { UPSTREAM_SETTINGS } from "./tables/upstream.ts";

/** Every setting, by its environment name, in the order in which they are documented. */
export const SETTINGS = {
  ...LISTEN_SETTINGS,
  ...PROVIDER_SETTINGS,
  ...TOKEN_SETTINGS,
  ...UPSTREAM_SETTINGS,
  ...PROCESS_SETTINGS,
} as const satisfies Readonly<Record<string, Row<unknown>>>;

type Settings = typeof SETTINGS;

/** Environment name of a setting. */
export type SettingName = keyof Settings;

/** All settings, ready for use: `LISTEN_URL` is `listenUrl`. Plain data, frozen, fit for JSON. */
export type Config = { readonly [Name in SettingName as CamelCase<Name>]: ValueOf<Settings[Name]> };

/** The environment names of all settings, in the table's order. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** A setting's row, without the exact type of its value. */
export function rowOf(name: SettingName): Row<unknown> {
  return SETTINGS[name];
}

/** The settings whose row states a fact: those that name a file, are ignored at the edge, and so on. */
export function namesWith(
  fact: "common" | "edge" | "file" | "restart" | "secret",
): readonly SettingName[] {
  return SETTING_NAMES.filter((name) => rowOf(name)[fact] !== undefined);
}

/** The value of a setting that is known by its name alone. */
export function valueOf(config: Config, name: SettingName): unknown {
  const values: Readonly<Record<string, unknown>> = config;
  return values[camelCase(name)];
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
  { logLevel, rustLog, logFormat }: Pick<Config, "logLevel" | "rustLog" | "logFormat">,
): LogSettings {
  return { level: logLevel ?? rustLog, form: logFormat };
}

/** The issuer that tokens have to name, but for a trailing slash, which discovery settles. */
export function expectedIssuer(
  { issuer, providerUrl }: Pick<Config, "issuer" | "providerUrl">,
): string {
  return issuer ?? providerUrl.text;
}
