/**
 * The command line: arguments → command, flags and settings file.
 */
import { parseArgs } from "node:util";
import { fail, ok, type Result } from "../result.ts";
import { quote } from "../text.ts";
import { type Command, COMMANDS, DEMO_FLAGS, isCommand } from "./commands.ts";
import { type HelpTopic, helpTopicOf, nearestTopic } from "./help_topic.ts";
import { fileForm, flagName } from "./names.ts";
import { port } from "./kinds.ts";
import type { Problem } from "./problems.ts";
import { inputNames, rowOf, SETTING_NAMES } from "./schema.ts";
import { nearest } from "./nearest_name.ts";

/** How `demo` runs. Ports: 0 = any free one, undefined = the demo's choice. */
export interface DemoOptions {
  readonly once: boolean;
  readonly providerPort: number | undefined;
  readonly upstreamPort: number | undefined;
  readonly proxyPort: number | undefined;
}

/** What the command line asks for. */
export interface Invocation {
  readonly command: Command;
  /** Settings by flag name without dashes, as `load` takes them. */
  readonly flags: Readonly<Record<string, string>>;
  /** The settings file named by `--config`. */
  readonly configFile: string | undefined;
  readonly demo: DemoOptions;
  /** What `help` is about. */
  readonly topic: HelpTopic;
}

/** An invocation by a command alone. */
const NOTHING_MORE: Omit<Invocation, "command"> = {
  flags: {},
  configFile: undefined,
  demo: demoOptions(new Map()),
  topic: "overview",
};

/** Flags without a value. */
const SWITCHES: readonly string[] = ["help", "version", "once"];

/** Where every problem of this file was found. */
const COMMAND_LINE = { source: "command line" };

type Token = NonNullable<ReturnType<typeof parseArgs>["tokens"]>[number];
type OptionToken = Extract<Token, { kind: "option" }>;

/** The flags that set a setting. Secrets have only the one that names a file. */
export function settingFlags(): readonly string[] {
  return SETTING_NAMES.flatMap((name) =>
    rowOf(name).secret === true ? [fileForm(name)] : inputNames(name)
  ).map(flagName);
}

/** Flags that would carry a secret: refused, since every user of the machine can read them. */
function secretFlags(): readonly string[] {
  return SETTING_NAMES.filter((name) => rowOf(name).secret === true).map(flagName);
}

/**
 * Reads the arguments behind the program's name. Settings are not parsed here, only collected.
 *
 * `--help` and `--version` win over everything, wrong flags included; `help` with an unknown word is a
 * problem. A problem never shows the
 * value of a flag.
 */
export function parseArguments(args: readonly string[]): Result<Invocation, readonly Problem[]> {
  const valued = [
    ...settingFlags(),
    ...secretFlags(),
    "config",
    ...Object.keys(DEMO_FLAGS).filter((flag) => !SWITCHES.includes(flag)),
  ];
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: {
      ...Object.fromEntries(valued.map((flag) => [flag, { type: "string" as const }])),
      ...Object.fromEntries(SWITCHES.map((flag) => [flag, { type: "boolean" as const }])),
      help: { type: "boolean", short: "h" },
    },
  });
  const options = tokens.filter((token) => token.kind === "option");
  const words = commandWords(tokens, new Set([...valued, ...SWITCHES]));
  if (words[0] === "help" || options.some(({ name }) => name === "help")) {
    const topic = topicOf(words, options);
    return topic.ok ? ok({ ...NOTHING_MORE, command: "help", topic: topic.value }) : topic;
  }
  if (words[0] === "version" || options.some(({ name }) => name === "version")) {
    return ok({ ...NOTHING_MORE, command: "version" });
  }

  const problems: Problem[] = [];
  const command = commandOf(words, problems);
  const values = new Map<string, string>();
  for (const option of options) {
    const problem = optionProblem(option, valued, command, values.has(option.name));
    if (problem !== undefined) problems.push(problem);
    else values.set(option.name, option.value ?? "");
  }
  if (command === undefined || problems.length > 0) return fail(problems);
  const flags = settingFlags().flatMap((flag) => {
    const value = values.get(flag);
    return value === undefined ? [] : [[flag, value] as const];
  });
  return ok({
    ...NOTHING_MORE,
    command,
    flags: Object.fromEntries(flags),
    configFile: values.get("config"),
    demo: demoOptions(values),
  });
}

/** The arguments that are no flags; one behind an unknown flag is taken for that flag's value. */
function commandWords(tokens: readonly Token[], known: ReadonlySet<string>): string[] {
  return tokens.flatMap((token, at) => {
    if (token.kind !== "positional") return [];
    const before = tokens[at - 1];
    const unknown = before?.kind === "option" && !known.has(before.name) &&
      before.value === undefined;
    return unknown ? [] : [token.value];
  });
}

/** What the help is wanted for: a word or a flag behind `help`; with `--help` alone never a problem. */
function topicOf(
  words: readonly string[],
  options: readonly OptionToken[],
): Result<HelpTopic, readonly Problem[]> {
  const [first = "serve", second] = words;
  if (first !== "help") {
    return ok(first === "serve" ? "overview" : helpTopicOf(first) ?? "overview");
  }
  const flag = options.find(({ name, value }) => name !== "help" && value === undefined);
  const word = second ?? flag?.name;
  const topic = word === undefined ? "overview" : helpTopicOf(word);
  if (topic !== undefined) return ok(topic);
  const near = nearestTopic(word ?? "");
  const meant = near === undefined ? "" : `, did you mean ${near}?`;
  const fault = `unknown setting or command ${quote(word ?? "")}${meant}`;
  return fail([{ ...COMMAND_LINE, setting: "help", fault }]);
}

/** The command, `serve` where none is given; nothing where it is unknown. */
function commandOf(words: readonly string[], problems: Problem[]): Command | undefined {
  const [first = "serve", ...rest] = words;
  if (rest.length > 0) {
    problems.push({
      ...COMMAND_LINE,
      setting: "arguments",
      fault: `${rest.length} more than the command`,
      hint: "flags begin with two dashes: --listen-url :8080",
    });
  }
  if (isCommand(first)) return first;
  problems.push(unknownCommand(first));
  return undefined;
}

function unknownCommand(word: string): Problem {
  const known = Object.keys(COMMANDS);
  const near = nearest(word, known);
  return {
    ...COMMAND_LINE,
    setting: "command",
    fault: `unknown command ${quote(word)}, ` +
      (near === undefined ? `expected one of ${known.join(", ")}` : `did you mean ${near}?`),
  };
}

function optionProblem(
  option: OptionToken,
  valued: readonly string[],
  command: Command | undefined,
  repeated: boolean,
): Problem | undefined {
  const { name, rawName, value } = option;
  const problem = { ...COMMAND_LINE, setting: rawName };
  const secret = SETTING_NAMES.find((setting) => flagName(setting) === name);
  if (secret !== undefined && rowOf(secret).secret === true) {
    return {
      ...problem,
      fault: "a secret on the command line can be read by every user of the machine",
      hint: `set the environment variable ${secret}, or name a file: --${name}-file FILE`,
    };
  }
  const isSwitch = SWITCHES.includes(name);
  if (!isSwitch && !valued.includes(name)) return unknownFlag(problem, name, valued);
  if (repeated) return { ...problem, fault: "given twice" };
  if (Object.hasOwn(DEMO_FLAGS, name) && command !== undefined && command !== "demo") {
    return { ...problem, fault: "belongs to the command demo" };
  }
  if (isSwitch) return value === undefined ? undefined : { ...problem, fault: "takes no value" };
  if (value === undefined || (option.inlineValue === false && value.startsWith("-"))) {
    return { ...problem, fault: `needs a value: ${rawName} VALUE` };
  }
  if (Object.hasOwn(DEMO_FLAGS, name) && !port().parse(value).ok) {
    return { ...problem, found: quote(value), expected: port().accepts };
  }
  if (name === "config" && value === "") return { ...problem, expected: "the name of a file" };
  return undefined;
}

function unknownFlag(
  problem: { setting: string; source: string },
  name: string,
  valued: readonly string[],
): Problem {
  const near = nearest(name, [...valued, ...SWITCHES]);
  const meant = secretFlags().includes(near ?? "") ? `${near}-file` : near;
  return {
    ...problem,
    fault: meant === undefined ? "unknown flag" : `unknown flag, did you mean --${meant}?`,
  };
}

function demoOptions(values: ReadonlyMap<string, string>): DemoOptions {
  const portOf = (flag: string) => {
    const value = values.get(flag);
    return value === undefined ? undefined : Number(value);
  };
  return {
    once: values.has("once"),
    providerPort: portOf("provider-port"),
    upstreamPort: portOf("upstream-port"),
    proxyPort: portOf("proxy-port"),
  };
}
