import { INPUT_NAMES } from "../../src/config/schema.ts";
import { editDistance, nearest, nearMiss } from "../../src/config/nearest_name.ts";
import { assertEquals } from "../support/assert.ts";

const DISTANCES: readonly [string, string, number][] = [
  ["", "", 0],
  ["", "abc", 3],
  ["abc", "abc", 0],
  ["abc", "abd", 1],
  ["abc", "acb", 1],
  ["abc", "ab", 1],
  ["kitten", "sitting", 3],
];

for (const [a, b, distance] of DISTANCES) {
  Deno.test(`From "${a}" to "${b}" it is ${distance} slips, both ways.`, () => {
    assertEquals(editDistance(a, b), distance);
    assertEquals(editDistance(b, a), distance);
  });
}

Deno.test("The nearest name ignores case, prefers fewer slips and is not far-fetched.", () => {
  assertEquals(nearest("LISTEN_URL", ["listen_url"]), "listen_url");
  assertEquals(nearest("provider_uri", ["upstream_url", "provider_url"]), "provider_url");
  assertEquals(nearest("colour", ["listen_url", "leeway"]), undefined);
  assertEquals(nearest("x", []), undefined);
});

const MISSPELT: readonly [string, string][] = [
  ["PROVIDER_URI", "PROVIDER_URL"],
  ["UPSTREM_URL", "UPSTREAM_URL"],
  ["CLIENT_SECRETS", "CLIENT_SECRET"],
  ["CLIENT_SECERT_FILE", "CLIENT_SECRET_FILE"],
  ["LISTENURL", "LISTEN_URL"],
  ["LISTEN_SSLURL", "LISTEN_SSL_URL"],
  ["listen_url", "LISTEN_URL"],
  ["KEY_EXPIRY_SEC", "KEY_EXPIRY_SECS"],
  ["NUM_WORKER", "NUM_WORKERS"],
  ["AUDIANCE", "AUDIENCE"],
  ["CERT_PASWORD", "CERT_PASSWORD"],
];

for (const [variable, meant] of MISSPELT) {
  Deno.test(`The environment variable ${variable} is taken for ${meant}.`, () => {
    assertEquals(nearMiss(variable, INPUT_NAMES), meant);
  });
}

const ORDINARY = [
  "UPSTREAM_PORT",
  "UPSTREAM_SERVICE_HOST",
  "UPSTREAM_SERVICE_PORT",
  "UPSTREAM_PORT_80_TCP_ADDR",
  "PROVIDER_PORT",
  "PROVIDER_SERVICE_PORT_HTTP",
  "OOPROXY_PORT",
  "HOSTNAME",
  "LISTEN_PID",
  "LISTEN_FDS",
  "LISTEN_FDNAMES",
  "LISTEN_UID",
  "PATH",
  "HOME",
  "USER",
  "LANG",
  "LC_ALL",
  "TERM",
  "SHELL",
  "PWD",
  "OLDPWD",
  "SHLVL",
  "EDITOR",
  "PAGER",
  "LOGNAME",
  "MAIL",
  "TZ",
  "DISPLAY",
  "COLORTERM",
  "SSH_CLIENT",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "RUST_BACKTRACE",
  "RUST_LOG_STYLE",
  "DENO_DIR",
  "KUBERNETES_SERVICE_HOST",
  "KUBERNETES_PORT_443_TCP_PROTO",
  "DATABASE_URL",
  "BASE_URL",
  "CLIENT_ID",
  "CERT_PATH",
  "LOG_FILE",
  "LOG_DIR",
  "LOG_STREAM",
  "MAX_WORKERS",
  "PROJECT",
  "OBJECT",
  "JOURNAL_STREAM",
  "INVOCATION_ID",
  "NOTIFY_SOCKET",
  "WATCHDOG_USEC",
  "_",
  "",
  "constructor",
  "BASH_FUNC_which%%",
];

for (const variable of ORDINARY) {
  Deno.test(`The environment variable "${variable}" is not taken for a setting.`, () => {
    assertEquals(nearMiss(variable, INPUT_NAMES), undefined);
  });
}

for (const name of INPUT_NAMES) {
  Deno.test(`${name} itself is not a near miss of another setting.`, () => {
    assertEquals(nearMiss(name, INPUT_NAMES), undefined);
  });
}
