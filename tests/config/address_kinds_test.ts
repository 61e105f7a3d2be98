import {
  hostNames,
  isLoopback,
  listenAddress,
  maskUrl,
  providerUrl,
  upstreamUrl,
} from "../../src/config/address_kinds.ts";
import { assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";

const LISTEN: readonly [string, string, number][] = [
  ["0.0.0.0:8081", "0.0.0.0", 8081],
  ["localhost:80", "localhost", 80],
  ["proxy_1.local:80", "proxy_1.local", 80],
  [":8080", "0.0.0.0", 8080],
  [":0", "0.0.0.0", 0],
  ["[::1]:8080", "::1", 8080],
  ["[::]:65535", "::", 65535],
  ["http://127.0.0.1:8080", "127.0.0.1", 8080],
  ["http://127.0.0.1:8080/", "127.0.0.1", 8080],
  ["HTTP://[::1]:8080/", "::1", 8080],
  ["http://:8080", "0.0.0.0", 8080],
];

for (const [given, hostname, port] of LISTEN) {
  Deno.test(`LISTEN_URL ${given} listens on ${hostname} port ${port}.`, () => {
    assertEquals(listenAddress("http").parse(given), { ok: true, value: { hostname, port } });
  });
}

const NOT_LISTEN = [
  "8080",
  "localhost",
  "localhost:",
  "localhost:65536",
  "localhost:-1",
  "localhost:http",
  "localhost:80/",
  "::1:8080",
  "[::1]",
  "[::g]:80",
  "999.1.1.1:80",
  "http://",
  "http://host",
  "http://host:80/path",
  "http://host:80//",
  "http://host:80?a",
  "http://host:80#a",
  "http://user@host:80",
  "https://host:80",
  "ftp://host:80",
  "host name:80",
  " :80",
  ":80\n",
  "*:80",
];

for (const given of NOT_LISTEN) {
  Deno.test(`LISTEN_URL ${JSON.stringify(given)} is refused.`, () => {
    assertEquals(listenAddress("http").parse(given).ok, false);
  });
}

Deno.test("LISTEN_SSL_URL takes https:// and refuses http:// with a hint.", () => {
  const kind = listenAddress("https");
  assertEquals(kind.parse("https://:8443/"), {
    ok: true,
    value: { hostname: "0.0.0.0", port: 8443 },
  });
  assertEquals(kind.parse("http://:8443"), {
    ok: false,
    failure: { hint: "plain HTTP is LISTEN_URL" },
  });
});

const LISTEN_HINTS: readonly [string, string][] = [
  ["8080", ":8080"],
  ["::1:8080", "brackets"],
  ["https://:1", "LISTEN_SSL_URL"],
  [":99999", "65535"],
];

for (const [given, hint] of LISTEN_HINTS) {
  Deno.test(`The refusal of the listen address ${given} mentions ${hint}.`, () => {
    const parsed = listenAddress("http").parse(given);
    assertIncludes(parsed.ok ? "" : parsed.failure.hint ?? "", hint);
  });
}

const PROVIDERS: readonly [string, string][] = [
  ["https://id.example.com", "https://id.example.com"],
  ["https://id.example.com/", "https://id.example.com"],
  ["https://id.example.com/realms/main/", "https://id.example.com/realms/main"],
  ["http://keycloak:8080/auth", "http://keycloak:8080/auth"],
  ["HTTPS://ID.example.com/@tenant", "HTTPS://ID.example.com/@tenant"],
  ["http://[::1]:8080", "http://[::1]:8080"],
];

for (const [given, base] of PROVIDERS) {
  Deno.test(`PROVIDER_URL ${given} is kept and has the base ${base}.`, () => {
    assertEquals(providerUrl().parse(given), { ok: true, value: { text: given, base } });
  });
}

const UPSTREAMS: readonly [string, string, string][] = [
  ["http://127.0.0.1:9000", "http://127.0.0.1:9000", ""],
  ["http://127.0.0.1:9000/", "http://127.0.0.1:9000", ""],
  ["http://h:9000/api", "http://h:9000", "/api"],
  ["http://h:9000/api/", "http://h:9000", "/api"],
  ["https://h/a/b/", "https://h", "/a/b"],
  ["https://h:443", "https://h", ""],
  ["http://[::1]:9000/x", "http://[::1]:9000", "/x"],
  ["http://h/a%20b", "http://h", "/a%20b"],
];

for (const [given, origin, prefix] of UPSTREAMS) {
  Deno.test(`UPSTREAM_URL ${given} has origin ${origin} and prefix "${prefix}".`, () => {
    assertEquals(upstreamUrl().parse(given), { ok: true, value: { text: given, origin, prefix } });
  });
}

const NOT_URLS = [
  "http//api:80",
  "api:80",
  "localhost",
  "http:api",
  "http:/api",
  "http:///api",
  "http:\\\\api",
  "http://",
  "http://?",
  "http://a b",
  " http://api",
  "http://api\n",
  "http://ap\ti",
  "http://api?x=1",
  "http://api?",
  "http://api#",
  "http://api/#top",
  "http://user@api",
  "http://user:pass@api",
  "http://@api",
  "http://:pass@api",
  "http://api:99999",
  "http://api:0",
  "http://api//",
  "http://api//v1",
  "http://999.1.1.1",
  "ftp://api",
  "file:///etc",
  "javascript:alert(1)",
];

for (const given of NOT_URLS) {
  Deno.test(`The URL ${JSON.stringify(given)} is refused for provider and upstream.`, () => {
    assertEquals(providerUrl().parse(given).ok, false);
    assertEquals(upstreamUrl().parse(given).ok, false);
  });
}

Deno.test("The address of the discovery document is refused as PROVIDER_URL, with a hint.", () => {
  const parsed = providerUrl().parse("https://id.example.com/.well-known/openid-configuration");
  assertIncludes(parsed.ok ? "" : parsed.failure.hint ?? "", "leave out");
});

const SECRET_URLS = [
  "http://user:hush@api",
  "http//user:hush@api",
  "user:hush@api:80",
  "http://u:a#hush@api",
  "http://api/?token=hush",
  "http://api/#hush",
  "http://u:hush@a@api?hush",
];

for (const given of SECRET_URLS) {
  Deno.test(`The mask hides what may be secret in ${given}.`, () => {
    assertExcludes(maskUrl(given), "hush");
    assertIncludes(maskUrl(given), "api");
  });
}

for (const host of ["localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"]) {
  Deno.test(`The host ${host} is loopback.`, () => assertEquals(isLoopback(host), true));
}

for (
  const host of ["example.com", "127.example.com", "localhost.example.com", "10.0.0.1", "[::]"]
) {
  Deno.test(`The host ${host} is not loopback.`, () => assertEquals(isLoopback(host), false));
}

Deno.test("UPSTREAM_URL may name a Unix socket by an absolute path.", () => {
  const parsed = upstreamUrl().parse("unix:/run/api.sock");
  assertEquals(parsed, {
    ok: true,
    value: {
      text: "unix:/run/api.sock",
      origin: "http://localhost",
      prefix: "",
      socketPath: "/run/api.sock",
    },
  });
  assertEquals(upstreamUrl().parse("unix:api.sock").ok, false);
});

Deno.test("Names of hosts are taken in lower case, each once between commas.", () => {
  const parsed = hostNames().parse("Proxy, ooproxy.internal.,a_b");
  assertEquals(parsed, { ok: true, value: ["proxy", "ooproxy.internal", "a_b"] });
});

for (
  const given of ["a,", "*.example", "a:9110", "http://a", "a b", "[::1]", "a..b", "\u00e4", "[]"]
) {
  Deno.test(`${JSON.stringify(given)} is no list of host names.`, () => {
    assertEquals(hostNames().parse(given).ok, false);
  });
}
