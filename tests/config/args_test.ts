import { parseArguments, settingFlags } from "../../src/config/args.ts";
import type { Command } from "../../src/config/commands.ts";
import type { HelpTopic } from "../../src/config/help_topic.ts";
import { SETTING_NAMES } from "../../src/config/schema.ts";
import { assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";

function parsed(...args: string[]) {
  const result = parseArguments(args);
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  return result.value;
}

function problems(...args: string[]) {
  const result = parseArguments(args);
  return result.ok ? [] : result.failure;
}

const COMMANDS: readonly [readonly string[], Command][] = [
  [[], "serve"],
  [["serve"], "serve"],
  [["check"], "check"],
  [["health"], "health"],
  [["demo"], "demo"],
  [["version"], "version"],
  [["--version"], "version"],
  [["help"], "help"],
  [["--help"], "help"],
  [["-h"], "help"],
  [["check", "--help"], "help"],
  [["--wrong", "x", "-h"], "help"],
  [["--listen-url", ":1", "check"], "check"],
];

for (const [args, command] of COMMANDS) {
  Deno.test(`The arguments "${args.join(" ")}" mean ${command}.`, () => {
    assertEquals(parsed(...args).command, command);
  });
}

const TOPICS: readonly [readonly string[], HelpTopic][] = [
  [["help"], "overview"],
  [["--help"], "overview"],
  [["help", "--help"], "overview"],
  [["serve", "--help"], "overview"],
  [["chekc", "--help"], "overview"],
  [["help", "all"], "all"],
  [["help", "AUDIENCE"], { setting: "AUDIENCE" }],
  [["help", "--audience"], { setting: "AUDIENCE" }],
  [["--help", "AUDIENCE"], { setting: "AUDIENCE" }],
  [["help", "listen-url"], { setting: "LISTEN_URL" }],
  [["help", "check"], { command: "check" }],
  [["check", "-h"], { command: "check" }],
  [["help", "serve"], { command: "serve" }],
];

for (const [args, topic] of TOPICS) {
  Deno.test(`The arguments "${args.join(" ")}" ask for help on ${JSON.stringify(topic)}.`, () => {
    assertEquals(parsed(...args).command, "help");
    assertEquals(parsed(...args).topic, topic);
  });
}

for (const flag of settingFlags()) {
  Deno.test(`--${flag} takes a value behind a space or an equals sign.`, () => {
    assertEquals(parsed(`--${flag}`, "a=b").flags, { [flag]: "a=b" });
    assertEquals(parsed(`--${flag}=a=b`).flags, { [flag]: "a=b" });
    assertEquals(parsed(`--${flag}=`).flags, { [flag]: "" });
  });
}

Deno.test("There is one flag a setting, and the file form alone for a secret.", () => {
  assertEquals(settingFlags().length, SETTING_NAMES.length);
  assertEquals(settingFlags().filter((flag) => /(secret|password)(-file)?$/.test(flag)), [
    "cert-password-file",
    "client-secret-file",
    "previous-client-secret-file",
    "introspection-client-secret-file",
    "upstream-cert-password-file",
  ]);
});

Deno.test("--config names the settings file.", () => {
  assertEquals(parsed("--config", "a.toml").configFile, "a.toml");
  assertEquals(parsed("--config=a.toml", "check").configFile, "a.toml");
  assertEquals(parsed().configFile, undefined);
  assertEquals(problems("--config=").length, 1);
});

Deno.test("The demo has its own flags, next to those of the settings.", () => {
  const args = ["demo", "--once", "--provider-port", "1", "--proxy-port=0", "--leeway", "3"];
  const { demo, flags } = parsed(...args);
  assertEquals(demo, { once: true, providerPort: 1, upstreamPort: undefined, proxyPort: 0 });
  assertEquals(flags, { leeway: "3" });
});

const WRONG: readonly [readonly string[], string, string][] = [
  [["--listen-uri", ":1"], "--listen-uri", "did you mean --listen-url?"],
  [["--listen_url=:1"], "--listen_url", "did you mean --listen-url?"],
  [["--colour"], "--colour", "unknown flag"],
  [["-x"], "-x", "unknown flag"],
  [["--__proto__", "hush"], "--__proto__", "unknown flag"],
  [["--constructor=hush"], "--constructor", "unknown flag"],
  [["--leeway"], "--leeway", "needs a value"],
  [["--leeway", "--once"], "--leeway", "needs a value"],
  [["--leeway", "1", "--leeway", "2"], "--leeway", "given twice"],
  [["--once"], "--once", "belongs to the command demo"],
  [["check", "--proxy-port", "1"], "--proxy-port", "belongs to the command demo"],
  [["demo", "--once=yes"], "--once", "takes no value"],
  [["demo", "--proxy-port", "65536"], "--proxy-port", "a port number"],
  [["demo", "--proxy-port="], "--proxy-port", "a port number"],
  [["chekc"], "command", "did you mean check?"],
  [["constructor"], "command", "one of serve, check"],
  [["serve", "hush"], "arguments", "1 more than the command"],
  [["serve", "check"], "arguments", "1 more than the command"],
  [["check", "health"], "arguments", "1 more than the command"],
  [["serve", "serve", "serve"], "arguments", "2 more than the command"],
  [["help", "audiance"], "help", "did you mean AUDIENCE?"],
  [["help", "--audiance"], "help", "did you mean AUDIENCE?"],
  [["help", "colour"], "help", "unknown setting or command"],
  [["--client-secret", "hush"], "--client-secret", "every user"],
  [["--client-secret=hush"], "--client-secret", "--client-secret-file"],
  [["--cert-password", "hush"], "--cert-password", "CERT_PASSWORD"],
  [["--client-secrets", "hush"], "--client-secrets", "did you mean --client-secret-file?"],
];

for (const [args, setting, words] of WRONG) {
  Deno.test(`The arguments "${args.join(" ")}" are a problem of ${setting}.`, () => {
    const found = problems(...args);
    assertEquals(found.map((problem) => problem.setting), [setting]);
    assertIncludes(JSON.stringify(found), words);
    assertExcludes(JSON.stringify(found), "hush");
  });
}

Deno.test("All problems of a command line are reported at once.", () => {
  assertEquals(problems("chekc", "--colour", "--leeway").map((problem) => problem.setting), [
    "command",
    "--colour",
    "--leeway",
  ]);
});

Deno.test("An unknown command makes no flag wrong that may belong to it.", () => {
  assertEquals(problems("demoo", "--once").map((problem) => problem.setting), ["command"]);
});
