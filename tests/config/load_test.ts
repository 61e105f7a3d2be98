import { candidatePaths } from "../../src/config/load.ts";
import { renderProblems } from "../../src/config/problems.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { assertThrows } from "../support/assert.ts";
import { loadOk, loadProblems, MINIMAL, problemsWithEnv, withEnv } from "./support.ts";

Deno.test("A flag wins over the environment, that over the file, that over the default.", () => {
  const file = "leeway = 1\nkey_cooldown_secs = 2\nnum_workers = 3\n";
  const env = { ...MINIMAL, KEY_COOLDOWN_SECS: "20", NUM_WORKERS: "30" };
  const { config, origins } = loadOk({ file, env, flags: { "num-workers": "auto" } });
  assertEquals(config.upstream.upstreamTimeoutSecs, 3600);
  assertEquals(config.token.leeway, 1);
  assertEquals(config.providers[0].keyCooldownSecs, 20);
  assertEquals(config.process.numWorkers, "auto");
  assertEquals(origins.UPSTREAM_TIMEOUT_SECS, "default");
  assertEquals(origins.LEEWAY, "settings.toml:1 (leeway)");
  assertEquals(origins.KEY_COOLDOWN_SECS, "environment variable KEY_COOLDOWN_SECS");
  assertEquals(origins.NUM_WORKERS, "flag --num-workers");
  assertEquals(origins.SUBJECT, "not set");
});

Deno.test("An empty value means not set: the next lower layer applies.", () => {
  const loaded = loadOk({
    file: "leeway = 5\nsubject = ''\nlisten_ssl_url = ''\ncert_password = ''\n",
    env: { ...MINIMAL, LEEWAY: "", AUDIENCE: "", CERT_FILE: "", CLIENT_SECRET_FILE: "" },
    flags: { leeway: "", "num-workers": "" },
  });
  assertEquals(loaded.config.token.leeway, 5);
  assertEquals(loaded.config.process.numWorkers, 2);
  assertEquals(loaded.config.providers[0].subject, undefined);
  assertEquals(loaded.config.listen.certPassword, undefined);
  assertEquals(loaded.config.listen.listenSslUrl, undefined);
});

Deno.test("An empty mandatory setting is a missing one.", () => {
  const problems = problemsWithEnv({ UPSTREAM_URL: "" });
  assertEquals(problems.map((problem) => [problem.setting, problem.source]), [
    ["UPSTREAM_URL", "not set"],
  ]);
});

Deno.test("The settings are frozen all the way down.", () => {
  const { config } = withEnv({ AUDIENCE: '["a"]' });
  assert(Object.isFrozen(config) && Object.isFrozen(config.listen.listenUrl));
  assertThrows(() => (config.providers[0].audience as string[]).push("b"));
});

Deno.test("Without any settings all that is missing is reported at once.", () => {
  const problems = loadProblems({});
  assertEquals(problems.map((problem) => problem.setting), [
    "LISTEN_URL",
    "UPSTREAM_URL",
    "PROVIDER_URL",
  ]);
  assert(problems.every((problem) => problem.source === "not set"));
});

Deno.test("Every problem of every layer is collected.", () => {
  const problems = loadProblems({
    file: "leeway = -1\nprovider_uri = 'x'\nsubject = 1979-05-27\n",
    env: { ...MINIMAL, AUDIENCE: "myapi", UPSTREAM_URL: "http//api:80" },
    flags: { "num-workers": "300" },
  });
  assertEquals(problems.map((problem) => [problem.setting, problem.source]), [
    ["provider_uri", "settings.toml:2"],
    ["AUDIENCE", "environment variable AUDIENCE"],
    ["SUBJECT", "settings.toml:3 (subject)"],
    ["LEEWAY", "settings.toml:1 (leeway)"],
    ["UPSTREAM_URL", "environment variable UPSTREAM_URL"],
    ["NUM_WORKERS", "flag --num-workers"],
  ]);
});

const WRONG: readonly [string, string, string][] = [
  ["LISTEN_URL", "8080", "host:port"],
  ["LISTEN_SSL_URL", "http://:1", "https://"],
  ["PROVIDER_URL", "id.example.com", "absolute http(s) URL, such as https://"],
  ["UPSTREAM_URL", "http//api:80", "absolute http(s) URL, such as http://127.0.0.1:9000"],
  ["KEY_EXPIRY_SECS", "0", "whole seconds, 1 or more"],
  ["KEY_COOLDOWN_SECS", "0", "whole seconds, 1 or more"],
  ["UPSTREAM_TIMEOUT_SECS", "1.5", "whole seconds, 1 or more"],
  ["AUDIENCE", "[]", "string or an array of strings"],
  ["AUDIENCE", '["a",""]', "string or an array of strings"],
  ["LEEWAY", "-1", "whole seconds, 0 or more"],
  ["NUM_WORKERS", "0", "1 to 256, or auto"],
  ["RUST_LOG", "actix_web=info", "one of error, warning"],
  ["LOG_LEVEL", "verbose", "one of error, warning"],
  ["LOG_FORMAT", "xml", "one of auto, pretty, json"],
];

for (const [name, text, expected] of WRONG) {
  Deno.test(`${name}=${text} is a problem that shows the value and what is expected.`, () => {
    const env = { CERT_FILE: "a.pfx", LISTEN_SSL_URL: ":1", [name]: text };
    const [problem, ...more] = problemsWithEnv(env);
    assertEquals(more, []);
    assertEquals(problem?.setting, name);
    assertEquals(problem?.source, `environment variable ${name}`);
    assertEquals(problem?.found, JSON.stringify(text));
    assertIncludes(problem?.expected ?? "", expected);
  });
}

Deno.test("A bare word as AUDIENCE is refused with the right spelling as hint.", () => {
  assertIncludes(problemsWithEnv({ AUDIENCE: "myapi" })[0]?.hint ?? "", `AUDIENCE='"myapi"'`);
});

for (const text of ['":8080"', "':8080'", " :8080", ":8080\r"]) {
  Deno.test(`Quotes and white space around a value are pointed out: ${JSON.stringify(text)}.`, () => {
    assertIncludes(problemsWithEnv({ LISTEN_URL: text })[0]?.hint ?? "", "quotes or white space");
  });
}

Deno.test("A password inside a URL that is refused is not shown.", () => {
  const problems = problemsWithEnv({ UPSTREAM_URL: "http://me:hush@api", PROVIDER_URL: "x?hush" });
  assertExcludes(JSON.stringify(problems), "hush");
  assertEquals(problems.length, 2);
});

Deno.test("Control characters in a value cannot reach the terminal.", () => {
  const text = renderProblems(problemsWithEnv({ LEEWAY: "\u001b[31m\u009b\u202e\n" }));
  // deno-lint-ignore no-control-regex
  assert(!/[\u001b\u009b\u202e]/.test(text));
});

Deno.test("A wrong value that a higher layer replaces is no problem.", () => {
  assertEquals(
    loadOk({ file: "leeway = 'x'", env: { ...MINIMAL, LEEWAY: "1" } }).config.token.leeway,
    1,
  );
});

Deno.test("One listener is enough, either one; both may be there.", () => {
  const tls = { LISTEN_SSL_URL: ":8443", CERT_FILE: "a.pfx" };
  assertEquals(withEnv({ ...tls, LISTEN_URL: "" }).config.listen.listenUrl, undefined);
  assertEquals(withEnv(tls).config.listen.listenSslUrl?.port, 8443);
});

Deno.test("LISTEN_SSL_URL without CERT_FILE is a problem.", () => {
  const problems = problemsWithEnv({ LISTEN_SSL_URL: ":8443" });
  assertEquals(problems.map((problem) => problem.setting), ["CERT_FILE"]);
  assertIncludes(problems[0]?.expected ?? "", "LISTEN_SSL_URL");
});

Deno.test("A listener that is wrong does not also count as missing.", () => {
  const problems = problemsWithEnv({ LISTEN_URL: "x" });
  assertEquals(problems.map((problem) => problem.setting), ["LISTEN_URL"]);
  assertIncludes(problems[0]?.source ?? "", "environment");
});

const QUIET = { AUDIENCE: '"a"' };

const WARNINGS: readonly [string, Record<string, string>, string | undefined][] = [
  ["nothing odd", {}, undefined],
  ["CERT_FILE without LISTEN_SSL_URL", { CERT_FILE: "a.pfx" }, "CERT_FILE is set without"],
  ["a plain http provider", { PROVIDER_URL: "http://id.example.com" }, "PROVIDER_URL is plain"],
  ["a plain http provider on this machine", { PROVIDER_URL: "http://localhost:1" }, undefined],
  ["a plain http provider at [::1]", { PROVIDER_URL: "http://[::1]:1" }, undefined],
  ["a secret of 31 bytes", { CLIENT_SECRET: "x".repeat(31) }, "shorter than 32 bytes"],
  ["a secret of 32 bytes in 16 letters", { CLIENT_SECRET: "é".repeat(16) }, undefined],
  ["no audience", { AUDIENCE: "" }, "AUDIENCE is not set"],
  ["a misspelt variable", { PROVIDER_URI: "hush" }, "PROVIDER_URI is no setting: is PROVIDER_URL"],
  ["a misspelt secret", { CLIENT_SECRETS: "hush" }, "CLIENT_SECRETS is no setting"],
  ["names of Kubernetes and systemd", { UPSTREAM_PORT: "tcp://1", LISTEN_PID: "1" }, undefined],
];

for (const [what, env, warning] of WARNINGS) {
  Deno.test(`With ${what} there is ${warning === undefined ? "no warning" : "a warning"}.`, () => {
    const { warnings } = withEnv({ ...QUIET, ...env });
    assertEquals(warnings.length, warning === undefined ? 0 : 1, warnings.join("\n"));
    assertIncludes(warnings.join("\n"), warning ?? "");
    assertExcludes(warnings.join("\n"), "hush");
  });
}

Deno.test("A missing setting points to the misspelt variable.", () => {
  const problems = problemsWithEnv({ UPSTREAM_URL: "", UPSTREM_URL: "http://hush" });
  assertIncludes(problems[0]?.hint ?? "", "UPSTREM_URL is set: is UPSTREAM_URL meant?");
  assertExcludes(JSON.stringify(problems), "hush");
});

Deno.test("Names of the object prototype in the environment and the flags are nothing.", () => {
  const env = JSON.parse('{"__proto__": {"LEEWAY": "x"}, "constructor": "x"}');
  assertEquals(loadOk({ env: { ...MINIMAL, ...env }, flags: env }).config.token.leeway, 0);
});

Deno.test("The settings file is looked for in the working directory, then along $PATH.", () => {
  assertEquals(candidatePaths("/work", "/usr/bin:/opt/x/::bin:/usr/bin:/"), [
    "/work/settings.toml",
    "/usr/bin/settings.toml",
    "/opt/x/settings.toml",
    "/settings.toml",
  ]);
  assertEquals(candidatePaths("/", ""), ["/settings.toml"]);
  assertEquals(candidatePaths("C:\\a", "C:\\b;D:\\c", ";"), [
    "C:\\a/settings.toml",
    "C:\\b/settings.toml",
    "D:\\c/settings.toml",
  ]);
});
