/**
 * RFC 9113, section 8: requests over HTTP/2, as frames. What becomes an HTTP/1.1 request for the
 * upstream is exactly one, the one that was authorised; what could become anything else never does.
 */
import { assertEquals } from "../support/assert.ts";
import { type RawFields, rawHttp2 } from "../support/raw_http2.ts";
import { judgingUpstream } from "../support/raw_upstream.ts";
import { protect, TRANSPORTS } from "../proxy/harness.ts";
import { shown } from "./hostile.ts";
import {
  AUTH,
  BROKEN_CONNECTION,
  changed,
  get,
  passes,
  post,
  PROTOCOL_ERROR,
  pseudo,
  refused,
  type Row,
  run,
} from "./hostile_http2.ts";

const PATHS: readonly Row[] = [
  ...([
    ["/", "/"],
    ["/a?b=c", "/a?b=c"],
    ["//evil.test/x", "//evil.test/x"],
    ["/@evil.test", "/@evil.test"],
    ["/%00%0d%0a%23", "/%00%0d%0a%23"],
    // No paths: the server puts them behind the authority and a slash, where they cannot choose anything.
    ["a", "/a"],
    ["@evil.test/x", "/@evil.test/x"],
    [":80/x", "/:80/x"],
    [".evil.test/x", "/.evil.test/x"],
    ["?x", "/?x"],
    ["http://evil.test/x", "/http://evil.test/x"],
    ["https://client.test/x", "/https://client.test/x"],
    // The server drops a fragment before anybody decides on it.
    ["/a#b", "/a"],
  ] as const).map(([path, arrives]): Row => ({
    ...passes(`the path ${path}`, changed({ ":path": path })),
    arrives: `GET ${arrives}`,
  })),
  ...["/../a", "/%2e%2e/a", "/\\evil.test/a"].map((path): Row => ({
    ...passes(`the path ${path}`, changed({ ":path": path })),
    arrives: `GET ${path}`,
    overFetch: "400",
  })),
  refused("a path of UTF-8", changed({ ":path": "/caf\xc3\xa9" })),
  refused("a path with a character whose Latin-1 is a line end", changed({ ":path": "/\xc4\x8a" })),
  refused("a path with a character whose Latin-1 is a space", changed({ ":path": "/a\xc4\xa0b" })),
  refused("a path with DEL", changed({ ":path": "/a\x7f" })),
  refused("the asterisk", changed({ ":path": "*" })),
  refused("the asterisk for OPTIONS", changed({ ":path": "*", ":method": "OPTIONS" })),
  refused("a path of Latin-1", changed({ ":path": "/caf\xe9" }), BROKEN_CONNECTION),
  ...[
    "/a b",
    "/a\tb",
    "/a\r\nX-A: 1",
    "/a\nb",
    "/a\rb",
    "/a\0",
    "/a HTTP/1.1\r\nHost: x\r\n\r\n",
    "",
  ]
    .map((path) =>
      refused(`the path ${JSON.stringify(path)}`, changed({ ":path": path }), PROTOCOL_ERROR)
    ),
  refused("no path", changed({ ":path": null }), PROTOCOL_ERROR),
  refused("two paths", [...pseudo(), [":path", "/b"], AUTH], PROTOCOL_ERROR),
];

const METHODS: readonly Row[] = [
  {
    ...passes("a method in lower case", changed({ ":method": "get" })),
    arrives: "get /a",
    overFetch: "400",
  },
  refused("TRACE", changed({ ":method": "TRACE" }), "405"),
  refused("CONNECT with a path", changed({ ":method": "CONNECT" }), PROTOCOL_ERROR),
  refused(
    "the CONNECT of RFC 8441",
    [...pseudo({ ":method": "CONNECT" }), [":protocol", "websocket"], AUTH],
    PROTOCOL_ERROR,
  ),
  ...["", "GET /evil HTTP/1.1", "G T", "GET\r\nX-A: 1", "GET\n", "GET\0", "G:T", "G\xe9T"].map((
    method,
  ) =>
    refused(
      `the method ${JSON.stringify(method)}`,
      changed({ ":method": method }),
      BROKEN_CONNECTION,
    )
  ),
  refused("no method", changed({ ":method": null }), PROTOCOL_ERROR),
  refused("two methods", [...pseudo(), [":method", "POST"], AUTH], PROTOCOL_ERROR),
  ...["http", "ftp", "javascript", ""].map((scheme) =>
    passes(`the scheme ${JSON.stringify(scheme)}`, changed({ ":scheme": scheme }))
  ),
  refused("a scheme that is a URL", changed({ ":scheme": "http://x/?" }), PROTOCOL_ERROR),
  refused("no scheme", changed({ ":scheme": null }), PROTOCOL_ERROR),
  refused("an unknown pseudo-header", [...pseudo(), [":x", "1"], AUTH], BROKEN_CONNECTION),
  refused("a pseudo-header of responses", [...pseudo(), [":status", "200"], AUTH], PROTOCOL_ERROR),
  refused("a :protocol", [...pseudo(), [":protocol", "websocket"], AUTH], PROTOCOL_ERROR),
  refused(
    "a pseudo-header behind a field",
    [...pseudo({ ":path": null }), AUTH, [":path", "/a"]],
    PROTOCOL_ERROR,
  ),
];

const FIELDS: readonly Row[] = [
  passes("te: trailers", get(["te", "trailers"])),
  ...([
    ["te", "gzip"],
    ["connection", "close"],
    ["connection", "authorization"],
    ["connection", "x-forwarded-for"],
    ["keep-alive", "timeout=5"],
    ["proxy-connection", "keep-alive"],
    ["transfer-encoding", "chunked"],
    ["transfer-encoding", "identity"],
    ["upgrade", "h2c"],
    ["upgrade", "websocket"],
  ] as const).map((field) => refused(field.join(": "), get(field), PROTOCOL_ERROR)),
  ...([
    ["http2-settings", "AAM"],
    ["transfer_encoding", "chunked"],
    ["content_length", "40"],
    ["keep_alive", "1"],
    ["x_forwarded_for", "192.0.2.66"],
    ["x-forwarded-for", "192.0.2.66"],
    ["x.forwarded.host", "evil.test"],
    ["forwarded", "for=192.0.2.66"],
    ["x-real-ip", "192.0.2.66"],
  ] as const).map((field) => passes(field.join(": "), get(field))),
  passes("cookies in pieces", get(["cookie", "a=1"], ["cookie", "b=2"]), { cookie: "a=1; b=2" }),
  passes("an expectation", get(["expect", "100-continue"])),
  passes("blanks around a value", get(["x-a", " 1\t"]), { "x-a": "1" }),
  passes("a tab and high bytes in a value", get(["x-a", "1\t2\xe9\xff"]), {
    "x-a": "1\t2\xe9\xff",
  }),
  ...["1\r\nx-b: 2", "1\nx-b: 2", "1\r", "1\0", "\x01", "1\x7f", "1\r\n\r\nGET /evil HTTP/1.1"].map(
    (
      value,
    ) => refused(`the value ${JSON.stringify(value)}`, get(["x-a", value]), BROKEN_CONNECTION),
  ),
  ...["", "X-A", "x a", "x:a", "x\0", "x\r\na", "x-a: 1\r\nhost", "x\n", "x(a", "x\xe9", " x", "x "]
    .map((name) =>
      refused(`the name ${JSON.stringify(name)}`, get([name, "1"]), BROKEN_CONNECTION)
    ),
  refused("the token twice", get(AUTH)),
  refused("the token and another scheme", get(["authorization", "Basic eDp5"])),
  refused("two tokens in one value", [...pseudo(), ["authorization", "Bearer {token}, Bearer x"]]),
  refused("no token", pseudo(), "401"),
  refused(
    "a line end in the token",
    [...pseudo(), [AUTH[0], `${AUTH[1]}\r\nx: y`]],
    BROKEN_CONNECTION,
  ),
  refused(
    "an upper-case Authorization",
    [...pseudo(), ["Authorization", AUTH[1]]],
    BROKEN_CONNECTION,
  ),
  passes("90 fields", get(...Array.from({ length: 90 }, (_, i) => [`x-${i}`, "1"] as const))),
  refused(
    "500 fields",
    get(...Array.from({ length: 500 }, (_, i) => [`x-${i}`, "1"] as const)),
    "431",
  ),
];

const BAD = "GET /evil HTTP/1.1\r\nHost: client.test\r\n\r\n";

const BODIES: readonly Row[] = [
  ...([
    ["a body in pieces", post(), ["he", "llo"], "hello"],
    ["a body with its length", post(["content-length", "5"]), ["he", "llo"], "hello"],
    ["a body that is a request", post(), [BAD], BAD],
    ["a body that looks like chunks", post(), [`0\r\n\r\n${BAD}`], `0\r\n\r\n${BAD}`],
    ["a body and Transfer_Encoding", post(["transfer_encoding", "chunked"]), ["x"], "x"],
  ] as const).map(([name, fields, body, arrives]): Row => ({
    name,
    fields,
    body,
    outcome: "200",
    arrives: `POST /a ${arrives}`,
  })),
  { name: "no body", fields: post(), outcome: "200", arrives: "POST /a" },
  ...([
    ["a body shorter than its length", ["content-length", "6"], ["hello"]],
    ["a body longer than its length", ["content-length", "4"], ["hello"]],
    ["a length without a body", ["content-length", "5"], []],
    ["a length with a sign", ["content-length", "+5"], ["hello"]],
    ["a length that is a list", ["content-length", "5, 5"], ["hello"]],
    ["chunks", ["transfer-encoding", "chunked"], [`0\r\n\r\n${BAD}`]],
  ] as const).map(([name, field, body]): Row => ({
    name,
    fields: post(field),
    body,
    outcome: PROTOCOL_ERROR,
  })),
  ...([
    ["a length with a leading zero", [["content-length", "05"]]],
    ["the same length twice", [["content-length", "5"], ["content-length", "5"]]],
    ["two lengths", [["content-length", "5"], ["content-length", "6"]]],
  ] as const).map(([name, fields]): Row => ({
    name,
    fields: post(...fields),
    body: ["hello"],
    outcome: "400",
  })),
  {
    name: "a GET with a length",
    fields: get(["content-length", "5"]),
    body: ["hello"],
    outcome: "400",
  },
  // The server hides it, and nothing in the head tells of it.
  { name: "a GET with a body", fields: get(), body: [BAD], outcome: "200", arrives: "GET /a" },
  {
    name: "trailers named like fields that count",
    fields: post(),
    body: ["x"],
    trailers: [
      ["authorization", "Bearer x"],
      ["content-length", "40"],
      ["host", "evil.test"],
      ["x-forwarded-for", "192.0.2.66"],
      ["x-t", "1"],
    ],
    outcome: "200",
    arrives: "POST /a x",
    got: { "x-t": null },
  },
  {
    name: "a token in the trailers",
    fields: pseudo({ ":method": "POST" }),
    body: ["x"],
    trailers: [AUTH],
    outcome: "401",
  },
];

/** Rows about the host, for TLS: the plain port wants a `Host` of every request. */
const HOSTS: readonly Row[] = [
  passes("a Host like the authority", get(["host", "client.test"])),
  passes("a Host without an authority", [
    ...changed({ ":authority": null }),
    ["host", "client.test"],
  ]),
  refused("another Host", get(["host", "evil.test"])),
  refused("a Host with a port", get(["host", "client.test:443"])),
  refused("two Hosts", get(["host", "client.test"], ["host", "client.test"])),
  refused("two authorities", [...pseudo(), [":authority", "evil.test"], AUTH], PROTOCOL_ERROR),
  ...["user@client.test", "a.test,b.test", "client.test:x", "client.test;x", ":80"].map(
    (host) => refused(`the authority ${host}`, changed({ ":authority": host })),
  ),
  ...[
    "",
    "a b",
    "a\r\nx: y",
    "client.test/x",
    "client.test?x",
    "client.test#x",
    "a\\b",
    "caf%c3%a9",
  ]
    .map((host) =>
      refused(
        `the authority ${JSON.stringify(host)}`,
        changed({ ":authority": host }),
        PROTOCOL_ERROR,
      )
    ),
  refused("an authority of Latin-1", changed({ ":authority": "caf\xe9" }), BROKEN_CONNECTION),
  refused("CONNECT as it should be", [
    [":method", "CONNECT"],
    [":authority", "evil.test:80"],
    AUTH,
  ], "405"),
];

for (const transport of TRANSPORTS) {
  // The same server reads the frames behind TLS, where a connection takes longer than all else here.
  Deno.test(`HTTP/2 over TLS to ${transport.name}: no host but the one that is named.`, (t) =>
    run(t, HOSTS, transport, true));
  for (
    const [name, rows] of [
      ["paths", PATHS],
      ["methods and schemes", METHODS],
      ["fields", FIELDS],
      ["bodies", BODIES],
    ] as const
  ) {
    Deno.test(`HTTP/2 to ${transport.name}: ${name}.`, (t) => run(t, rows, transport, false));
  }
  Deno.test(`HTTP/2 to ${transport.name}: a body of length 0 is no request.`, async () => {
    await using upstream = await judgingUpstream();
    await using guarded = await protect(upstream.url, transport);
    const token = [AUTH[0], `Bearer ${guarded.token}`] as const;
    const send = (body: readonly string[], ...more: RawFields) =>
      rawHttp2(guarded.port, { fields: [...more, token, ["host", "client.test"]], body });
    const outcome = await send([BAD], ...pseudo({ ":method": "POST" }), ["content-length", "0"]);
    assertEquals(outcome, PROTOCOL_ERROR);
    assertEquals(await send([], ...pseudo({ ":path": "/last" })), "200");
    // The stream breaks while its request is looked at: it may have gone on by then, without a body.
    const arrived = upstream.take().map(shown).filter((one) => one !== "POST /a");
    assertEquals([arrived, upstream.faults], [["GET /last"], []]);
  });
}
