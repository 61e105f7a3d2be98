/**
 * `settings.toml` → one text a setting, each with its line.
 */
import { parse, TomlError } from "smol-toml";
import { tomlKey } from "./names.ts";
import type { Problem } from "./problems.ts";
import { INPUT_NAMES, inputNames, rowOf, SETTING_NAMES } from "./schema.ts";
import { nearest } from "./nearest_name.ts";

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

/** What a settings file holds. */
export interface FileContent {
  readonly layer: Layer;
  readonly problems: readonly Problem[];
  /** The file is not TOML: nothing can be said about what it does not hold. */
  readonly broken: boolean;
}

type Table = ReturnType<typeof parse>;

/** Environment names by TOML key. A map, because a key may be `constructor`. */
function namesByKey(): ReadonlyMap<string, string> {
  return new Map(INPUT_NAMES.map((name) => [tomlKey(name), name]));
}

/** Keys that also take a TOML list. */
function listKeys(): ReadonlySet<string> {
  return new Set(
    SETTING_NAMES.filter((name) => rowOf(name).list).flatMap(inputNames).map(tomlKey),
  );
}

/**
 * Reads a settings file. Unknown keys are problems; wrong values are not looked at here.
 *
 * No text of the file gets into a problem except its keys.
 */
export function readSettingsFile(file: SettingsFile): FileContent {
  const parsed = parseToml(file.text);
  if (parsed instanceof TomlError) {
    return { layer: new Map(), problems: [syntaxProblem(file, parsed)], broken: true };
  }
  const names = namesByKey();
  const lists = listKeys();
  const layer = new Map<string, Entry>();
  const problems: Problem[] = [];
  for (const [key, value] of Object.entries(parsed)) {
    const name = names.get(key);
    if (name === undefined) {
      problems.push(...leaves(value, [key]).map((path) => unknownKey(file, path)));
      continue;
    }
    const source = `${place(file, [key])} (${key})`;
    const text = asText(value, lists.has(key));
    if (typeof text === "object") layer.set(name, { text: "", source, ...text });
    else if (text !== "") layer.set(name, { text, source });
  }
  return { layer, problems, broken: false };
}

/** Whole numbers too large for a number stay exact, so that their text is what was written. */
function parseToml(text: string): Table | TomlError {
  try {
    return parse(text, { integersAsBigInt: "asNeeded" }) as Table;
  } catch (error) {
    if (error instanceof TomlError) return error;
    throw error;
  }
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

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

/** The paths of everything inside a table; the table's own where it is empty. */
function leaves(value: unknown, path: readonly string[]): (readonly string[])[] {
  if (!isTable(value)) return [path];
  const inner = Object.entries(value);
  if (inner.length === 0) return [path];
  return inner.flatMap(([key, member]) => leaves(member, [...path, key]));
}

function unknownKey(file: SettingsFile, path: readonly string[]): Problem {
  const key = path.at(-1) ?? "";
  const near = nearest(key, INPUT_NAMES.map(tomlKey));
  return {
    setting: path.join("."),
    source: place(file, path),
    fault: near === undefined ? "unknown setting" : `unknown setting, did you mean ${near}?`,
    ...(path.length === 1
      ? {}
      : { hint: "there are no tables: settings stand at the top, before any [name] line" }),
  };
}

/** `settings.toml:3`, or the name alone where the line cannot be told. */
function place(file: SettingsFile, path: readonly string[]): string {
  const line = lineOf(file.text, path);
  return line === undefined ? file.name : `${file.name}:${line}`;
}

/**
 * The line on which a key of a valid file begins, from 1.
 *
 * The parser does not tell. But the text before the key's line is valid TOML without the key, and
 * with that line, or with some more for a value of several lines, it is valid with it. Only lines
 * that hold the key's own text are tried; a key written with escapes is not found.
 */
function lineOf(text: string, path: readonly string[]): number | undefined {
  const lines = text.split("\n");
  const key = path.at(-1) ?? "";
  const upTo = (count: number) => parseToml(lines.slice(0, count).join("\n") + "\n");
  for (const [at, line] of lines.entries()) {
    if (!line.includes(key)) continue;
    const before = upTo(at);
    if (before instanceof TomlError || has(before, path)) continue;
    for (let end = at + 1; end <= lines.length; end++) {
      const after = upTo(end);
      if (after instanceof TomlError) continue;
      if (has(after, path)) return at + 1;
      break;
    }
  }
  return undefined;
}

function has(table: Table, path: readonly string[]): boolean {
  let at: unknown = table;
  for (const key of path) {
    if (!isTable(at) || !Object.hasOwn(at, key)) return false;
    at = at[key];
  }
  return true;
}
