/**
 * The texts of `ooproxy help`, at most 100 characters wide. Each ends with a line break.
 */
import { type Command, COMMANDS, DEMO_FLAGS } from "./commands.ts";
import type { HelpTopic } from "./help_topic.ts";
import { fileForm, flagName, tomlKey } from "./names.ts";
import { columns } from "./problems.ts";
import { defaultOf, GROUP_NAMES, namesIn, wrap } from "./render.ts";
import { type Field, GROUPS, type Row } from "./row.ts";
import { inputNames, namesWith, rowOf, type SettingName } from "./schema.ts";
import { TABLES } from "./all_tables.ts";
import { fileKey, type Table } from "./table.ts";

const ABOUT = "ooproxy checks OpenID Connect bearer tokens and streams what passes to an upstream.";

/** What may stand behind each command. */
const ARGUMENTS: Readonly<Record<Command, string>> = {
  serve: "[--config FILE] [FLAG VALUE]...",
  check: "[--config FILE] [FLAG VALUE]...",
  health: "[--config FILE] [FLAG VALUE]...",
  demo: "[--once] [--provider-port PORT] [--upstream-port PORT] [--proxy-port PORT]",
  version: "",
  help: "[all | COMMAND | SETTING]",
};

/** The help on one topic. */
export function renderHelp(topic: HelpTopic): string {
  if (topic === "overview") return renderOverview();
  if (topic === "all") return renderAll();
  return "command" in topic ? renderCommand(topic.command) : renderSetting(topic.setting);
}

/** What fits on one screen: the commands and the settings that most people need. */
function renderOverview(): string {
  const common = namesWith("common").map((name) => {
    const row = rowOf(name);
    const meaning = row.secret === true ? `file with the ${row.summary}` : row.summary ?? "";
    return [`  --${flagOf(name)}`, meaning, defaultOf(row)];
  });
  return [
    ...beginning(),
    "",
    ...columns([["Common settings:", "", "Default:"], ...common]),
    "",
    ...wrap(
      "Each is also an environment variable, LISTEN_URL for --listen-url, and a key in " +
        "settings.toml, listen_url. Flags win over the environment, that over settings.toml.",
      "",
    ),
    "",
    ...columns([
      ["ooproxy help all", "every setting, where settings come from, the flags of demo"],
      ["ooproxy help AUDIENCE", "one setting whole: names, meaning, accepted values, example"],
      ["ooproxy help check", "one command"],
    ]),
    "",
  ].join("\n");
}

function renderAll(): string {
  return [
    ...beginning(),
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
      ...namesIn(group).flatMap(paragraphOf),
    ]),
    ...TABLES.flatMap(({ key, heading, doc, rows }) => [
      "",
      `${heading}, [[${key}]] in settings.toml:`,
      ...wrap(doc, "  "),
      ...Object.entries(rows).filter(([, { setting }]) => setting === undefined)
        .flatMap(([name, row]) => [
          `  ${name}${row.secret === true ? `, ${fileKey(name)}` : ""}`,
          ...meaningOf(row),
        ]),
      ...otherKeys(rows),
    ]),
    "",
    "Flags of demo:",
    ...demoFlags(),
    "",
  ].join("\n");
}

/** The keys that mean what a setting at the top means. */
function otherKeys(rows: Table["rows"]): string[] {
  const keys = Object.entries(rows).flatMap(([key, { setting }]) =>
    setting === undefined ? [] : [key === tomlKey(setting) ? key : `${key} (${setting})`]
  );
  return keys.length === 0
    ? []
    : wrap(`The other keys mean what the settings above mean: ${keys.join(", ")}.`, "  ");
}

function beginning(): string[] {
  return [
    ABOUT,
    "",
    "usage: ooproxy [COMMAND] [--config FILE] [FLAG VALUE]...",
    "",
    "Commands:",
    ...columns(Object.entries(COMMANDS).map(([name, doc]) => [`  ${name}`, doc])),
  ];
}

function demoFlags(): string[] {
  return columns(
    Object.entries(DEMO_FLAGS).map(([flag, doc]) => [
      `  --${flag}${flag.endsWith("-port") ? " PORT" : ""}`,
      doc,
    ]),
  );
}

function paragraphOf(name: SettingName): string[] {
  const row = rowOf(name);
  const head = row.secret === true
    ? `  --${flagOf(name)} FILE, ${fileForm(name)}, ${name}`
    : `  --${flagOf(name)} VALUE, ${name}`;
  const secret = row.secret === true ? " A secret: no flag takes it directly." : "";
  return [...wrap(head, "  "), ...meaningOf(row, secret)];
}

function meaningOf(row: Field<unknown>, more = ""): string[] {
  return [
    ...wrap(`${row.doc}${more}`, "      "),
    ...wrap(`Accepts ${row.accepts}. Default: ${defaultOf(row)}.`, "      "),
  ];
}

function renderCommand(command: Command): string {
  const readsSettings = command === "serve" || command === "check" || command === "health";
  return [
    `usage: ooproxy ${command} ${ARGUMENTS[command]}`.trimEnd(),
    "",
    ...wrap(`${command}: ${COMMANDS[command]}.`, ""),
    ...(command === "demo" ? ["", ...demoFlags()] : []),
    ...(readsSettings
      ? [
        "",
        ...columns([
          ["  --config FILE", "the settings file, instead of settings.toml in the usual places"],
          ["  --FLAG VALUE", "any setting; `ooproxy help all` lists them"],
        ]),
        "",
        "Exit codes: 0 success, 1 failure, 64 invalid command line or configuration.",
      ]
      : []),
    "",
  ].join("\n");
}

function renderSetting(name: SettingName): string {
  const row = rowOf(name);
  const secret = row.secret === true;
  const facts = [
    ["Environment", inputNames(name).join(" or ")],
    ["Flag", `--${flagOf(name)} ${secret ? "FILE (no flag takes the secret itself)" : "VALUE"}`],
    ["settings.toml", inputNames(name).map(tomlKey).join(" or ")],
    ["Accepts", row.accepts],
    ["Default", defaultOf(row)],
    ["Example", row.example],
    ["Reload", reloadOf(row)],
    ...(row.edge === "ignored" ? [["deno serve", "ignored, since the platform does it"]] : []),
  ];
  return [
    name,
    ...wrap(row.doc, "  "),
    "",
    ...facts.flatMap(([label = "", text = ""]) => {
      const [first = "", ...more] = wrap(text, " ".repeat(LABEL_WIDTH));
      return [`  ${label}`.padEnd(LABEL_WIDTH) + first.trimStart(), ...more];
    }),
    "",
  ].join("\n");
}

/** Columns in front of the facts of a setting: the longest label with the space around it. */
const LABEL_WIDTH = 18;

function reloadOf({ restart, file, secret }: Row<unknown>): string {
  if (restart === undefined) {
    const files = file === true || secret === true ? "value or file" : "value";
    return `a changed ${files} is applied`;
  }
  return restart === true
    ? "a changed value needs a restart"
    : `a change ${restart} needs a restart, any other is applied`;
}

/** The flag that takes a setting; for a secret the one that names its file. */
function flagOf(name: SettingName): string {
  return flagName(rowOf(name).secret === true ? fileForm(name) : name);
}
