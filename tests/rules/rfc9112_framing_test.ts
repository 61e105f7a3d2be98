/**
 * RFC 9112, sections 6 and 7: where a message ends. Whatever a client says about that, what reaches
 * the upstream has one framing, made here, and the same body; or nothing reaches it.
 */
import { brief, hostile, passes, refused, refusedAlone, request, type Row } from "./hostile.ts";

const LENGTHS: readonly Row[] = [
  ...["1", " 1", "\t1", "1 ", "1\t"].map((length) =>
    passes(
      `Content-Length: ${brief(length)}`,
      request("POST /a", [`Content-Length:${length}`], "x"),
      "POST /a x",
    )
  ),
  ...[
    "-1",
    "+1",
    "0x1",
    "1e0",
    "1.0",
    "1;",
    "'1'",
    '"1"',
    "1 1",
    "a",
    "",
    " ",
    "\x0b1",
    "1\0",
    "\xb9",
    "1, 1",
    "1,1",
    "1, 2",
    "1,",
    "18446744073709551616",
    "99999999999999999999999",
    `1${"0".repeat(400)}`,
  ].map((length) =>
    refused(
      `Content-Length: ${brief(length)}`,
      request("POST /a", [`Content-Length: ${length}`], "x"),
    )
  ),
  // Octal for some parsers.
  ...["01", "001", "00", "0000000000000001"].map((length) =>
    refused(
      `Content-Length: ${length}`,
      request("POST /a", [`Content-Length: ${length}`], "x".repeat(Number(length))),
    )
  ),
  refused(
    "more than fifteen digits of length",
    request("POST /a", ["Content-Length: 1000000000000000"], "x"),
  ),
  refused(
    "the largest length that the server takes",
    request("POST /a", ["Content-Length: 18446744073709551615"], "x"),
  ),
  refused(
    "the same length twice",
    request("POST /a", ["Content-Length: 1", "Content-Length: 1"], "x"),
  ),
  refused("two lengths", request("POST /a", ["Content-Length: 1", "Content-Length: 2"], "x")),
  refused(
    "two lengths, the first one empty",
    request("POST /a", ["Content-Length:", "Content-Length: 1"], "x"),
  ),
  refused("a space before the colon", request("POST /a", ["Content-Length : 1"], "x")),
  refused("a folded length", request("POST /a", ["Content-Length:\r\n 1"], "x")),
  passes(
    "a length that Connection names",
    request("POST /a", ["Connection: content-length", "Content-Length: 1"], "x"),
    "POST /a x",
  ),
  refused("a GET with a length", request("GET /a", ["Content-Length: 1"], "x")),
  refusedAlone("a HEAD with a length", request("HEAD /a", ["Content-Length: 1"], "x")),
  passes("a GET of length 0", request("GET /a", ["Content-Length: 0"]), "GET /a"),
  passes("a POST of length 0", request("POST /a", ["Content-Length: 0"]), "POST /a"),
  passes("a POST without a length", request("POST /a"), "POST /a"),
  // Framing to servers that read `_`, or every mark, as `-`.
  ...["Content_Length: 40", "Content.Length: 40", "content!length: 0", "Transfer_Encoding: chunked"]
    .flatMap((field) => [
      passes(
        `${field} besides Content-Length`,
        request("POST /a", ["Content-Length: 1", field], "x"),
        "POST /a x",
      ),
      passes(`${field} alone`, request("POST /a", [field]), "POST /a"),
      passes(`${field} of a GET`, request("GET /a", [field]), "GET /a"),
    ]),
];

/** One byte in chunks: eleven characters. */
const CHUNKS = "1\r\nx\r\n0\r\n\r\n";

const CHUNKED = ["chunked", "Chunked", "CHUNKED", " chunked", "\tchunked", "chunked ", "chunked\t"];

const OTHER_CODINGS = [
  "",
  "xchunked",
  "chunkedx",
  "x",
  "identity",
  "trailers",
  "gzip",
  "chunked, identity",
  "identity, chunked",
  "chunked, gzip",
  "chunked, chunked",
  "chunked,",
  ",chunked",
  "chunked;q=1",
  "chun ked",
  '"chunked"',
  "'chunked'",
  "\x0bchunked",
  "\x0cchunked",
  "\0chunked",
  "chunked\0",
  "chunked\x0b",
  "chunked\r",
  "\xa0chunked",
  "chunked\x85",
  "chunked\r\n ",
  "\r\n chunked",
];

const CODINGS: readonly Row[] = [
  ...CHUNKED.map((coding) =>
    passes(
      `Transfer-Encoding: ${brief(coding)}`,
      request("POST /a", [`Transfer-Encoding:${coding}`], CHUNKS),
      "POST /a x",
    )
  ),
  passes(
    "a coding that Connection names",
    request("POST /a", ["Connection: transfer-encoding", "Transfer-Encoding: chunked"], CHUNKS),
    "POST /a x",
  ),
  ...OTHER_CODINGS.map((coding) =>
    refused(
      `Transfer-Encoding: ${brief(coding)}`,
      request("POST /a", [`Transfer-Encoding: ${coding}`], CHUNKS),
    )
  ),
  // The server takes the chunks off, but not what is below them.
  ...["gzip, chunked", "deflate,chunked", "x, chunked", "gzip, Chunked"].map((coding) =>
    refused(
      `Transfer-Encoding: ${brief(coding)}`,
      request("POST /a", [`Transfer-Encoding: ${coding}`], CHUNKS),
    )
  ),
  ...[
    ["chunked", "chunked"],
    ["identity", "chunked"],
    ["chunked", "identity"],
    ["chunked", "x"],
    ["x", "chunked"],
    ["", "chunked"],
    ["chunked", ""],
  ].map((codings) =>
    refused(
      `the codings ${brief(codings.join(" and "))} in fields of their own`,
      request("POST /a", codings.map((coding) => `Transfer-Encoding: ${coding}`), CHUNKS),
    )
  ),
  ...["Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked", " Transfer-Encoding: chunked"]
    .map((field) => refused(brief(field), request("POST /a", ["X-A: 1", field], CHUNKS))),
  refused("chunks of a GET", request("GET /a", ["Transfer-Encoding: chunked"], CHUNKS)),
  refusedAlone("chunks of a HEAD", request("HEAD /a", ["Transfer-Encoding: chunked"], CHUNKS)),
];

const BOTH: readonly Row[] = [...CHUNKED, ...OTHER_CODINGS].flatMap((coding) =>
  ["11", "0", "4"].flatMap((length) => {
    const fields = [`Transfer-Encoding: ${coding}`, `Content-Length: ${length}`];
    const name = `a length of ${length} and the coding ${brief(coding)}`;
    return [
      refused(`${name}, which comes first`, request("POST /a", fields, CHUNKS)),
      refused(`${name}, which comes last`, request("POST /a", fields.toReversed(), CHUNKS)),
    ];
  })
);

hostile("lengths.", LENGTHS);
hostile("transfer codings.", CODINGS);
hostile("a length besides a transfer coding.", BOTH);
