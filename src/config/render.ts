/**
 * The table of settings as text: help and the output of `check`. What is written from it for people to
 * read elsewhere is in `tools`. Every function returns text that ends with a line break.
 */
import { COMMANDS, DEMO_FLAGS } from "./args.ts";
import type { Loaded } from "./load.ts";
import { fileForm, flagName } from "./names.ts";
import { columns } from "./problem.ts";
import { rowOf, SETTING_NAMES } from "./schema.ts";
import { type Group, GROUPS, type Row } from "./row.ts";
import type { SettingName } from "./schema.ts";

/** Width of help and example in characters. */
const WIDTH = 96;

/** The groups in the order of the documents. */
export const GROUP_NAMES = Object.keys(GROUPS) as readonly Group[];

/** The settings of a group, in the table's order. */
export function namesIn(group: Group): readonly SettingName[] {
  return SETTING_NAMES.filter((name) => rowOf(name).group === group);
}

/** What holds when nothing is given, in words or as a value. */
export function defaultOf(row: Row<unknown>): string {
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
export function accepted(row: Row<unknown>): string {
  return row.accepts.replace(/,$/, "");
}

/** The text of `--help`. */
export function renderHelp(): string {
  const commands = columns(Object.entries(COMMANDS).map(([name, doc]) => [`  ${name}`, doc]));
  const demo = columns(
    Object.entries(DEMO_FLAGS).map(([flag, doc]) => [
      `  --${flag}${flag.endsWith("-port") ? " PORT" : ""}`,
      doc,
    ]),
  );
  return [
    "ooproxy checks OpenID Connect bearer tokens and streams what passes to an upstream.",
    "",
    "usage: ooproxy [COMMAND] [--config FILE] [FLAG VALUE]...",
    "",
    "Commands:",
    ...commands,
    "",
    ...wrap(
      "Settings come from settings.toml (--config FILE, else the working directory, else the " +
        "directories of $PATH), then from environment variables, then from flags; the later win. " +
        "An empty value means not set. Below: flag, environment variable; the key in " +
        "settings.toml is the variable's name in lower case.",
      "",
    ),
    ...GROUP_NAMES.flatMap((group) => [
      "",
      `${GROUPS[group]}:`,
      ...namesIn(group).flatMap(helpOf),
    ]),
    "",
    "Flags of demo:",
    ...demo,
    "",
  ].join("\n");
}

function helpOf(name: SettingName): string[] {
  const row = rowOf(name);
  const head = row.secret === true
    ? `  --${flagName(fileForm(name))} FILE, ${fileForm(name)}, ${name}`
    : `  --${flagName(name)} VALUE, ${name}`;
  const secret = row.secret === true ? " A secret: no flag takes it directly." : "";
  return [
    head,
    ...wrap(`${row.doc}${secret}`, "      "),
    ...wrap(`Accepts ${accepted(row)}. Default: ${defaultOf(row)}.`, "      "),
  ];
}

/** The output of `check`: every setting, its value (secrets masked) and where it came from. */
export function renderCheck(loaded: Loaded): string {
  const rows = SETTING_NAMES.map((name) => {
    const origin = loaded.origins[name];
    const row = rowOf(name);
    return [name, loaded.shown[name], origin === "not set" ? row.unset ?? origin : origin];
  });
  return [...columns(rows), ""].join("\n");
}
