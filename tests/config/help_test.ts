import { settingFlags } from "../../src/config/args.ts";
import { COMMANDS, DEMO_FLAGS, isCommand } from "../../src/config/commands.ts";
import { renderHelp } from "../../src/config/help.ts";
import { helpTopicOf, nearestTopic } from "../../src/config/help_topic.ts";
import { INPUT_NAMES, namesWith, SETTING_NAMES } from "../../src/config/schema.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";

/** Every text that the help can show, by the word behind `help`. */
const TEXTS = ["", "all", ...Object.keys(COMMANDS), ...SETTING_NAMES].map((word) => {
  const topic = word === "" ? "overview" : helpTopicOf(word);
  assert(topic !== undefined, word);
  return { word, text: renderHelp(topic) };
});

for (const { word, text } of TEXTS) {
  Deno.test(`The text of \`ooproxy help ${word}\` fits the width and has no doubled comma.`, () => {
    assertEquals(text.split("\n").filter((line) => line.length > 100), []);
    assertExcludes(text, ",,");
    assertExcludes(text, "undefined");
    assert(text.endsWith("\n") && !text.endsWith("\n\n"));
  });
}

Deno.test("The help alone fits one screen: all commands, the common settings, where to read on.", () => {
  const text = renderHelp("overview");
  assert(text.split("\n").length <= 45);
  for (const command of Object.keys(COMMANDS)) assertIncludes(text, `\n  ${command} `);
  for (const name of namesWith("common")) {
    assertIncludes(text, `--${name.toLowerCase().replaceAll("_", "-")}`);
  }
  for (const word of ["help all", "help AUDIENCE", "help check"]) assertIncludes(text, word);
  assertExcludes(text, "--max-url-bytes");
});

Deno.test("The help on all names every command, every flag and every variable.", () => {
  const text = renderHelp("all");
  for (const command of Object.keys(COMMANDS)) assertIncludes(text, `\n  ${command} `);
  for (const flag of [...settingFlags(), ...Object.keys(DEMO_FLAGS), "config"]) {
    assertIncludes(text, `--${flag} `);
  }
  for (const name of INPUT_NAMES) assertIncludes(text, name);
  assertExcludes(text, "--client-secret ");
});

Deno.test("The help on one setting has its names, meaning, values, example and what a reload does.", () => {
  assertEquals(
    renderHelp({ setting: "UPSTREAM_URL" }),
    `UPSTREAM_URL
  The server that is protected. A path is put in front of every request path. A trailing slash
  does not matter. Or a Unix socket: unix:/run/api.sock.

  Environment     UPSTREAM_URL
  Flag            --upstream-url VALUE
  settings.toml   upstream_url
  Accepts         an absolute http(s) URL
  Default         required
  Example         http://127.0.0.1:9000
  Reload          a change to or from a Unix socket needs a restart, any other is applied
`,
  );
  const secret = renderHelp({ setting: "CERT_PASSWORD" });
  for (const text of ["CERT_PASSWORD or CERT_PASSWORD_FILE", "--cert-password-file FILE"]) {
    assertIncludes(secret, text);
  }
  assertIncludes(secret, "value or file is applied");
  assertIncludes(secret, "deno serve      ignored");
  assertIncludes(renderHelp({ setting: "ADMIN_URL" }), "needs a restart");
});

Deno.test("The help on a command has its line and its flags.", () => {
  assertIncludes(renderHelp({ command: "check" }), COMMANDS.check);
  assertIncludes(renderHelp({ command: "check" }), "--config FILE");
  for (const flag of Object.keys(DEMO_FLAGS)) {
    assertIncludes(renderHelp({ command: "demo" }), `  --${flag} `);
  }
});

Deno.test("A topic is found by every name of a setting, a command by its own.", () => {
  for (const word of ["AUDIENCE", "audience", "--audience"]) {
    assertEquals(helpTopicOf(word), { setting: "AUDIENCE" });
  }
  for (const word of ["listen-url", "listen_url", "--listen-url", "LISTEN_URL"]) {
    assertEquals(helpTopicOf(word), { setting: "LISTEN_URL" });
  }
  assertEquals(helpTopicOf("--client-secret-file"), { setting: "CLIENT_SECRET" });
  assertEquals(helpTopicOf("check"), { command: "check" });
  assertEquals(helpTopicOf("--once"), { command: "demo" });
  assertEquals(helpTopicOf("all"), "all");
  for (const word of ["", "constructor", "__proto__", "AUDIANCE"]) {
    assertEquals(helpTopicOf(word), undefined);
    assert(!isCommand(word));
  }
});

Deno.test("The nearest topic is offered as it should be written.", () => {
  assertEquals(nearestTopic("audiance"), "AUDIENCE");
  assertEquals(nearestTopic("--listen-uri"), "LISTEN_URL");
  assertEquals(nearestTopic("chekc"), "check");
  assertEquals(nearestTopic("xyz"), undefined);
});
