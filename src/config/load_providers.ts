/**
 * The providers: one by the settings at the top, or those of `[[provider]]` and `PROVIDERS`.
 */
import { UNNAMED } from "../provider_name.ts";
import { PROVIDER_TABLE } from "./all_tables.ts";
import type { LoadedEntry } from "./load_tables.ts";
import { camelCase } from "./names.ts";
import type { Problem } from "./problems.ts";
import {
  type CheckedProvider,
  problemsBetween,
  providerProblems,
  providerWarnings,
} from "./provider_checks.ts";
import type { Resolved } from "./resolve.ts";
import { PER_PROVIDER, type ProviderConfig, providerKey, type SettingName } from "./schema.ts";

/** The providers that were found. */
export interface Providers {
  readonly providers: readonly ProviderConfig[];
  /** What is wrong with them beyond single values. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** The one provider that the settings at the top describe. */
export function flatProvider(resolved: ReadonlyMap<SettingName, Resolved>): Providers {
  const value = (name: SettingName) => {
    const one = resolved.get(name);
    return one?.state === "value" ? one : undefined;
  };
  const values = Object.fromEntries(
    PER_PROVIDER.map((name) => [camelCase(providerKey(name)), value(name)?.value]),
  );
  return checked([{
    // Every value came from the parser of its own row.
    values: { name: UNNAMED, ...values } as ProviderConfig,
    given: (name) => isGiven(resolved.get(name)),
    place: (name) => ({ setting: name, source: value(name)?.entry.source ?? "not set" }),
  }]);
}

/** The providers of `[[provider]]` or `PROVIDERS`; `undefined` where there are none. */
export function listedProviders(
  tables: Readonly<Record<string, readonly LoadedEntry[]>>,
  resolved: ReadonlyMap<SettingName, Resolved>,
): Providers | undefined {
  const entries = tables[PROVIDER_TABLE.key] ?? [];
  if (entries.length === 0) return undefined;
  const found = checked(entries.map(({ label, source, values, given }) => ({
    values: values as ProviderConfig, // as above
    given: (name) => Object.hasOwn(given, providerKey(name)),
    place: (name) => ({
      setting: `${label}.${providerKey(name)}`,
      source: given[providerKey(name)] ?? source,
    }),
  })));
  const mixed = PER_PROVIDER.filter((name) => isGiven(resolved.get(name))).map((name): Problem => {
    const one = resolved.get(name);
    return {
      setting: name,
      source: one?.state === "value" ? one.entry.source : "given",
      fault: "stands beside [[provider]]: with several providers each has its own",
      hint: `move it into [[provider]] as ${providerKey(name)}`,
    };
  });
  return { ...found, problems: [...mixed, ...found.problems] };
}

function checked(all: readonly CheckedProvider[]): Providers {
  return {
    providers: all.map(({ values }) => values),
    problems: [...all.flatMap(providerProblems), ...problemsBetween(all)],
    warnings: all.flatMap(providerWarnings),
  };
}

/** Whether a setting was given at all, right or wrong; a default is not given. */
function isGiven(one: Resolved | undefined): boolean {
  return one?.state === "wrong" || (one?.state === "value" && one.entry.source !== "default");
}
