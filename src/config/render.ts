/**
 * The table of settings as text: example file, README table and the output of `check`.
 * Every function returns text that ends with a line break.
 */
import type { Loaded } from "./load.ts";
import { fileForm, tomlKey } from "./names.ts";
import { columns } from "./problems.ts";
import { inputNames, rowOf, SETTING_NAMES } from "./schema.ts";
import { type Field, type Group, GROUPS, type Row } from "./row.ts";
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

/** A sentence about what is accepted, without the comma that leads over to an example. */
function accepted(row: Row<unknown>): string {
  return row.accepts.replace(/,$/, "");
}

/**
 * The text of `settings.toml.example`: every setting with its meaning. The smallest working set is
 * in force, the rest is commented out, showing its default or else an example.
 */
export function renderSettingsExample(): string {
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
    "",
  ].join("\n");
}

function exampleOf(name: SettingName): string[] {
  const row = rowOf(name);
  const mark = row.required === true || row.minimal === true ? "" : "# ";
  const twin = row.secret === true
    ? [`# ${tomlKey(fileForm(name))} = ${tomlValue(`/run/secrets/${tomlKey(name)}`)}`]
    : [];
  return [
    "",
    ...wrap(row.doc, "# "),
    ...wrap(`Accepts ${accepted(row)}. Default: ${defaultOf(row)}.`, "# "),
    ...(row.secret === true ? wrap("Or the name of a file that holds it.", "# ") : []),
    `${mark}${tomlKey(name)} = ${tomlValue(row.default ?? row.example)}`,
    ...twin,
  ];
}

/** Whole numbers and booleans bare, everything else as a TOML string (no control characters). */
function tomlValue(text: string): string {
  if (/^(\d+|true|false)$/.test(text)) return text;
  return /["\\]/.test(text) && !text.includes("'") ? `'${text}'` : JSON.stringify(text);
}

/** The README's table of settings, laid out as the project's formatter leaves it. */
export function renderReadmeTable(): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const rows = [["Setting", "Meaning", "Accepts", "Default"]];
  for (const group of GROUP_NAMES) {
    for (const name of namesIn(group)) {
      const row = rowOf(name);
      const value = row.default === undefined ? defaultOf(row) : `\`${row.default}\``;
      rows.push([
        inputNames(name).map((input) => `\`${input}\``).join(" or "),
        cell(`${row.doc}${row.secret === true ? " Secret." : ""}`),
        cell(row.showExample ? `${row.accepts} such as \`${row.example}\`` : row.accepts),
        cell(value),
      ]);
    }
  }
  const widths = [0, 1, 2, 3].map((at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const [head, ...body] = rows.map((row) =>
    line(row.map((text, at) => text.padEnd(widths[at] ?? 0)))
  );
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [head, rule, ...body, ""].join("\n");
}

/** The output of `check`: every setting, those of tables too, its value (secrets masked) and where it came from. */
export function renderCheck(loaded: Loaded): string {
  const rows = SETTING_NAMES.map((name) => {
    const origin = loaded.origins[name];
    const row = rowOf(name);
    return [name, loaded.shown[name], origin === "not set" ? row.unset ?? origin : origin];
  });
  const entries = Object.values(loaded.tables).flat().flatMap(({ shown }) =>
    shown.map(({ label, text, origin }) => [label, text, origin])
  );
  return [...columns([...rows, ...entries]), ""].join("\n");
}
