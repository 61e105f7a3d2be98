/** The text of `settings.toml.example`, from the tables of settings. */
import { fileForm, tomlKey } from "../src/config/names.ts";
import { defaultOf, GROUP_NAMES, namesIn, wrap } from "../src/config/render.ts";
import { type Field, GROUPS } from "../src/config/row.ts";
import { rowOf, type SettingName } from "../src/config/schema.ts";
import { TABLES } from "../src/config/all_tables.ts";
import { fileKey, type Table } from "../src/config/table.ts";

/**
 * Every setting with its meaning. The smallest working set is in force, the rest is commented out,
 * showing its default or else an example; tables with many entries stand at the end, one entry each.
 */
export function renderSettingsExample(tables: readonly Table[] = TABLES): string {
  return [
    ...wrap(
      "Settings of ooproxy. Copy this file to settings.toml and change what is needed.",
      "# ",
    ),
    ...wrap(
      "Environment variables of the same names in upper case, and flags, win over this file. " +
        "An empty value means not set.",
      "# ",
    ),
    ...GROUP_NAMES.flatMap((group) => [
      "",
      `# --- ${GROUPS[group]} ---`,
      ...namesIn(group).flatMap(exampleOf),
    ]),
    ...tables.flatMap(entryOf),
    "",
  ].join("\n");
}

function exampleOf(name: SettingName): string[] {
  const row = rowOf(name);
  const mark = row.required === true || row.minimal === true ? "" : "# ";
  return fieldLines(row, tomlKey(name), tomlKey(fileForm(name)), mark);
}

/** One entry of a table, all of it commented out: no entry is needed. */
function entryOf({ key, heading, doc, rows }: Table): string[] {
  return [
    "",
    `# --- ${heading} ---`,
    "",
    ...wrap(doc, "# "),
    `# [[${key}]]`,
    ...Object.entries(rows).filter(([, { setting }]) => setting === undefined)
      .flatMap(([name, row]) => fieldLines(row, name, fileKey(name), "# ")),
    ...otherKeys(rows),
  ];
}

/** One line for each key that has its meaning at the top. */
function otherKeys(rows: Table["rows"]): string[] {
  const keys = Object.entries(rows).filter(([, { setting }]) => setting !== undefined);
  if (keys.length === 0) return [];
  return [
    "",
    ...wrap("The other keys mean what the settings of their names above mean:", "# "),
    ...keys.map(([key, row]) => `# ${key} = ${tomlValue(row.default ?? row.example)}`),
  ];
}

function fieldLines(row: Field<unknown>, key: string, twin: string, mark: string): string[] {
  const secret = row.secret === true;
  return [
    "",
    ...wrap(row.doc, "# "),
    ...wrap(`Accepts ${row.accepts}. Default: ${defaultOf(row)}.`, "# "),
    ...(secret ? wrap("Or the name of a file that holds it.", "# ") : []),
    `${mark}${key} = ${tomlValue(row.default ?? row.example)}`,
    ...(secret ? [`# ${twin} = ${tomlValue(`/run/secrets/${key}`)}`] : []),
  ];
}

/** A value in TOML: whole numbers and booleans bare, everything else as a string (no control characters). */
export function tomlValue(text: string): string {
  if (/^(\d+|true|false)$/.test(text)) return text;
  return /["\\]/.test(text) && !text.includes("'") ? `'${text}'` : JSON.stringify(text);
}
