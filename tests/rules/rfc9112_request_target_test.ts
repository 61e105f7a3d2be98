/**
 * RFC 9112, section 3.2 (forms of the request target) and section 3.2.2 (Host), on raw connections:
 * what is accepted goes to the configured upstream as it came, everything else goes nowhere.
 */
import { assertEquals } from "../support/assert.ts";
import { rawRequest } from "../support/raw.ts";
import { judgingUpstream } from "../support/raw_upstream.ts";
import { headOf, protect, TRANSPORTS } from "../proxy/harness.ts";
import { assertOurs, shown } from "./hostile.ts";

/** What is expected of one request line and its Host. */
interface Row {
  readonly line: string;
  /** `Host: client.test` if absent. */
  readonly hosts?: readonly string[];
  /** The target that has to arrive. */
  readonly arrives?: string;
  /** The refusal, where none has to. */
  readonly status?: number;
  /** A transport that cannot keep it may respond with 400. */
  readonly refusable?: true;
}

const ORIGIN_FORM: readonly Row[] = [
  { line: "GET /", arrives: "/" },
  { line: "GET /a/b?c=d&e", arrives: "/a/b?c=d&e" },
  { line: "GET /?", arrives: "/?" },
  { line: "GET //evil.test/x", arrives: "//evil.test/x" },
  { line: "GET ///evil.test", arrives: "///evil.test" },
  { line: "GET /@evil.test/", arrives: "/@evil.test/" },
  { line: "GET /:80@evil.test", arrives: "/:80@evil.test" },
  { line: "GET /http://evil.test/", arrives: "/http://evil.test/" },
  { line: "GET /?http://evil.test/", arrives: "/?http://evil.test/" },
  { line: "GET /%2f%2fevil.test", arrives: "/%2f%2fevil.test" },
  { line: "GET /a%00b", arrives: "/a%00b" },
  { line: "GET /a%0d%0aX-A:1", arrives: "/a%0d%0aX-A:1" },
  { line: "GET /a%20HTTP/1.1%0d%0aHost:evil", arrives: "/a%20HTTP/1.1%0d%0aHost:evil" },
  { line: "GET /a;b=c;/d", arrives: "/a;b=c;/d" },
  { line: "GET /;@evil.test", arrives: "/;@evil.test" },
  { line: "GET /%", arrives: "/%" },
  { line: "GET /%zz%u002f", arrives: "/%zz%u002f" },
  { line: "GET /%2e%252e%c0%ae", arrives: "/%2e%252e%c0%ae" },
  { line: "GET /a/%252e%252e/b", arrives: "/a/%252e%252e/b" },
  { line: "GET /caf%c3%a9?%e9", arrives: "/caf%c3%a9?%e9" },
  { line: "GET /?a?b?c=d;e", arrives: "/?a?b?c=d;e" },
  { line: "GET /*", arrives: "/*" },
  { line: "GET /\\evil.test/", arrives: "/\\evil.test/", refusable: true },
  { line: "GET /..//evil.test/", arrives: "/..//evil.test/", refusable: true },
  { line: "GET /.//evil.test/", arrives: "/.//evil.test/", refusable: true },
  { line: "GET /a/../b", arrives: "/a/../b", refusable: true },
  { line: "GET /a/%2e%2E/b", arrives: "/a/%2e%2E/b", refusable: true },
  { line: "get /", arrives: "/", refusable: true },
  { line: "GET /a#b", status: 400 },
  { line: "GET /#", status: 400 },
  { line: "GET /a?b#c", status: 400 },
  { line: "GET a", status: 400 },
  { line: "GET ?a", status: 400 },
  { line: "GET evil.test:80", status: 400 },
  { line: "GET @evil.test/", status: 400 },
  { line: "GET /a b", status: 400 },
  { line: "GET /a\tb", status: 400 },
  { line: "GET /caf\xe9", status: 400 },
  { line: "GET /a\0b", status: 400 },
  { line: "GET /a\rb", status: 400 },
  { line: "GET /a\nb", status: 400 },
  { line: "GET /a\x7fb", status: 400 },
  { line: "GET /a\x85b", status: 400 },
  { line: "GET /a\x0bb", status: 400 },
  { line: "GET /a%23b#", status: 400 },
  { line: "GET \\\\evil.test\\x", status: 400 },
  { line: "GET  /a", status: 400 },
  { line: "GET\t/a", status: 400 },
  { line: "GET /a ", status: 400 },
  { line: " GET /a", status: 400 },
  { line: "GET ", status: 400 },
  { line: "GET", status: 400 },
  { line: "", status: 400 },
];

const ABSOLUTE_FORM: readonly Row[] = [
  { line: "GET http://client.test/x?y", arrives: "/x?y" },
  { line: "GET http://client.test", arrives: "/" },
  { line: "GET http://client.test?x", arrives: "/?x" },
  { line: "GET http://client.test//evil.test/", arrives: "//evil.test/" },
  { line: "GET http://client.test:8080/x", hosts: ["client.test:8080"], arrives: "/x" },
  { line: "GET http://evil.test/x", status: 400 },
  { line: "GET https://evil.test/x", status: 400 },
  { line: "GET http://client.test:81/x", status: 400 },
  { line: "GET http://client.test.evil.test/", status: 400 },
  { line: "GET http://client.test@evil.test/", status: 400 },
  { line: "GET http://user@client.test/", status: 400 },
  { line: "GET http://client.test\\@evil.test/", status: 400 },
  { line: "GET http://client.test#@evil.test/", status: 400 },
  { line: "GET http:/evil.test/", status: 400 },
  // The server takes what has no authority for a path: it stays one.
  { line: "GET http:///x", arrives: "/http:///x" },
  { line: "GET file:///etc/passwd", arrives: "/file:///etc/passwd" },
  { line: "GET http://evil.test/x", hosts: [], status: 400 },
  { line: "GET HTTP://client.test/x", arrives: "/x" },
  { line: "GET https://client.test/x", arrives: "/x" },
  { line: "GET ftp://client.test/x", arrives: "/x" },
  { line: "GET http://CLIENT.test/x", status: 400 },
  { line: "GET http://client.test:80/x", status: 400 },
  { line: "GET http://client.test:/x", status: 400 },
  { line: "GET http://client.test./x", status: 400 },
  { line: "GET http://user:pass@client.test/x", status: 400 },
  { line: "GET http://@client.test/x", status: 400 },
  { line: "GET http://client.test%00.evil.test/", status: 400 },
  { line: "GET http://client.test;x/", status: 400 },
  { line: "GET http://evil.test?http://client.test/", status: 400 },
  { line: "GET http://client.test/x#y", status: 400 },
  { line: "GET http://client.test/a b", status: 400 },
  { line: "GET http://evil.test/x", hosts: ["evil.test, client.test"], status: 400 },
  { line: "GET http://evil.test/x", hosts: ["client.test", "evil.test"], status: 400 },
  { line: "OPTIONS http://client.test", arrives: "/" },
];

const OTHER_FORMS: readonly Row[] = [
  { line: "OPTIONS *", status: 400 },
  { line: "GET *", status: 400 },
  { line: "CONNECT evil.test:80", status: 400 },
  { line: "CONNECT client.test", status: 405 },
  ...["trace", "Trace", "track", "connect"].map((method): Row => ({
    line: `${method} /`,
    status: 405,
  })),
  { line: "CONNECT /", status: 400 },
  { line: "CONNECT http://client.test/", status: 400 },
  { line: "TRACE *", status: 400 },
  { line: "TRACE http://client.test/", status: 405 },
  { line: "PRI *", status: 400 },
  { line: "TRACE /", status: 405 },
  { line: "TRACK /", status: 405 },
  { line: "OPTIONS /x", arrives: "/x" },
];

const HOSTS: readonly Row[] = [
  { line: "GET /", hosts: [], status: 400 },
  { line: "GET /", hosts: [""], status: 400 },
  { line: "GET /", hosts: ["a.test", "b.test"], status: 400 },
  { line: "GET /", hosts: ["a.test", "a.test"], status: 400 },
  ...[
    "a.test, b.test",
    "a.test b.test",
    "a.test/x",
    "a.test?x",
    "a.test#x",
    "user@a.test",
    "http://a.test",
    "a.test:80:80",
    "a.test:x",
    "a.test:123456",
    ":80",
    "[::1",
    "::1",
    "[a.test]",
    "a%2etest",
    "caf\xe9",
    "a\\b",
    '"a"',
    "<a>",
    "a.test\tb.test",
    "a.test,",
    ",a.test",
    "a.test;x",
    "a.test:-1",
    "a.test:+80",
    "a.test: 80",
    "a@",
    "@a",
    "a.test%00",
    "a.test\x7f",
    "a.test\0",
    "a.test\rX-A: 1",
    "*",
    "[]",
    "[::1]x",
    "[::1]:x",
    "[::1%25eth0]",
    "//a.test",
    "a.test\r\n b.test",
  ].map((host): Row => ({ line: "GET /", hosts: [host], status: 400 })),
  ...["a.test", "A.TEST", "a.test:80", "a.test.", "127.0.0.1:1", "[::1]:8080", "a_b-c.test", "x"]
    .map(
      (host): Row => ({ line: "GET /", hosts: [host], arrives: "/" }),
    ),
];

/** Ways out of an upstream path, in every spelling that some server resolves. */
const CLIMBS = [
  "/..",
  "/../",
  "/../x",
  "/a/../../x",
  "/a/../..",
  "/./../x",
  "/a/./../../x",
  "/%2e%2e/x",
  "/%2E%2E/x",
  "/.%2e/x",
  "/%2e./x",
  "/..%2fx",
  "/%2e%2e%2fx",
  "/..%2Fx",
  "/..\\x",
  "/..%5cx",
  "/%2e%2e%5Cx",
  "/\\..\\x",
  "/a%2f..%2f..%2fx",
  "/a%5c..%5c..%5cx",
  "/a//../../x",
  "//../x",
  "/..;/x",
  "/..;a=b/x",
  "/%2e%2e;/x",
  "/a/..;/..;/x",
  "/..?x",
  // To a server that takes %2f and \\ for ordinary characters, these are one segment each.
  "/a%2fb/../../x",
  "/a%5Cb/../../x",
  "/a\\b/../../x",
  "/a%252fb/../../x",
  "/a%2f%2f%2fb/../../x",
  "/a/b%2fc/../../../x",
  // To a server that decodes twice, these are dots and slashes.
  "/%252e%252e/x",
  "/.%252E/x",
  "/%25252e%2e/x",
  "/..%252fx",
  "/a%252f..%255c..%252fx",
  // To a server that decodes before it divides, these end the segment or the path.
  "/..%3bx",
  "/..%3fx",
  "/..%23x",
  "/..%00",
  "/..%00/x",
  "/..%2500",
];

const BELOW_A_PATH: readonly Row[] = [
  { line: "GET /", arrives: "/api/v1/" },
  { line: "GET /x?y", arrives: "/api/v1/x?y" },
  { line: "GET //x", arrives: "/api/v1//x" },
  { line: "GET /?../../x", arrives: "/api/v1/?../../x" },
  { line: "GET /a..b/..c/d../...", arrives: "/api/v1/a..b/..c/d../..." },
  { line: "GET /a/../b", arrives: "/api/v1/a/../b", refusable: true },
  { line: "GET /a%2fb", arrives: "/api/v1/a%2fb" },
  { line: "GET /a%2fb/../c", arrives: "/api/v1/a%2fb/../c", refusable: true },
  { line: "GET /a%3b%3f%23%00b", arrives: "/api/v1/a%3b%3f%23%00b" },
  { line: "GET /a%252e%252e", arrives: "/api/v1/a%252e%252e" },
  { line: "GET http://client.test", arrives: "/api/v1/" },
  { line: "GET http://client.test?x", arrives: "/api/v1/?x" },
  ...CLIMBS.map((target): Row => ({ line: `GET ${target}`, status: 400 })),
];

for (const transport of TRANSPORTS) {
  const suites: readonly (readonly [string, readonly Row[], string])[] = [
    ["origin-form", ORIGIN_FORM, ""],
    ["absolute-form", ABSOLUTE_FORM, ""],
    ["other forms", OTHER_FORMS, ""],
    ["Host", HOSTS, ""],
    ["below an upstream path", BELOW_A_PATH, "/api/v1"],
    ["below an upstream path with a slash at its end", BELOW_A_PATH, "/api/v1/"],
    ["in front of an upstream URL with a slash at its end", ORIGIN_FORM, "/"],
  ];
  for (const [name, rows, path] of suites) {
    Deno.test(`Request targets over ${transport.name}: ${name}.`, async (t) => {
      await using upstream = await judgingUpstream();
      await using guarded = await protect(upstream.url + path, transport);

      for (const row of rows) {
        const hosts = row.hosts ?? ["client.test"];
        const title = `${JSON.stringify(row.line)} with Host ${JSON.stringify(hosts)}`;
        await t.step(`${title} gets ${row.arrives ?? row.status}`, async () => {
          const response = await rawRequest(
            guarded.port,
            headOf(row.line, [
              ...hosts.map((host) => `Host: ${host}`),
              `Authorization: Bearer ${guarded.token}`,
            ]),
            { until: "response" },
          );
          const refused = row.arrives === undefined ||
            (row.refusable === true && !transport.exactTargets);
          assertEquals(response.status, refused ? row.status ?? 400 : 200);
          const [method] = row.line.split(" ");
          const arrived = upstream.take();
          assertEquals(arrived.map(shown), refused ? [] : [`${method} ${row.arrives}`]);
          assertEquals([upstream.faults, upstream.unfinished()], [[], []]);
          for (const one of arrived) assertOurs(one, guarded, hosts[0]);
        });
      }
    });
  }
}
