/**
 * RFC 9112, sections 2, 3 and 5: the lines of a head. What is not exactly one request line and fields
 * goes nowhere, and nothing in a head can become a line of its own behind this proxy.
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

const LINE_ENDS: readonly Row[] = [
  // A line feed alone ends a line (section 2.2): everybody behind sees two characters.
  ...([
    ["bare line feeds everywhere", request("GET /a").replaceAll("\r\n", "\n")],
    ["a bare line feed behind the request line", request("GET /a").replace("\r\n", "\n")],
    ["a bare line feed as the end of the head", `${request("GET /a").slice(0, -2)}\n`],
    ["a line end before the request", `\r\n${request("GET /a")}`],
    ["many line ends before the request", "\r\n".repeat(50) + request("GET /a")],
    ["a line feed before the request", `\n${request("GET /a")}`],
  ] as const).map(([name, bytes]) => passes(name, bytes, "GET /a")),
  {
    ...passes(
      "a bare line feed before a field of ours",
      request("GET /a", ["X-A: 1\nX-Forwarded-For: 192.0.2.66\nX-B: 2"]),
      "GET /a",
    ),
    fields: { "x-a": "1", "x-b": "2" },
  },
  refusedAlone(
    "a bare line feed before another token",
    request("GET /a", ["X-A: 1\nAuthorization: Bearer x"]),
  ),
  refused("a bare line feed before another Host", request("GET /a", ["X-A: 1\nHost: evil"]), 400),
  refused("a bare line feed before chunks", request("POST /a", ["X-A: 1\nTransfer-Encoding: x"])),
  ...([
    ["a bare carriage return as a line end", request("GET /a").replaceAll("\r\n", "\r")],
    ["a bare carriage return behind the request line", request("GET /a").replace("\r\n", "\r")],
    ["a bare carriage return before a field", request("GET /a", ["X-A: 1\rX-B: 2"])],
    ["two carriage returns", request("GET /a", ["X-A: 1\r"])],
    ["a carriage return before the request", `\r${request("GET /a")}`],
    ["a space before the request", ` ${request("GET /a")}`],
    ["a NUL before the request", `\0${request("GET /a")}`],
    ["a byte order mark before the request", `\xef\xbb\xbf${request("GET /a")}`],
    ["a folded field", request("GET /a", ["X-A: 1\r\n 2"])],
    ["a field folded with a tab", request("GET /a", ["X-A: 1\r\n\t2"])],
    ["a field folded behind a bare line feed", request("GET /a", ["X-A: 1\n 2"])],
    ["a folded token", bare("GET /a HTTP/1.1", [HOST, "Authorization: Bearer\r\n {token}"])],
    ["a folded Host", bare("GET /a HTTP/1.1", ["Host:\r\n client.test", AUTH])],
    ["a first field that is folded", bare("GET /a HTTP/1.1", [" X-A: 1", HOST, AUTH])],
    ["a line of one space", request("GET /a", [" "])],
    ["a line of one tab", request("GET /a", ["\t"])],
  ] as const).map(([name, bytes]) => refused(name, bytes)),
];

/** Every byte that is neither visible ASCII, nor a space or a tab, nor beyond ASCII. */
const CONTROLS = [...Array(0x20).keys(), 0x7f].filter((code) => code !== 0x09)
  .map((code) => String.fromCharCode(code));
const named = (byte: string) => byte.charCodeAt(0).toString(16).padStart(2, "0");

/** Marks that are no part of a token (RFC 9110, section 5.6.2). */
const DELIMITERS = [...'"(),/;<=>?@[\\]{}', "\x80", "\xa0", "\xff"];

const POSITIONS: readonly Row[] = [
  ...CONTROLS.flatMap((byte): Row[] => {
    const at = (name: string, bytes: string) => refused(`${named(byte)} ${name}`, bytes);
    // A line feed ends a line: some of these are then other requests, dealt with above.
    const feeds = byte === "\n";
    return [
      at("in the method", request(`G${byte}T /a`)),
      at("behind the method", request(`GET${byte} /a`)),
      at("before the target", request(`GET ${byte}/a`)),
      at("in the target", request(`GET /a${byte}b`)),
      at("behind the target", request(`GET /a${byte}`)),
      at("in the version", bare(`GET /a HTTP/${byte}1.1`, [HOST, AUTH])),
      ...(feeds ? [] : [at("behind the version", bare(`GET /a HTTP/1.1${byte}`, [HOST, AUTH]))]),
      ...(feeds ? [] : [at("before a name", request("GET /a", [`${byte}X-A: 1`]))]),
      at("in a name", request("GET /a", [`X${byte}A: 1`])),
      at("behind a name", request("GET /a", [`X-A${byte}: 1`])),
      ...(feeds ? [] : [at("before a value", request("GET /a", [`X-A: ${byte}1`]))]),
      at("in a value", request("GET /a", [`X-A: 1${byte}2`])),
      ...(feeds ? [] : [at("behind a value", request("GET /a", [`X-A: 1${byte}`]))]),
      at("in Host", bare("GET /a HTTP/1.1", [`Host: client${byte}.test`, AUTH])),
      at("in the token", bare("GET /a HTTP/1.1", [HOST, `${AUTH}${byte}x`])),
    ];
  }),
  ...DELIMITERS.flatMap((mark) => [
    refused(`${JSON.stringify(mark)} in the method`, request(`G${mark}T /a`)),
    refused(`${JSON.stringify(mark)} in a name`, request("GET /a", [`X${mark}A: 1`])),
  ]),
  refused("a space in a name", request("GET /a", ["X A: 1"])),
  refused("a tab in a name", request("GET /a", ["X\tA: 1"])),
  refused("a space before a colon", request("GET /a", ["X-A : 1"])),
  refused("a tab before a colon", request("GET /a", ["X-A\t: 1"])),
  refused("a space before the token's colon", bare("GET /a HTTP/1.1", [HOST, `A${AUTH}`, " "])),
  refused("an empty name", request("GET /a", [": 1"])),
  refused("a field without a colon", request("GET /a", ["X-A"])),
  refused("two spaces before the target", request("GET  /a")),
  refused("two spaces before the version", bare("GET /a  HTTP/1.1", [HOST, AUTH])),
  refused("tabs between the words", bare("GET\t/a\tHTTP/1.1", [HOST, AUTH])),
  refused("no target", bare("GET HTTP/1.1", [HOST, AUTH])),
  refused("no method", bare(" /a HTTP/1.1", [HOST, AUTH])),
  ...[..."!#$%&'*+.^_`|~"].map((mark) =>
    passes(`${mark} in method and name`, request(`G${mark}T /a`, [`X${mark}A: 1`]), `G${mark}T /a`)
  ),
  ...["\x80", "\xa0", "\xff", "\t", " ", "\xe2\x80\xae", '"', "\\", "%0d%0a"].map((text) => ({
    ...passes(
      `${JSON.stringify(text)} in a value`,
      request("GET /a", [`X-A: 1${text}2`]),
      "GET /a",
    ),
    fields: { "x-a": `1${text}2` },
  })),
];

const VERSIONS: readonly Row[] = [
  ...[
    "HTTP/1.2",
    "HTTP/1.",
    "HTTP/1",
    "HTTP/1.10",
    "HTTP/1.1x",
    "HTTP/01.1",
    "HTTP/1.1 ",
    "HTTP/1.1\t",
    "HTTP /1.1",
    "HTTP/0.9",
    "HTTP/2.0",
    "HTTP/2",
    "HTTP/3",
    "HTTP/9.9",
    "http/1.1",
    "HTTPS/1.1",
    "FTP/1.1",
    "ICY",
  ].map((version) =>
    refused(`the version ${JSON.stringify(version)}`, bare(`GET /a ${version}`, [HOST, AUTH]))
  ),
  refused("HTTP/0.9", "GET /a\r\n"),
  refused("HTTP/0.9 with an empty line", "GET /a\r\n\r\n"),
  // Taken for HTTP/2, which it is not.
  {
    name: "the preface of HTTP/2 and HTTP/1.1 behind it",
    bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    responses: [],
  },
  {
    name: "the preface of HTTP/2 behind a request",
    bytes: `${request("GET /a")}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    responses: [200, 400],
    arrives: ["GET /a"],
  },
];

const fields = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: 1`);

const SIZES: readonly Row[] = [
  passes(
    "a target of 16,000 characters",
    request(`GET /${"a".repeat(16_000)}`),
    `GET /${"a".repeat(16_000)}`,
  ),
  refused("a target of 70,000 characters", request(`GET /${"a".repeat(70_000)}`)),
  refused("a request line that does not end", "a".repeat(70_000)),
  refused("a method of 70,000 characters", request(`${"G".repeat(70_000)} /a`)),
  passes("98 fields", request("GET /a", fields(96)), "GET /a"),
  refused("150 fields", request("GET /a", fields(148))),
  refused("10,000 fields", request("GET /a", fields(10_000))),
  refused("a name of 70,000 characters", request("GET /a", [`${"X".repeat(70_000)}: 1`])),
  refused("a value of 70,000 characters", request("GET /a", [`X: ${"a".repeat(70_000)}`])),
  refused("70,000 blanks", request("GET /a", [`X:${" ".repeat(70_000)}1`])),
  refused("a Host of 70,000 characters", bare("GET /a HTTP/1.1", [`Host: ${"a".repeat(70_000)}`])),
  refusedAlone(
    "a token of 17,000 characters",
    bare("GET /a HTTP/1.1", [HOST, `Authorization: Bearer ${"a".repeat(17_000)}`]),
  ),
];

hostile("line ends.", LINE_ENDS);
hostile("control characters and marks in every position.", POSITIONS);
hostile("versions.", VERSIONS);
hostile("sizes.", SIZES);
