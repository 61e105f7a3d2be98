/**
 * RFC 9110, section 7.6.1: fields for one hop are not forwarded, in either direction; and what this
 * proxy says about the client cannot be said, hidden or removed by the client.
 */
import { assertEquals } from "../support/assert.ts";
import type { RawMessage } from "../support/raw.ts";
import { parseMessage } from "../support/raw.ts";
import { rawUpstream, responding } from "../support/upstream.ts";
import { protect, type Transport, TRANSPORTS } from "../proxy/harness.ts";

/** What the upstream gets of a request with these fields. */
async function forwarded(transport: Transport, fields: readonly string[]): Promise<RawMessage> {
  await using upstream = await rawUpstream(
    responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
  );
  await using guarded = await protect(upstream.url, transport);
  assertEquals((await guarded.ask("GET /", { fields })).status, 200);
  return parseMessage(upstream.connections[0]?.all() ?? "", true);
}

/** What the client gets of a response with these fields. */
async function returned(transport: Transport, fields: readonly string[]): Promise<RawMessage> {
  const sent = ["HTTP/1.1 200 OK", ...fields, "", "2\r\nok\r\n0\r\n\r\n"].join("\r\n");
  await using upstream = await rawUpstream(responding(sent));
  await using guarded = await protect(upstream.url, transport);
  const response = await guarded.ask("GET /");
  assertEquals([response.status, response.body], [200, "ok"]);
  return response;
}

/** Every value of the field of this name, in any case and with any other mark for `-`. */
function values({ headers }: RawMessage, name: string): string[] {
  return headers.filter(([known]) => known.toLowerCase().replaceAll(/[^a-z\d]/g, "-") === name)
    .map(([, value]) => value);
}

const REQUEST_HOP_BY_HOP = [
  "Keep-Alive: timeout=5",
  "Proxy-Connection: keep-alive",
  "TE: trailers, deflate",
  "Trailer: X-Checksum",
  "Upgrade: websocket",
  "Proxy-Authorization: Basic eDp5",
  "Proxy-Authenticate: Basic",
  "Connection: keep-alive",
  "Expect: 200-ok",
  "HTTP2-Settings: AAMAAABkAAQAAP__",
  // What servers that turn names into variables take for the same.
  "Keep_Alive: timeout=5",
  "Proxy_Connection: keep-alive",
  "Proxy_Authorization: Basic eDp5",
  "proxy.authorization: Basic eDp5",
  "Proxy!Authenticate: Basic",
  "Transfer_Encoding: chunked",
  "transfer.encoding: chunked",
  "Transfer~Encoding: gzip",
  "HTTP2_Settings: AAMAAABkAAQAAP__",
];

const RESPONSE_HOP_BY_HOP = [
  "Keep-Alive: timeout=5",
  "Proxy-Connection: keep-alive",
  "Trailer: X-Checksum",
  "Upgrade: h2c",
  "Proxy-Authenticate: Basic",
  "Connection: keep-alive, x-other",
  "TE: trailers",
];

/** Values of `Connection` that all name the field `X-Hop`. */
const NAMING = [
  "x-hop",
  "X-HOP",
  "close, X-Hop",
  "keep-alive,x-hop",
  " x-hop ,, ",
  "x-other\r\nConnection: x-hop",
  "x-hop\r\nConnection: close",
  "authorization, x-forwarded-for, host, x-hop",
];

/** Fields that a client might want to keep from the upstream by naming them in `Connection`. */
const KEPT = [
  "Authorization",
  "Content-Type",
  "Content-Encoding",
  "Cookie",
];

/** Spellings of what only this proxy may say. */
const CLAIMS = [
  "X-Forwarded-For",
  "x-forwarded-for",
  "X_Forwarded_For",
  "X-Forwarded_For",
  "X.Forwarded.For",
  "X-Forwarded-Proto",
  "X_FORWARDED_PROTO",
  "X-Forwarded-Host",
  "X-Forwarded-Port",
  "X-Forwarded-Prefix",
  "X-Forwarded-User",
  "X-Forwarded-Server",
  "X-Forwarded",
  "Forwarded",
  "X-Real-IP",
  "X_Real_IP",
  "x.real.ip",
  "X!Forwarded!For",
  "X~Forwarded~Proto",
  "X`Forwarded`Host",
  "X|Forwarded|For",
  "X'Forwarded*For",
  "X%Forwarded%For",
  "X-Forwarded-For-Original",
  "X_Request_Id",
  "x.request.id",
  "X#Request-Id",
];

for (const transport of TRANSPORTS) {
  const test = (sentence: string, action: () => Promise<void>) =>
    Deno.test(`Over ${transport.name}: ${sentence}`, action);

  for (const field of REQUEST_HOP_BY_HOP) {
    const [name = ""] = field.split(":");
    test(`a request's ${name} ends here.`, async () => {
      const sent = await forwarded(transport, [field, "X-Kept: 1"]);
      assertEquals(values(sent, name.toLowerCase().replaceAll(/[^a-z\d]/g, "-")), []);
      assertEquals(values(sent, "x-kept"), ["1"]);
    });
  }

  for (const naming of NAMING) {
    test(`a request's Connection: ${JSON.stringify(naming)} removes X-Hop.`, async () => {
      const sent = await forwarded(transport, [
        `Connection: ${naming}`,
        "X-Hop: 1",
        "x-hop: 2",
        "X-Hopper: 3",
      ]);
      assertEquals([values(sent, "x-hop"), values(sent, "connection")], [[], []]);
      assertEquals(values(sent, "x-hopper"), ["3"]);
    });
  }

  for (const name of KEPT) {
    test(`a request's Connection: ${name} does not remove that field.`, async () => {
      const own = name === "Authorization" ? [] : [`${name}: value`];
      const sent = await forwarded(transport, [...own, `Connection: ${name.toLowerCase()}`]);
      assertEquals(values(sent, name.toLowerCase()).length, 1);
    });
  }

  test("a request's Connection cannot remove Host or what this proxy adds.", async () => {
    const sent = await forwarded(transport, [
      "Connection: host, x-forwarded-for, x-forwarded-proto, x-forwarded-host, x-request-id",
      "X-Forwarded-For: 192.0.2.66",
    ]);
    assertEquals(values(sent, "host"), ["client.test"]);
    assertEquals(values(sent, "x-forwarded-for"), ["127.0.0.1"]);
    assertEquals(values(sent, "x-forwarded-proto"), ["http"]);
    assertEquals(values(sent, "x-forwarded-host"), ["client.test"]);
    assertEquals(values(sent, "x-request-id").length, 1);
  });

  for (const name of CLAIMS) {
    test(`a client's own ${name} does not reach the upstream.`, async () => {
      const sent = await forwarded(transport, [`${name}: evil.test`, `${name}: evil.test`]);
      const all = sent.headers.map(([, value]) => value).join("\n");
      assertEquals(all.includes("evil.test"), false);
      assertEquals(values(sent, "x-forwarded-for"), ["127.0.0.1"]);
      assertEquals(values(sent, "x-forwarded-proto"), ["http"]);
      assertEquals(values(sent, "x-forwarded-host"), ["client.test"]);
    });
  }

  test("fields that only look like those for one hop go on.", async () => {
    const sent = await forwarded(transport, [
      "X-Upgrade: 1",
      "Upgrade-Insecure-Requests: 1",
      "X-Forward: 1",
      "Forward: 1",
      "X-Real-IPs: 1",
      "Via: 1.0 other",
    ]);
    for (const name of ["x-upgrade", "upgrade-insecure-requests", "x-forward", "forward"]) {
      assertEquals(values(sent, name), ["1"], name);
    }
    assertEquals(values(sent, "x-real-ips"), ["1"]);
    assertEquals(values(sent, "via"), ["1.0 other"]);
  });

  for (const field of RESPONSE_HOP_BY_HOP) {
    const [name = ""] = field.split(":");
    test(`a response's ${name} ends here.`, async () => {
      const got = await returned(transport, [field, "Transfer-Encoding: chunked", "X-Kept: 1"]);
      assertEquals(values(got, name.toLowerCase()), []);
      assertEquals(values(got, "x-kept"), ["1"]);
    });
  }

  for (const naming of NAMING) {
    test(`a response's Connection: ${JSON.stringify(naming)} removes X-Hop.`, async () => {
      const got = await returned(transport, [
        `Connection: ${naming}`,
        "Transfer-Encoding: chunked",
        "X-Hop: 1",
        "x-hop: 2",
        "X-Hopper: 3",
      ]);
      assertEquals(values(got, "x-hop"), []);
      assertEquals(values(got, "x-hopper"), ["3"]);
    });
  }

  test("a response's Connection cannot remove cookies or what says how to read the body.", async () => {
    const got = await returned(transport, [
      "Connection: set-cookie, content-type, content-encoding",
      "Transfer-Encoding: chunked",
      "Set-Cookie: a=1",
      "Set-Cookie: b=2",
      "Content-Type: text/plain",
      "Content-Encoding: x-own",
    ]);
    assertEquals(values(got, "set-cookie"), ["a=1", "b=2"]);
    assertEquals(values(got, "content-type"), ["text/plain"]);
    assertEquals(values(got, "content-encoding"), ["x-own"]);
  });
}
