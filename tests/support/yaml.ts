/**
 * A reader for the plain YAML of our own files in `deploy`: maps and lists of texts by indentation,
 * comments on lines of their own. Everything else is refused, so that it is never misread.
 */

/** What a file holds; every scalar is its text. */
export type Yaml = string | readonly string[] | { readonly [key: string]: Yaml };

interface Line {
  readonly indent: number;
  readonly text: string;
}

/** Reads a file whose top is a map. Throws at what it does not know. */
export function readYaml(text: string): Readonly<Record<string, Yaml>> {
  const lines = text.split("\n").filter((line) => /^\s*[^#\s]/.test(line)).map((line) => ({
    indent: line.search(/\S/),
    text: line.trim(),
  }));
  const map = readMap(lines, 0);
  const [rest] = lines;
  if (rest !== undefined) throw new Error(`out of place: ${rest.text}`);
  return map;
}

function readMap(lines: Line[], indent: number): Record<string, Yaml> {
  const map: Record<string, Yaml> = {};
  for (let [line] = lines; line?.indent === indent; [line] = lines) {
    const [, key, value] = /^([\w.-]+):(?: +(.+))?$/.exec(line.text) ?? [];
    if (key === undefined || key in map) throw new Error(`not a new key: ${line.text}`);
    lines.shift();
    map[key] = value === undefined ? readInner(lines, indent) : readText(value);
  }
  return map;
}

function readInner(lines: Line[], outer: number): Yaml {
  const [line] = lines;
  if (line === undefined || line.indent <= outer) throw new Error("a key without a value");
  if (!line.text.startsWith("- ")) return readMap(lines, line.indent);
  const list: string[] = [];
  for (let [item] = lines; item?.indent === line.indent; [item] = lines) {
    if (!item.text.startsWith("- ")) throw new Error(`not an item: ${item.text}`);
    list.push(readText(item.text.slice(2)));
    lines.shift();
  }
  return list;
}

function readText(text: string): string {
  if (/^'([^']|'')*'$/.test(text)) return text.slice(1, -1).replaceAll("''", "'");
  if (text.startsWith('"')) return String(JSON.parse(text));
  if (/^[[\]{},&*!|>'%@`]|^[-?:] |: | #/.test(text)) throw new Error(`not a plain text: ${text}`);
  return text;
}
