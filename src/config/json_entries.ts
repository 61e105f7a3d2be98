import { type Entry, readEntry, type TableEntry } from "./entries.ts";
import type { Problem } from "./problems.ts";
import type { Table } from "./table.ts";
import { isTable } from "./toml.ts";

/**
 * Reads the entries of a table from JSON: a list of objects with the keys that `[[name]]` has in
 * `settings.toml`. What is wrong is added to the problems; no text of it gets into one except its keys.
 *
 * @param given the text, and where it was found.
 */
export function readJsonEntries(
  table: Table,
  { text, source }: Entry,
  problems: Problem[],
): readonly TableEntry[] {
  const list = parsed(text);
  if (!Array.isArray(list) || list.length === 0 || !list.every(isTable)) {
    problems.push({
      setting: table.variable ?? table.key,
      source,
      fault: list === undefined ? "this is not JSON" : "this is no list of objects",
      expected: `JSON: [{"name":"…",…},…], with the keys of [[${table.key}]]`,
    });
    return [];
  }
  return list.map((entry, at) => readEntry(table, entry, at + 1, () => source, problems));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
