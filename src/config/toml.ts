/**
 * TOML as the settings need it: parsed, with the line of everything in it.
 */
import { parse, TomlError } from "smol-toml";

/** A table of a TOML file. */
export type TomlTable = ReturnType<typeof parse>;

/** The way to a value: keys, and the number of an entry, from 1, behind the key of its list. */
export type Path = readonly (string | number)[];

/** Whole numbers too large for a number stay exact, so that their text is what was written. */
export function parseToml(text: string): TomlTable | TomlError {
  try {
    return parse(text, { integersAsBigInt: "asNeeded" }) as TomlTable;
  } catch (error) {
    if (error instanceof TomlError) return error;
    throw error;
  }
}

/** Whether a value is a table: no list and no date. */
export function isTable(value: unknown): value is TomlTable {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

/** Whether a value is what `[[name]]` makes: a list of tables. */
export function isTableList(value: unknown): value is readonly TomlTable[] {
  return Array.isArray(value) && value.length > 0 && value.every(isTable);
}

/**
 * Finds the line, from 1, on which everything in a valid TOML text begins; the parser does not say.
 *
 * The text is split into statements: a header or a key with its value, one line or several. A
 * statement is over with the line that makes it valid TOML by itself, so that neither a text nor a list of
 * several lines can be taken for something else.
 */
export function linesOf(text: string): (path: Path) => number | undefined {
  const found = new Map<string, number>();
  const entries = new Map<string, number>();
  const keyOf = (path: Path) => JSON.stringify(path);
  const note = (path: Path, line: number) => {
    if (!found.has(keyOf(path))) found.set(keyOf(path), line);
  };

  const noteAll = (table: TomlTable, path: Path, line: number) => {
    for (const [key, value] of Object.entries(table)) {
      const inner = [...path, key];
      note(inner, line);
      if (isTable(value)) noteAll(value, inner, line);
      if (!isTableList(value)) continue;
      value.forEach((entry, at) => {
        note([...inner, at + 1], line);
        noteAll(entry, [...inner, at + 1], line);
      });
    }
  };

  /** Notes a header, and gives the path of the table that it opens. */
  const open = (keys: readonly string[], isEntry: boolean, line: number): Path => {
    const path: (string | number)[] = [];
    for (const [at, key] of keys.entries()) {
      path.push(key);
      note(path, line);
      const list = keyOf(path);
      const count = (entries.get(list) ?? 0) + (isEntry && at === keys.length - 1 ? 1 : 0);
      if (count === 0) continue;
      entries.set(list, count);
      path.push(count);
      note(path, line);
    }
    return path;
  };

  const lines = text.replace(/^\ufeff/, "").split("\n");
  let table: Path = [];
  let begin = 0;
  for (let end = 1; end <= lines.length; end++) {
    const statement = lines.slice(begin, end).join("\n") + "\n";
    const parsed = parseToml(statement);
    if (parsed instanceof TomlError) continue;
    const header = /^\s*\[\[?/.exec(statement)?.[0].trim();
    if (header === undefined) noteAll(parsed, table, begin + 1);
    else table = open(headerKeys(parsed), header === "[[", begin + 1);
    begin = end;
  }
  return (path) => found.get(keyOf(path));
}

/** The keys of a header that was parsed by itself: `[a.b]` is `{ a: { b: {} } }`. */
function headerKeys(parsed: TomlTable): string[] {
  const keys: string[] = [];
  let at: unknown = parsed;
  while (isTable(at)) {
    const [entry] = Object.entries(at);
    if (entry === undefined) break;
    keys.push(entry[0]);
    at = Array.isArray(entry[1]) ? entry[1][0] : entry[1];
  }
  return keys;
}
