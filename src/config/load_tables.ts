/**
 * The entries of the settings file's tables, checked by the same kinds as the settings at the top.
 */
import { camelCase } from "./names.ts";
import type { Problem } from "./problems.ts";
import { type ReadFile, resolve, show } from "./resolve.ts";
import { expectation } from "./row.ts";
import type { TableEntry } from "./entries.ts";
import { type EntryOf, fileKey, type Table } from "./table.ts";

/** One value of an entry, as `check` shows it. */
export interface ShownValue {
  /** Such as `provider[2].url`. */
  readonly label: string;
  /** Secrets are `***`, `(not set)` where there is none. */
  readonly text: string;
  /** Such as `settings.toml:8`; also `default`, or what holds where there is no value. */
  readonly origin: string;
}

/** One entry of a table. */
export interface LoadedEntry {
  /** Where it begins, such as `settings.toml:7`. */
  readonly source: string;
  /** Its values as `EntryOf` has them. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly shown: readonly ShownValue[];
  /** What it is called, such as `provider[2]`. */
  readonly label: string;
  /** The keys that were given, right or wrong, and where each stands. */
  readonly given: Readonly<Record<string, string>>;
}

/** The entries of all tables, by the table's key, and everything that is wrong with them. */
export interface LoadedTables {
  readonly loaded: Readonly<Record<string, readonly LoadedEntry[]>>;
  readonly problems: readonly Problem[];
}

/** Checks every entry. Whether entries go together, and how many there have to be, is not looked at. */
export function loadTables(
  tables: readonly Table[],
  entries: ReadonlyMap<string, readonly TableEntry[]>,
  readFile: ReadFile,
): LoadedTables {
  const problems: Problem[] = [];
  const loaded = tables.map((table) =>
    [
      table.key,
      (entries.get(table.key) ?? []).map((entry) => loadEntry(table, entry, readFile, problems)),
    ] as const
  );
  return { loaded: Object.fromEntries(loaded), problems };
}

/** The entries of one table with the types that its rows give. */
export function entriesOf<T extends Table>(
  tables: LoadedTables["loaded"],
  table: T,
): readonly EntryOf<T>[] {
  // Every value came from the parser of its own row.
  return (tables[table.key] ?? []).map(({ values }) => values as EntryOf<T>);
}

function loadEntry(
  table: Table,
  { label, source, layer }: TableEntry,
  readFile: ReadFile,
  problems: Problem[],
): LoadedEntry {
  const values: Record<string, unknown> = {};
  const shown: ShownValue[] = [];
  const given: Record<string, string> = {};
  for (const [key, row] of Object.entries(table.rows)) {
    const subject = { label: `${label}.${key}`, fileLabel: `${label}.${fileKey(key)}`, row };
    const named = row.secret === true ? layer.get(fileKey(key)) : undefined;
    const one = resolve(subject, { direct: layer.get(key), named }, readFile);
    if (one.state === "wrong") problems.push(one.problem);
    const found = layer.get(key) ?? named;
    if (found !== undefined) given[key] = found.source;
    if (one.state === "unset" && row.required === true) {
      problems.push({
        setting: subject.label,
        source,
        fault: "not set",
        expected: expectation(row, true),
      });
    }
    const set = one.state === "value" ? one : undefined;
    values[camelCase(key)] = set?.value;
    shown.push({
      label: subject.label,
      text: show(row, set?.entry),
      origin: set?.entry.source ?? row.unset ?? "not set",
    });
  }
  return { label, source, values, shown, given };
}
