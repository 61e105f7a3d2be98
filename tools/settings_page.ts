/** The documents of the tables of settings in Markdown: every setting on a page, the common ones as a table. */
import { fileForm, flagName, tomlKey } from "../src/config/names.ts";
import { defaultOf, GROUP_NAMES, namesIn } from "../src/config/render.ts";
import { expectation, type Field, GROUPS, type Row } from "../src/config/row.ts";
import { namesWith, rowOf, SETTING_NAMES, type SettingName } from "../src/config/schema.ts";
import { TABLES } from "../src/config/all_tables.ts";
import { fileKey, type Table } from "../src/config/table.ts";
import { tomlValue } from "./settings_example.ts";

/** Names of settings as they stand in texts, the longest first. */
const NAME = new RegExp(
  `\\b(${SETTING_NAMES.toSorted((a, b) => b.length - a.length).join("|")})\\b`,
  "g",
);

/**
 * The text of `docs/settings.md`: a heading a setting, under the headings of the groups; then a heading
 * for each table with many entries, and one for each of its keys.
 */
export function renderSettingsPage(tables: readonly Table[] = TABLES): string {
  return [
    "# Settings",
    "<!-- Written by `deno task generate` from the tables in src/config. -->",
    "A flag wins over an environment variable, that over `settings.toml`, and that over the default. " +
    "The headings are the names of the variables. An empty value means not set. `ooproxy check` " +
    "shows every value and where it comes from.",
    GROUP_NAMES.map((group) => `- ${GROUPS[group]}: ${namesIn(group).map(link).join(", ")}`)
      .join("\n"),
    ...GROUP_NAMES.flatMap((group) => [
      `## ${GROUPS[group]}`,
      ...namesIn(group).flatMap(sectionOf),
    ]),
    ...tables.flatMap(tableSection),
  ].join("\n\n");
}

function sectionOf(name: SettingName): string[] {
  const row = rowOf(name);
  const key = tomlKey(name);
  const twin = fileForm(name);
  const facts = [
    ...valueLines(row),
    ...(row.secret === true ? ["A secret: no flag takes it, and it is never shown"] : [
      `Flag: \`--${flagName(name)}\``,
    ]),
    `In \`settings.toml\`: ${tomlLine(key, row.example)}`,
    ...(row.secret === true
      ? [
        `From a file: \`${twin}\`, flag \`--${flagName(twin)}\`, or in \`settings.toml\` ` +
        tomlLine(tomlKey(twin), `/run/secrets/${key}`),
      ]
      : []),
    ...restartLine(row.restart),
    ...(row.entries === undefined ? [] : [`In \`settings.toml\` also as \`[[${row.entries}]]\``]),
    ...(row.edge === "ignored" ? ["Ignored under `deno serve`"] : []),
  ];
  return [`### ${name}`, prose(row.doc), list(facts)];
}

/** Keys of tables have no variables and no flags. */
function tableSection({ key, heading, doc, rows }: Table): string[] {
  return [
    `## ${heading}: \`[[${key}]]\``,
    prose(doc),
    ...Object.entries(rows).filter(([, { setting }]) => setting === undefined).flatMap((
      [name, row],
    ) => [
      `### ${key}: ${name}`,
      prose(row.doc),
      list([
        ...valueLines(row),
        `Example: ${tomlLine(name, row.example)}`,
        ...(row.secret === true
          ? [`A secret, or from a file: ${tomlLine(fileKey(name), `/run/secrets/${name}`)}`]
          : []),
      ]),
    ]),
    ...otherKeys(key, rows),
  ];
}

/** The keys that mean what a setting at the top means: they are documented there. */
function otherKeys(table: string, rows: Table["rows"]): string[] {
  const keys = Object.entries(rows).flatMap(([key, { setting }]) =>
    setting === undefined ? [] : [`- \`${key}\`: [${setting}](#${setting.toLowerCase()})`]
  );
  return keys.length === 0 ? [] : [
    `### ${table}: the other keys`,
    "Each means what the setting means that stands beside it, for this provider alone.",
    keys.join("\n"),
  ];
}

function valueLines(row: Field<unknown>): string[] {
  return [`Accepts: ${prose(expectation(row))}`, defaultLine(row)];
}

function defaultLine(row: Field<unknown>): string {
  if (row.required === true) return "Required";
  return row.default === undefined
    ? `Not set: ${prose(defaultOf(row))}`
    : `Default: \`${row.default}\``;
}

function restartLine(restart: Row<unknown>["restart"]): string[] {
  if (restart === undefined) return [];
  return [restart === true ? "A change needs a restart" : `A change ${restart} needs a restart`];
}

/** The README's table: the settings that most people need, narrow enough to be read as it stands. */
export function renderCommonSettings(): string {
  const rows = namesWith("common").map((name) => {
    const row = rowOf(name);
    const value = row.default === undefined
      ? cell(prose(defaultOf(row)))
      : `\`${cell(row.default)}\``;
    return `| \`${name}\` | ${cell(prose(row.summary ?? row.doc))} | ${value} |`;
  });
  return ["| Setting | Meaning | Default |", "| --- | --- | --- |", ...rows].join("\n");
}

function link(name: SettingName): string {
  return `[${name}](#${name.toLowerCase()})`;
}

function tomlLine(key: string, value: string): string {
  return `\`${key} = ${tomlValue(value)}\``;
}

function list(facts: readonly string[]): string {
  return facts.map((line) => `- ${line}`).join("\n");
}

/** A text of the table in Markdown: its own marks are none, names of settings are set as code. */
function prose(text: string): string {
  return text.replaceAll(/[\\`*<]/g, "\\$&").replaceAll(NAME, "`$&`");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
