/**
 * RFC 9112, sections 9.3 and 9.6, RFC 6750, section 2: requests behind and inside others. Each request
 * that reaches the upstream was authorised by itself, under the very token that goes on with it.
 */
import {
  AUTH,
  bare,
  hostile,
  passes,
  refused,
  refusedAlone,
  request,
  type Row,
} from "./hostile.ts";

const HOST = "Host: client.test";

/** Requests that would be worth smuggling: with a token of their own, and without. */
const GOOD = request("GET /evil");
const BAD = bare("GET /evil HTTP/1.1", [HOST]);

const length = (body: string) => `Content-Length: ${body.length}`;
const chunk = (body: string) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

/** Requests behind and inside others. */
const HIDDEN: readonly Row[] = [
  passes(
    "a request in a body with a length",
    request("POST /a", [length(BAD)], BAD),
    `POST /a ${BAD}`,
  ),
  passes(
    "a request in a body of chunks",
    request("POST /a", ["Transfer-Encoding: chunked"], chunk(BAD)),
    `POST /a ${BAD}`,
  ),
  passes(
    "a request in the body of an OPTIONS",
    request("OPTIONS /a", [length(BAD)], BAD),
    `OPTIONS /a ${BAD}`,
  ),
  passes(
    "a request in the body of a get",
    request("x-get /a", [length(BAD)], BAD),
    `x-get /a ${BAD}`,
  ),
  refused("a request in the body of a GET", request("GET /a", [length(BAD)], BAD)),
  refusedAlone("a request in the body of a HEAD", request("HEAD /a", [length(BAD)], BAD)),
  refusedAlone(
    "a good request in the body of one without a token",
    bare("POST /a HTTP/1.1", [HOST, length("GET /x HTTP/1.1\r\n")]) + "GET /x HTTP/1.1\r\n",
    401,
  ),
  refusedAlone(
    "a good request in the body of a refused target",
    request("POST /a#b", [length("GET /x HTTP/1.1\r\n")], "GET /x HTTP/1.1\r\n"),
  ),
  {
    name: "a request without a token behind a body",
    bytes: request("POST /a", ["Content-Length: 1"], "x") + BAD,
    responses: [200, 401, 200],
    arrives: ["POST /a x", "GET /last"],
  },
  {
    name: "a request without a token behind a longer body than announced",
    bytes: request("POST /a", ["Content-Length: 0"], BAD),
    responses: [200, 401, 200],
    arrives: ["POST /a", "GET /last"],
  },
  {
    name: "a request without a token behind one that has no framing",
    bytes: request("POST /a", [], BAD),
    responses: [200, 401, 200],
    arrives: ["POST /a", "GET /last"],
  },
  {
    name: "a request without a token behind chunks",
    bytes: request("POST /a", ["Transfer-Encoding: chunked"], chunk("x")) + BAD,
    responses: [200, 401, 200],
    arrives: ["POST /a x", "GET /last"],
  },
  {
    name: "a request without a token behind a GET",
    bytes: request("GET /a") + BAD,
    responses: [200, 401, 200],
    arrives: ["GET /a", "GET /last"],
  },
  {
    name: "a request with another Host behind a GET",
    bytes: request("GET /a") + bare("GET /evil HTTP/1.1", ["Host: a, b", AUTH]),
    responses: [200, 400, 200],
    arrives: ["GET /a", "GET /last"],
  },
  {
    name: "a body that is longer than announced and no request",
    bytes: request("POST /a", ["Content-Length: 2"], "xy\0\0"),
    responses: [200, 400],
    arrives: ["POST /a xy"],
  },
  {
    name: "a body that is longer than announced and makes another method",
    bytes: request("POST /a", ["Content-Length: 2"], "xyzzy"),
    responses: [200, 200],
    arrives: ["POST /a xy", "zzyGET /last"],
  },
  passes(
    "a body that is shorter than announced takes the next request along",
    request("POST /a", ["Content-Length: 16"], "x") + "GET /x HTTP/1.1",
    "POST /a xGET /x HTTP/1.1",
  ),
  passes(
    "good requests one behind the other",
    request("GET /1") + request("POST /2", ["Content-Length: 2"], "ab") + request("HEAD /3") +
      request("POST /4", ["Transfer-Encoding: chunked"], chunk("cd")) + GOOD,
    "GET /1",
    "POST /2 ab",
    "HEAD /3",
    "POST /4 cd",
    "GET /evil",
  ),
  {
    name: "a good, a broken and a good request",
    bytes: request("GET /1") + request("GET /2", ["X-A : 1"]) + GOOD,
    responses: [200, 400],
    arrives: ["GET /1"],
  },
  {
    name: "a good request, one with both framings and a good one",
    bytes: request("GET /1") +
      request("POST /2", ["Content-Length: 5", "Transfer-Encoding: chunked"], `0\r\n\r\n${GOOD}`),
    responses: [200, 400],
    arrives: ["GET /1"],
  },
];

const CREDENTIALS: readonly Row[] = [
  ...[
    [AUTH, AUTH],
    [AUTH, "authorization: Bearer x"],
    ["AUTHORIZATION: Bearer x", AUTH],
    [AUTH, "Authorization: Basic eDp5"],
    ["Authorization: Basic eDp5", AUTH],
    [AUTH, "Authorization:"],
    ["Authorization:", AUTH],
    [`${AUTH}, Bearer {token}`],
    [`${AUTH},Bearer x`],
    [`${AUTH}, Basic eDp5`],
    ["Authorization: Basic eDp5, Bearer {token}"],
    [`${AUTH},`],
    ["Authorization: ,Bearer {token}"],
    [`${AUTH};`],
    [`${AUTH} x`],
    [`${AUTH}\xa0`],
    [`${AUTH}=x`],
  ].map((fields) =>
    refusedAlone(
      `the credentials ${JSON.stringify(fields)}`,
      bare("GET /a HTTP/1.1", [HOST, ...fields]),
    )
  ),
  ...[
    [],
    ["Authorization_: Bearer {token}"],
    ["X-Authorization: Bearer {token}"],
    ["Proxy-Authorization: Bearer {token}"],
    ["Cookie: access_token={token}"],
    ["Authorization: {token}"],
    ["Authorization: Bearer\t{token}"],
    ["Authorization: Basic {token}"],
    ["Authorization: BearerX {token}"],
  ].map((fields) =>
    refusedAlone(
      `the credentials ${JSON.stringify(fields)}`,
      bare("GET /a HTTP/1.1", [HOST, ...fields]),
      401,
    )
  ),
  refusedAlone(
    "a token in the query",
    bare("GET /a?access_token={token} HTTP/1.1", [HOST]),
    401,
  ),
  ...[
    "Authorization:Bearer {token}",
    "Authorization: \t Bearer {token}",
    "Authorization: Bearer {token} ",
    "Authorization: Bearer {token}\t",
    "AUTHORIZATION: Bearer {token}",
  ].map((field) => passes(JSON.stringify(field), bare("GET /a HTTP/1.1", [HOST, field]), "GET /a")),
  passes(
    "Connection: authorization",
    request("GET /a", ["Connection: authorization, host, content-length"]),
    "GET /a",
  ),
];

const UPGRADES: readonly Row[] = [
  ...[
    ["Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__"],
    ["Upgrade: h2c", "Connection: Upgrade", "HTTP2-Settings: AAMAAABkAAQAAP__"],
    ["Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"],
    ["HTTP2-Settings: AAMAAABkAAQAAP__"],
    ["Upgrade: TLS/1.2, HTTP/1.1", "Connection: Upgrade"],
    ["Upgrade: websocket", "Connection: Upgrade"],
    ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"],
    [
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 12",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ],
    [
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ],
  ].map((fields) =>
    passes(`the upgrade ${fields.join(", ")}`, request("GET /a", fields), "GET /a")
  ),
  // The server does not let a body and an upgrade come together.
  ...["h2c", "websocket", "x"].map((protocol) =>
    refused(
      `an upgrade to ${protocol} with a body`,
      request("POST /a", [`Upgrade: ${protocol}`, "Connection: Upgrade", "Content-Length: 1"], "x"),
    )
  ),
  passes(
    "an Upgrade that Connection does not name, with a body",
    request("POST /a", ["Upgrade: h2c", "Content-Length: 1"], "x"),
    "POST /a x",
  ),
  {
    name: "Expect: 100-continue with its body at once",
    bytes: request("POST /a", ["Expect: 100-continue", "Content-Length: 1"], "x"),
    responses: [100, 200, 200],
    arrives: ["POST /a x", "GET /last"],
  },
  {
    // The interim response is the server's own, before anybody is asked.
    name: "Expect: 100-continue without a token",
    bytes: bare("POST /a HTTP/1.1", [HOST, "Expect: 100-continue", "Content-Length: 1"]) + "x",
    responses: [100, 401, 200],
    arrives: ["GET /last"],
  },
  passes(
    "another Expect",
    request("POST /a", ["Expect: 200-ok, 100-continue", "Content-Length: 1"], "x"),
    "POST /a x",
  ),
];

hostile("requests behind and inside others.", HIDDEN);
hostile("credentials in any form.", CREDENTIALS);
hostile("upgrades and expectations.", UPGRADES);
