/**
 * Values of a parsed document, TOML or JSON, as one text a setting.
 */
import { tomlKey } from "./names.ts";
import { nearest } from "./nearest_name.ts";
import type { Problem } from "./problems.ts";
import { INPUT_NAMES } from "./schema.ts";
import { entryKeys, type Table } from "./table.ts";
import { isTable, type Path } from "./toml.ts";

/** The text of a setting in one layer. */
export interface Entry {
  readonly text: string;
  /** Where it stands, such as `settings.toml:3 (listen_url)`. */
  readonly source: string;
  /** What was there instead of a text, such as `a table`; `text` then means nothing. */
  readonly wrongType?: string;
}

/** One source of settings: environment name → entry. Empty values are left out. */
export type Layer = ReadonlyMap<string, Entry>;

/** One `[[name]]` of a document. */
export interface TableEntry {
  /** What problems call it: `provider[2]` is the second one. */
  readonly label: string;
  /** Where it begins, such as `settings.toml:7`. */
  readonly source: string;
  /** What it holds, by key. Empty values are left out. */
  readonly layer: Layer;
}

/** Where something stands: `settings.toml:3`. */
export type Place = (path: Path) => string;

/** Where settings have to stand: TOML takes every key below a `[name]` line for a part of that. */
export const AT_THE_TOP = "settings stand at the top, before any [name] line";

/** What else than a text, number or boolean a value may be, see `Kind`. */
export type Structures = true | "structure" | "date" | undefined;

/** Reads one entry of a table; what it does not know is added to the problems. */
export function readEntry(
  table: Table,
  entry: Readonly<Record<string, unknown>>,
  number: number,
  place: Place,
  problems: Problem[],
): TableEntry {
  const keys = entryKeys(table);
  const inside = new Map(
    Object.entries(table.rows).flatMap(([key, { entries }]) =>
      entries === undefined ? [] : [[entries, key] as const]
    ),
  );
  const path = [table.key, number];
  const layer = new Map<string, Entry>();
  for (const [given, value] of Object.entries(entry)) {
    const inner = [...path, given];
    const key = inside.get(given) ?? given;
    const lists = Object.hasOwn(table.rows, key) ? table.rows[key]?.list : undefined;
    if (!keys.includes(key)) {
      problems.push(...leaves(value, inner).map((leaf) => unknownInEntry(leaf, keys, place)));
    } else if (layer.has(key)) {
      problems.push(givenTwice(labelOf(inner), place(inner), labelOf([...path, key])));
    } else put(layer, key, value, lists, place(inner));
  }
  return { label: labelOf(path), source: place(path), layer };
}

/** Puts a value into a layer, unless it is empty. */
export function put(
  layer: Map<string, Entry>,
  name: string,
  value: unknown,
  lists: Structures,
  source: string,
): void {
  const text = asText(value, lists);
  if (typeof text === "object") layer.set(name, { text: "", source, ...text });
  else if (text !== "") layer.set(name, { text, source });
}

/** A value as the text that the environment would hold, or what it is instead. */
export function asText(value: unknown, lists: Structures): string | { wrongType: string } {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
  }
  if (value instanceof Date) {
    return lists === "date" ? value.toISOString().replace(".000", "") : { wrongType: "a date" };
  }
  if (value === null || typeof value !== "object") return { wrongType: "nothing (null)" };
  // A number too large to be exact is refused by the parser.
  if (lists === "structure") {
    return JSON.stringify(value, (_, inner) => typeof inner === "bigint" ? Number(inner) : inner);
  }
  if (!Array.isArray(value)) return { wrongType: "a table" };
  if (lists === true && value.every((member) => typeof member === "string")) {
    return JSON.stringify(value);
  }
  return { wrongType: lists === true ? "a list with something else than texts" : "a list" };
}

/** Two ways to write the same setting at once. */
export function givenTwice(setting: string, source: string, other: string): Problem {
  return { setting, source, fault: `given twice, also as ${other}` };
}

/** The paths of everything inside a table; the table's own where it is empty. */
export function leaves(value: unknown, path: Path): Path[] {
  if (!isTable(value)) return [path];
  const inner = Object.entries(value);
  if (inner.length === 0) return [path];
  return inner.flatMap(([key, member]) => leaves(member, [...path, key]));
}

/** `provider[2].url`, as problems have it. */
export function labelOf(path: Path): string {
  return path.map((part, at) =>
    typeof part === "number" ? `[${part}]` : `${at > 0 ? "." : ""}${part}`
  )
    .join("");
}

/** An unknown key of an entry; a setting that came below a `[[name]]` line by mistake is known for it. */
function unknownInEntry(path: Path, keys: readonly string[], place: Place): Problem {
  const atTop = INPUT_NAMES.map(tomlKey).includes(String(path.at(-1)));
  return { ...unknownKey(path, keys, place), ...(atTop ? { hint: AT_THE_TOP } : {}) };
}

/** A key that is not known, with the one that was probably meant. */
export function unknownKey(path: Path, known: readonly string[], place: Place): Problem {
  const near = nearest(String(path.at(-1)), known);
  return {
    setting: labelOf(path),
    source: place(path),
    fault: near === undefined ? "unknown setting" : `unknown setting, did you mean ${near}?`,
  };
}
