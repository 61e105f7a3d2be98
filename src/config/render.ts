/**
 * The table of settings as text: the output of `check`, and what it shares with the help. What is written
 * from it for people to read elsewhere is in `tools`. Texts end with a line break.
 */
import type { Loaded } from "./load.ts";
import { columns } from "./problems.ts";
import { PER_PROVIDER, rowOf, SETTING_NAMES } from "./schema.ts";
import { type Field, type Group, GROUPS } from "./row.ts";
import type { SettingName } from "./schema.ts";

/** Width of help and example in characters. */
const WIDTH = 96;

/** The headings in the order of the documents. */
export const GROUP_NAMES = Object.keys(GROUPS) as readonly Group[];

/** The settings under a heading. */
export function namesIn(group: Group): readonly SettingName[] {
  return SETTING_NAMES.filter((name) => rowOf(name).group === group);
}

/** What holds where a setting is not given, in a few words. */
export function defaultOf(row: Field<unknown>): string {
  return row.required === true ? "required" : row.default ?? row.unset ?? "none";
}

/** Breaks a text into lines, each with `indent` in front. */
export function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const part of text.split(" ")) {
    if (line.length + part.length + 1 > WIDTH && line !== indent) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${part} `;
  }
  return [...lines, line.trimEnd()];
}

/** The output of `check`: every setting, those of tables too, its value (secrets masked) and where it came from. */
export function renderCheck(loaded: Loaded): string {
  const severalProviders = (loaded.tables.provider ?? []).length > 0;
  const names = SETTING_NAMES.filter((name) => !severalProviders || !PER_PROVIDER.includes(name));
  const rows = names.map((name) => {
    const origin = loaded.origins[name];
    const row = rowOf(name);
    return [name, loaded.shown[name], origin === "not set" ? row.unset ?? origin : origin];
  });
  const entries = Object.values(loaded.tables).flat().flatMap(({ shown }) =>
    shown.map(({ label, text, origin }) => [label, text, origin])
  );
  return [...columns([...rows, ...entries]), ""].join("\n");
}
