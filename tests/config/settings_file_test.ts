import { readSettingsFile } from "../../src/config/settings_file.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { loadOk, loadProblems, MINIMAL } from "./support.ts";

function read(text: string) {
  return readSettingsFile({ name: "settings.toml", text });
}

/** The full example of the original's documentation, with its keys and forms. */
const ALL_ORIGINAL_KEYS = `
listen_url = '0.0.0.0:8081'
listen_ssl_url = '0.0.0.0:8082'
provider_url = 'https://id.example.com/auth/realms/main'
client_secret = 'some-client-secret-of-thirty-two-bytes'
upstream_url = 'http://127.0.0.1:9000'
rust_log = 'info'
key_expiry_secs = 3600
upstream_timeout_secs = 3600
num_workers = 4
audience = '"myproxy"'
subject = 'someone'
leeway = 10
cert_file = 'cert.pfx'
cert_password = ''
`;

Deno.test("A file with every key of the original loads.", () => {
  const { config, warnings } = loadOk({ file: ALL_ORIGINAL_KEYS });
  assertEquals(config.listen.listenUrl, { hostname: "0.0.0.0", port: 8081 });
  assertEquals(config.listen.listenSslUrl, { hostname: "0.0.0.0", port: 8082 });
  assertEquals(config.providers[0].audience, "myproxy");
  assertEquals(config.providers[0].keyExpirySecs, 3600);
  assertEquals(config.process.numWorkers, 4);
  assertEquals(config.token.leeway, 10);
  assertEquals(config.listen.certPassword, undefined);
  assertEquals(warnings, []);
});

Deno.test("A byte order mark and CRLF line ends do not matter.", () => {
  const text = "\ufeff" + ALL_ORIGINAL_KEYS.trim().replaceAll("\n", "\r\n");
  const loaded = loadOk({ file: text });
  assertEquals(loaded.config.listen.listenUrl?.port, 8081);
  assertEquals(loaded.origins.LEEWAY, "settings.toml:12 (leeway)");
});

const AUDIENCES: readonly [string, unknown][] = [
  [`audience = '"a"'`, "a"],
  [`audience = '["a","b"]'`, ["a", "b"]],
  [`audience = ["a", "b"]`, ["a", "b"]],
  [`audience = [\n  "a", # one\n  "b",\n]`, ["a", "b"]],
  [`audience = "\\"a\\""`, "a"],
];

for (const [file, audience] of AUDIENCES) {
  Deno.test(`The line ${file.replaceAll("\n", " ")} is read.`, () => {
    assertEquals<unknown>(loadOk({ env: MINIMAL, file }).config.providers[0].audience, audience);
  });
}

for (
  const file of ["audience = []", 'audience = ["a", ""]', 'audience = ["a", 1]', 'audience = "a"']
) {
  Deno.test(`The line ${file} is a problem.`, () => {
    assertEquals(loadProblems({ env: MINIMAL, file }).map((problem) => problem.setting), [
      "AUDIENCE",
    ]);
  });
}

Deno.test("Numbers and booleans are taken as their text.", () => {
  const { layer } = read("leeway = 1_0\nsubject = true\naudience = 99999999999999999999");
  assertEquals(layer.get("LEEWAY")?.text, "10");
  assertEquals(layer.get("SUBJECT")?.text, "true");
  assertEquals(layer.get("AUDIENCE")?.text, "99999999999999999999");
});

const WRONG_TYPES: readonly [string, string][] = [
  ["leeway = 1979-05-27", "a date"],
  ["leeway = 07:32:00", "a date"],
  ["leeway = [1]", "a list"],
  ["leeway = { x = 1 }", "a table"],
  ["[leeway]\nx = 1", "a table"],
  ["[[leeway]]\nx = 1", "a list"],
  ["leeway.x = 1", "a table"],
];

for (const [file, found] of WRONG_TYPES) {
  Deno.test(`${file.replace("\n", " ")} is a problem: ${found}.`, () => {
    const problems = loadProblems({ env: MINIMAL, file });
    assertEquals(problems.map(({ setting, source, found }) => [setting, source, found]), [
      ["LEEWAY", "settings.toml:1 (leeway)", found],
    ]);
  });
}

const UNKNOWN: readonly [string, string, string, string][] = [
  ["\nprovider_uri = 'hush'", "provider_uri", "settings.toml:2", "did you mean provider_url?"],
  ["client_secrets = 'hush'", "client_secrets", "settings.toml:1", "did you mean client_secret?"],
  ["LISTEN_URL = 'hush'", "LISTEN_URL", "settings.toml:1", "did you mean listen_url?"],
  ["colour = 'hush'", "colour", "settings.toml:1", "unknown setting"],
  ["__proto__ = 'hush'", "__proto__", "settings.toml:1", "unknown setting"],
  ["constructor = 'hush'", "constructor", "settings.toml:1", "unknown setting"],
  ["[__proto__]\nleeway = 1", "__proto__.leeway", "settings.toml:2", "did you mean leeway?"],
  ["[proxy]\nlisten_url = 'hush'", "proxy.listen_url", "settings.toml:2", "mean listen_url?"],
  ["a.b.leewy = 'hush'", "a.b.leewy", "settings.toml:1", "did you mean leeway?"],
  ["x = { issuer = 'hush' }", "x.issuer", "settings.toml:1", "did you mean issuer?"],
  ["[empty]", "empty", "settings.toml:1", "unknown setting"],
  ["[[colours]]\nx = 1", "colours", "settings.toml:1", "unknown table"],
];

for (const [file, setting, source, fault] of UNKNOWN) {
  Deno.test(`The unknown key of ${JSON.stringify(file)} is a problem at ${source}.`, () => {
    const problems = loadProblems({ env: MINIMAL, file });
    assertEquals(problems.map((problem) => [problem.setting, problem.source]), [
      [setting, source],
    ]);
    assertIncludes(problems[0]?.fault ?? "", fault);
    assertExcludes(JSON.stringify(problems), "hush");
  });
}

Deno.test("All unknown keys of a table are reported, with a hint where settings stand.", () => {
  const { problems } = read("[a]\nx = 1\n[a.b]\ny = 2\n");
  assertEquals(problems.map((problem) => problem.setting), ["a.x", "a.b.y"]);
  assert(problems.every((problem) => problem.hint?.includes("at the top, before any [name] line")));
});

const LINES: readonly [string, string][] = [
  ["# leeway = 1\n\nleeway = 2", "settings.toml:3 (leeway)"],
  ["subject = '''\nleeway = 1\n'''\nleeway = 2", "settings.toml:4 (leeway)"],
  ["subject = 'leeway'\n  'leeway' = 2", "settings.toml:2 (leeway)"],
  ['"leeway" = 2', "settings.toml:1 (leeway)"],
  ['leeway = """\n2"""', "settings.toml:1 (leeway)"],
  ['"lee\\u0077ay" = 2', "settings.toml:1 (leeway)"],
];

for (const [file, origin] of LINES) {
  Deno.test(`The line of a key is found in ${JSON.stringify(file)}.`, () => {
    assertEquals(read(file).layer.get("LEEWAY")?.source, origin);
  });
}

const BROKEN: readonly [string, string, string | undefined][] = [
  ["client_secret = 'hush'\nleeway 1\n", "settings.toml:2", undefined],
  ["client_secret = 'hush'\nclient_secret = 'hush'", "settings.toml:2", "above already"],
  ['cert_file = "C:\\certs\\a.pfx"', "settings.toml:1", "single quotes"],
  ["listen_url = 0.0.0.0:80", "settings.toml:1", "needs quotes"],
  ["leeway = 1\r\nlisten_url = localhost:80\r\n", "settings.toml:2", "needs quotes"],
  ["client_secret = 'hush", "settings.toml:1", undefined],
];

for (const [file, source, hint] of BROKEN) {
  Deno.test(`Wrong TOML is one problem with its place alone: ${JSON.stringify(file)}.`, () => {
    const problems = loadProblems({ file });
    assertEquals(problems.length, 1);
    assertIncludes(problems[0]?.source ?? "", `${source}, column `);
    assertIncludes(problems[0]?.hint ?? "", hint ?? "");
    assertEquals(problems[0]?.hint === undefined, hint === undefined);
    assertExcludes(JSON.stringify(problems), "hush");
  });
}

Deno.test("Wrong TOML does not hide what is wrong elsewhere.", () => {
  const problems = loadProblems({ file: "x", env: { LEEWAY: "x" } });
  assertEquals(problems.map((problem) => problem.setting), ["settings.toml", "LEEWAY"]);
});
