/** The documents of the table of settings in Markdown: every setting on a page, the common ones as a table. */
import { fileForm, flagName, tomlKey } from "../src/config/names.ts";
import { accepted, defaultOf, GROUP_NAMES, namesIn } from "../src/config/render.ts";
import { GROUPS } from "../src/config/row.ts";
import { rowOf, SETTING_NAMES, type SettingName } from "../src/config/schema.ts";
import { isCommon, needsRestart, summaryOf } from "./row_facts.ts";
import { tomlValue } from "./settings_example.ts";

/** Names of settings as they stand in texts, the longest first. */
const NAME = new RegExp(
  `\\b(${SETTING_NAMES.toSorted((a, b) => b.length - a.length).join("|")})\\b`,
  "g",
);

/** The text of `docs/settings.md`: a heading a setting, under the headings of the groups. */
export function renderSettingsPage(): string {
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
  ].join("\n\n");
}

function sectionOf(name: SettingName): string[] {
  const row = rowOf(name);
  const facts = [
    `Accepts: ${prose(accepted(row))}`,
    defaultLine(name),
    ...(row.secret === true ? secretLines(name) : [
      `Flag: \`--${flagName(name)}\``,
      `In \`settings.toml\`: \`${tomlKey(name)} = ${tomlValue(row.example)}\``,
    ]),
    ...(needsRestart(name) ? ["A change needs a restart."] : []),
  ];
  return [`### ${name}`, prose(row.doc), facts.map((line) => `- ${line}`).join("\n")];
}

function defaultLine(name: SettingName): string {
  const row = rowOf(name);
  if (row.required === true) return "Required";
  return row.default === undefined
    ? `Not set: ${prose(defaultOf(row))}`
    : `Default: \`${row.default}\``;
}

/** A secret stands in a variable, in `settings.toml` or, better, in a file of its own. */
function secretLines(name: SettingName): string[] {
  const twin = fileForm(name);
  return [
    "A secret: no flag takes it, and it is never shown",
    `In \`settings.toml\`: \`${tomlKey(name)} = ${tomlValue(rowOf(name).example)}\``,
    `From a file: \`${twin}\`, flag \`--${flagName(twin)}\`, or in \`settings.toml\` ` +
    `\`${tomlKey(twin)} = ${tomlValue(`/run/secrets/${tomlKey(name)}`)}\``,
  ];
}

/** The README's table: the settings that most people need, narrow enough to be read as it stands. */
export function renderCommonSettings(): string {
  const rows = SETTING_NAMES.filter(isCommon).map((name) => {
    const row = rowOf(name);
    const value = row.default === undefined
      ? cell(prose(defaultOf(row)))
      : `\`${cell(row.default)}\``;
    return `| \`${name}\` | ${cell(prose(summaryOf(name)))} | ${value} |`;
  });
  return ["| Setting | Meaning | Default |", "| --- | --- | --- |", ...rows].join("\n");
}

function link(name: SettingName): string {
  return `[${name}](#${name.toLowerCase()})`;
}

/** A text of the table in Markdown: its own marks are none, names of settings are set as code. */
function prose(text: string): string {
  return text.replaceAll(/[\\`*<]/g, "\\$&").replaceAll(NAME, "`$&`");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
