/**
 * RFC 9112, section 7.1: chunks and trailers, and what HTTP/1.0 knows of them. The upstream gets the
 * content in chunks made here, or it never gets the end of it.
 */
import {
  AUTH,
  bare,
  brief,
  broken,
  hostile,
  passes,
  refused,
  refusedAlone,
  request,
  type Row,
} from "./hostile.ts";

/** One byte in chunks. */
const CHUNKS = "1\r\nx\r\n0\r\n\r\n";

const chunked = (body: string) => request("POST /a", ["Transfer-Encoding: chunked"], body);

const CHUNK_LINES: readonly Row[] = [
  ...([
    ["an extension", "1;a=b\r\nx\r\n0;c\r\n\r\n"],
    ["a quoted extension", '1;a="b;c"\r\nx\r\n0\r\n\r\n'],
    ["an extension that looks like a size", "1;0 \r\nx\r\n0\r\n\r\n"],
    ["an extension of 1000 characters", `1;${"a".repeat(1000)}\r\nx\r\n0\r\n\r\n`],
    ["a quotation mark that does not end", '1;a="b\r\nx\r\n0\r\n\r\n'],
    ["zeros before the size", "0001\r\nx\r\n0\r\n\r\n"],
    ["many zeros before the size", "00000000000000001\r\nx\r\n0\r\n\r\n"],
    ["a last chunk of many zeros", "1\r\nx\r\n000\r\n\r\n"],
    ["blanks behind the size", "1  \r\nx\r\n0\r\n\r\n"],
    ["a trailer", "1\r\nx\r\n0\r\nX-T: 1\r\n\r\n"],
    ["a long trailer", `1\r\nx\r\n0\r\nX-T: ${"a".repeat(8000)}\r\n\r\n`],
  ] as const).map(([name, body]) => passes(name, chunked(body), "POST /a x")),
  ...[
    "0x1",
    "+1",
    "-1",
    "\t1",
    "g",
    "",
    " ",
    "1_0",
    "1.",
    "1,",
    "1 1",
    "1\n",
    "\r1",
    "1\r",
    "1\0",
    "\0",
    "1h",
    "\xb2",
    "10000000000000001",
    "FFFFFFFFFFFFFFFFF",
  ].map((size) => broken(`the chunk size ${brief(size)}`, chunked(`${size}\r\nx\r\n0\r\n\r\n`))),
  ...([
    ["an extension of a megabyte", `1;${"a".repeat(1_000_000)}\r\nx\r\n0\r\n\r\n`],
    ["an extension with a bare line feed", "1;a\nx\r\n0\r\n\r\n"],
    ["an extension with a bare carriage return", "1;a\rb\r\nx\r\n0\r\n\r\n"],
    ["no line end behind a chunk", "1\r\nx0\r\n\r\n"],
    ["a chunk longer than its size", "1\r\nxy\r\n0\r\n\r\n"],
    ["a chunk shorter than its size", "3\r\nx\r\n0\r\n\r\n"],
    ["a bare line feed behind the size", "1\nx\r\n0\r\n\r\n"],
    ["a bare line feed behind a chunk", "1\r\nx\n0\r\n\r\n"],
    ["a bare carriage return behind a chunk", "1\r\nx\r0\r\n\r\n"],
    ["bare line feeds behind the last chunk", "1\r\nx\r\n0\n\n"],
    ["a bare line feed at the end", "1\r\nx\r\n0\r\n\n"],
  ] as const).map(([name, body]) => broken(name, chunked(body))),
];

const TRAILERS: readonly Row[] = [
  {
    ...passes(
      "trailers named like fields that count",
      chunked([
        "1",
        "x",
        "0",
        "Authorization: Bearer other",
        "Content-Length: 40",
        "Transfer-Encoding: chunked",
        "Host: evil.test",
        "X-Forwarded-For: 192.0.2.66",
        "Connection: authorization, x-request-id",
        "X-T: 1",
        "",
        "",
      ].join("\r\n")),
      "POST /a x",
    ),
    fields: { "x-t": null },
  },
  {
    ...passes(
      "announced trailers",
      request("POST /a", ["Transfer-Encoding: chunked", "Trailer: X-T", "TE: trailers"]) +
        "1\r\nx\r\n0\r\nX-T: 1\r\n\r\n",
      "POST /a x",
    ),
    fields: { "x-t": null, "trailer": null, "te": null },
  },
  refusedAlone(
    "a token in a trailer",
    bare("POST /a HTTP/1.1", ["Host: client.test", "Transfer-Encoding: chunked"]) +
      `1\r\nx\r\n0\r\n${AUTH}\r\n\r\n`,
    401,
  ),
  broken(
    "a trailer that is a request",
    chunked("1\r\nx\r\n0\r\nGET /evil HTTP/1.1\r\nHost: client.test\r\n\r\n"),
  ),
  broken("a trailer that is no field", chunked("1\r\nx\r\n0\r\nno field\r\n\r\n")),
  broken("a NUL in a trailer", chunked("1\r\nx\r\n0\r\nX-T: \0\r\n\r\n")),
  broken("a space before a trailer's colon", chunked("1\r\nx\r\n0\r\nX-T : 1\r\n\r\n")),
];

const OLD = ["Host: client.test", AUTH];

/** What HTTP/1.0 gets: one response and the end of the connection. */
const once = (name: string, bytes: string, arrives: string): Row => ({
  name,
  bytes,
  responses: [200],
  arrives: [arrives],
});

/** `fetch` does not know the length of its response, so an HTTP/1.0 connection ends with it. */
const kept = (name: string, bytes: string, arrives: string): Row => ({
  ...passes(name, bytes, arrives),
  overFetch: { responses: [200], arrives: [arrives] },
});

const HTTP_1_0: readonly Row[] = [
  once("a GET", bare("GET /a HTTP/1.0", OLD), "GET /a"),
  once(
    "a POST with a length",
    `${bare("POST /a HTTP/1.0", [...OLD, "Content-Length: 1"])}x`,
    "POST /a x",
  ),
  kept(
    "a GET on a connection to keep",
    bare("GET /a HTTP/1.0", [...OLD, "Connection: keep-alive"]),
    "GET /a",
  ),
  kept(
    "a POST on a connection to keep",
    `${bare("POST /a HTTP/1.0", [...OLD, "Connection: keep-alive", "Content-Length: 1"])}x`,
    "POST /a x",
  ),
  refused("no Host", bare("GET /a HTTP/1.0", [AUTH, "Connection: close"])),
  ...[[], ["Connection: keep-alive"], ["Content-Length: 11"]].map((fields) =>
    refused(
      `chunks, with ${JSON.stringify(fields)}`,
      bare("POST /a HTTP/1.0", [...OLD, ...fields, "Transfer-Encoding: chunked"]) + CHUNKS,
    )
  ),
];

hostile("lines between chunks.", CHUNK_LINES);
hostile("trailers.", TRAILERS);
hostile("framing of HTTP/1.0.", HTTP_1_0);
