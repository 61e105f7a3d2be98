/** The text of `settings.toml.example`, from the table of settings. */
import { fileForm, tomlKey } from "../src/config/names.ts";
import { accepted, defaultOf, GROUP_NAMES, namesIn, wrap } from "../src/config/render.ts";
import { GROUPS } from "../src/config/row.ts";
import { rowOf, type SettingName } from "../src/config/schema.ts";

/**
 * Every setting with its meaning. The smallest working set is in force, the rest is commented out,
 * showing its default or else an example.
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

/** A value in TOML: whole numbers and booleans bare, everything else as a string (no control characters). */
export function tomlValue(text: string): string {
  if (/^(\d+|true|false)$/.test(text)) return text;
  return /["\\]/.test(text) && !text.includes("'") ? `'${text}'` : JSON.stringify(text);
}
