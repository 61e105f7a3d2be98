/**
 * `settings.toml` → one text a setting, each with its line.
 */
import { TomlError } from "smol-toml";
import { tomlKey } from "./names.ts";
import { nearest } from "./nearest_name.ts";
import type { Problem } from "./problems.ts";
import { INPUT_NAMES, inputNames, rowOf, SETTING_NAMES } from "./schema.ts";
import { entryKeys, type Table, TABLES } from "./table.ts";
import { isTable, isTableList, linesOf, parseToml, type Path } from "./toml.ts";

/** A settings file as it was read. */
export interface SettingsFile {
  /** Its name as the user should see it. */
  readonly name: string;
  /** Its whole text. */
  readonly text: string;
}

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

/** One `[[name]]` of the file. */
export interface TableEntry {
  /** What problems call it: `provider[2]` is the second one. */
  readonly label: string;
  /** Where it begins, such as `settings.toml:7`. */
  readonly source: string;
  /** What it holds, by key. Empty values are left out. */
  readonly layer: Layer;
}

/** What a settings file holds. */
export interface FileContent {
  readonly layer: Layer;
  /** The entries of each table, in the file's order, by the table's key. */
  readonly entries: ReadonlyMap<string, readonly TableEntry[]>;
  readonly problems: readonly Problem[];
  /** The file is not TOML: nothing can be said about what it does not hold. */
  readonly broken: boolean;
}

/** Where settings have to stand: TOML takes every key below a `[name]` line for a part of that. */
const AT_THE_TOP = "settings stand at the top, before any [name] line";

/**
 * Reads a settings file. Unknown keys and tables are problems; wrong values are not looked at here.
 *
 * No text of the file gets into a problem except its keys.
 *
 * @param tables the tables that the file may have.
 */
export function readSettingsFile(file: SettingsFile, tables = TABLES): FileContent {
  const parsed = parseToml(file.text);
  if (parsed instanceof TomlError) {
    const problems = [syntaxProblem(file, parsed)];
    return { layer: new Map(), entries: new Map(), problems, broken: true };
  }
  const place = placesIn(file);
  const names = new Map(INPUT_NAMES.map((name) => [tomlKey(name), name]));
  const lists = listKeys();
  const layer = new Map<string, Entry>();
  const entries = new Map<string, readonly TableEntry[]>();
  const problems: Problem[] = [];
  for (const [key, value] of Object.entries(parsed)) {
    const name = names.get(key);
    const table = tables.find((table) => table.key === key);
    if (name !== undefined) {
      put(layer, name, value, lists.has(key), `${place([key])} (${key})`);
    } else if (table === undefined) {
      problems.push(...unknownAtTop(key, value, tables, place));
    } else if (Array.isArray(value) && value.every(isTable)) {
      entries.set(
        key,
        value.map((entry, at) => readEntry(table, entry, at + 1, place, problems)),
      );
    } else {
      problems.push(notEntries(key, value, place));
    }
  }
  return { layer, entries, problems, broken: false };
}

/** Where something stands: `settings.toml:3`. */
type Place = (path: Path) => string;

function placesIn(file: SettingsFile): Place {
  const lineOf = linesOf(file.text);
  return (path) => {
    const line = lineOf(path);
    return line === undefined ? file.name : `${file.name}:${line}`;
  };
}

/** Keys at the top that also take a TOML list. */
function listKeys(): ReadonlySet<string> {
  return new Set(
    SETTING_NAMES.filter((name) => rowOf(name).list).flatMap(inputNames).map(tomlKey),
  );
}

function readEntry(
  table: Table,
  entry: Readonly<Record<string, unknown>>,
  number: number,
  place: Place,
  problems: Problem[],
): TableEntry {
  const keys = entryKeys(table);
  const path = [table.key, number];
  const layer = new Map<string, Entry>();
  for (const [key, value] of Object.entries(entry)) {
    const inner = [...path, key];
    const list = Object.hasOwn(table.rows, key) && table.rows[key]?.list === true;
    if (keys.includes(key)) put(layer, key, value, list, place(inner));
    else problems.push(...leaves(value, inner).map((leaf) => unknownInEntry(leaf, keys, place)));
  }
  return { label: labelOf(path), source: place(path), layer };
}

/** Puts a value into a layer, unless it is empty. */
function put(
  layer: Map<string, Entry>,
  name: string,
  value: unknown,
  list: boolean,
  source: string,
): void {
  const text = asText(value, list);
  if (typeof text === "object") layer.set(name, { text: "", source, ...text });
  else if (text !== "") layer.set(name, { text, source });
}

/** The error's own message quotes the lines around it, which may hold secrets: only its place. */
function syntaxProblem(file: SettingsFile, error: TomlError): Problem {
  const line = file.text.split("\n")[error.line - 1] ?? "";
  const hint = syntaxHint(line, error.message.includes("redefine"));
  return {
    setting: file.name,
    source: `${file.name}:${error.line}, column ${error.column}`,
    fault: "this is not TOML",
    ...(hint === undefined ? {} : { hint }),
  };
}

function syntaxHint(line: string, redefined: boolean): string | undefined {
  if (redefined) return "the same key stands above already";
  if (/=\s*"[^"]*\\/.test(line)) {
    return "in double quotes a backslash is special: put a Windows path in single quotes, " +
      "cert_file = 'C:\\certs\\proxy.pfx'";
  }
  if (/=\s*[^\s"'[{]/.test(line)) return 'a text needs quotes: listen_url = ":8080"';
  return undefined;
}

/** A value as the text that the environment would hold, or what it is instead. */
function asText(value: unknown, list: boolean): string | { wrongType: string } {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
  }
  if (!Array.isArray(value)) return { wrongType: value instanceof Date ? "a date" : "a table" };
  if (list && value.every((member) => typeof member === "string")) return JSON.stringify(value);
  return { wrongType: list ? "a list with something else than texts" : "a list" };
}

/** The paths of everything inside a table; the table's own where it is empty. */
function leaves(value: unknown, path: Path): Path[] {
  if (!isTable(value)) return [path];
  const inner = Object.entries(value);
  if (inner.length === 0) return [path];
  return inner.flatMap(([key, member]) => leaves(member, [...path, key]));
}

/** `provider[2].url`, as problems have it. */
function labelOf(path: Path): string {
  return path.map((part, at) =>
    typeof part === "number" ? `[${part}]` : `${at > 0 ? "." : ""}${part}`
  )
    .join("");
}

function unknownAtTop(
  key: string,
  value: unknown,
  tables: readonly Table[],
  place: Place,
): Problem[] {
  const near = nearest(key, tables.map((table) => table.key));
  if (isTableList(value) || (isTable(value) && near !== undefined)) {
    return [{
      setting: key,
      source: place([key]),
      fault: near === undefined ? "unknown table" : `unknown table, did you mean [[${near}]]?`,
      hint: AT_THE_TOP,
    }];
  }
  return leaves(value, [key]).map((path) => ({
    ...unknownKey(path, INPUT_NAMES.map(tomlKey), place),
    ...(path.length === 1 ? {} : { hint: AT_THE_TOP }),
  }));
}

/** An unknown key of an entry; a setting that came below a `[[name]]` line by mistake is known for it. */
function unknownInEntry(path: Path, keys: readonly string[], place: Place): Problem {
  const atTop = INPUT_NAMES.map(tomlKey).includes(String(path.at(-1)));
  return { ...unknownKey(path, keys, place), ...(atTop ? { hint: AT_THE_TOP } : {}) };
}

function unknownKey(path: Path, known: readonly string[], place: Place): Problem {
  const near = nearest(String(path.at(-1)), known);
  return {
    setting: labelOf(path),
    source: place(path),
    fault: near === undefined ? "unknown setting" : `unknown setting, did you mean ${near}?`,
  };
}

/** A table that was written as something else than entries. */
function notEntries(key: string, value: unknown, place: Place): Problem {
  const text = asText(value, false);
  const found = typeof text === "object" ? text.wrongType : "a text or a number";
  return {
    setting: key,
    source: place([key]),
    found: isTable(value) ? `[${key}]` : found,
    expected: `[[${key}]]`,
    hint: `each entry begins with a line of its own, in double brackets: [[${key}]]`,
  };
}
