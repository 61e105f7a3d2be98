/**
 * `settings.toml` → one text a setting, each with its line.
 */
import { TomlError } from "smol-toml";
import { TABLES } from "./all_tables.ts";
import {
  asText,
  AT_THE_TOP,
  type Entry,
  givenTwice,
  type Layer,
  leaves,
  type Place,
  put,
  readEntry,
  type Structures,
  type TableEntry,
  unknownKey,
} from "./entries.ts";
import { tomlKey } from "./names.ts";
import { nearest } from "./nearest_name.ts";
import type { Problem } from "./problems.ts";
import { INPUT_NAMES, inputNames, rowOf, SETTING_NAMES } from "./schema.ts";
import type { Table } from "./table.ts";
import { isTable, isTableList, linesOf, parseToml } from "./toml.ts";

/** A settings file as it was read. */
export interface SettingsFile {
  /** Its name as the user should see it. */
  readonly name: string;
  /** Its whole text. */
  readonly text: string;
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
  const names = namesByKey();
  const layer = new Map<string, Entry>();
  const entries = new Map<string, readonly TableEntry[]>();
  const problems: Problem[] = [];
  for (const [key, value] of Object.entries(parsed)) {
    const named = names.get(key);
    const table = tables.find((table) => table.key === key);
    if (named !== undefined) {
      const { name, lists } = named;
      const source = `${place([key])} (${key})`;
      if (layer.has(name)) problems.push(givenTwice(key, source, tomlKey(name)));
      else put(layer, name, value, lists, source);
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

function placesIn(file: SettingsFile): Place {
  const lineOf = linesOf(file.text);
  return (path) => {
    const line = lineOf(path);
    return line === undefined ? file.name : `${file.name}:${line}`;
  };
}

/** What a key at the top stands for. */
interface Named {
  /** The name under which it is read. */
  readonly name: string;
  readonly lists: Structures;
}

/** The keys at the top; a list of tables that is another way to write a setting is one of them. */
function namesByKey(): ReadonlyMap<string, Named> {
  return new Map(SETTING_NAMES.flatMap((setting): [string, Named][] => {
    const { list: lists, entries } = rowOf(setting);
    const own = inputNames(setting).map((
      name,
    ): [string, Named] => [tomlKey(name), { name, lists }]);
    return entries === undefined ? own : [...own, [entries, { name: setting, lists }]];
  }));
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

/** A table that was written as something else than entries. */
function notEntries(key: string, value: unknown, place: Place): Problem {
  const text = asText(value, undefined);
  const found = typeof text === "object" ? text.wrongType : "a text or a number";
  return {
    setting: key,
    source: place([key]),
    found: isTable(value) ? `[${key}]` : found,
    expected: `[[${key}]]`,
    hint: `each entry begins with a line of its own, in double brackets: [[${key}]]`,
  };
}
