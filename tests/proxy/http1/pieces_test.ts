/** Whole responses through the transport, cut into pieces in every way. */
import fc from "fast-check";
import { assert, assertEquals } from "../../support/assert.ts";
import { latin1, outcome, pooled, ScriptedWire } from "./support.ts";

/** What comes of a GET whose response is these pieces, and how the connection is left. */
async function outcomeOfPieces(
  pieces: readonly string[],
  method = "GET",
): Promise<[string, boolean]> {
  const wire = new ScriptedWire(pieces.filter((piece) => piece !== "").map(latin1));
  const upstream = pooled(() => wire);
  const text = await outcome(upstream, { method });
  const idle = upstream.stats?.().idle === 1;
  upstream.close();
  assert(wire.closed);
  return [text, idle];
}

const RESPONSES: readonly (readonly [response: string, outcome: string])[] = [
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 hello"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 "],
  ["HTTP/1.1 204 No Content\r\n\r\n", "204 "],
  ["HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304 "],
  [
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x\r\nllo\r\n0\r\nT: 1\r\n\r\n",
    "200 hello",
  ],
  [
    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "200 ok",
  ],
];

for (const [response, expected] of RESPONSES) {
  Deno.test(`the response ${JSON.stringify(response.slice(0, 60))} is read wherever it is cut.`, async () => {
    for (let at = 0; at <= response.length; at++) {
      const [text] = await outcomeOfPieces([response.slice(0, at), response.slice(at)]);
      assertEquals(text, expected, `cut at ${at}`);
    }
    assertEquals((await outcomeOfPieces([...response]))[0], expected);
  });
}

Deno.test("a response cut short anywhere is never taken for a whole one.", async () => {
  for (const [response, expected] of RESPONSES) {
    for (let end = 0; end < response.length; end++) {
      const [text] = await outcomeOfPieces([response.slice(0, end)]);
      assert(text.endsWith("upstream_broken"), `${expected} cut at ${end}: ${text}`);
    }
  }
});

Deno.test("a large body comes whole through reads of every size.", async () => {
  const body = Array.from({ length: 300_000 }, (_, i) => String.fromCharCode(i % 251)).join("");
  const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const heads = [`Content-Length: ${body.length}`, "Transfer-Encoding: chunked", "X: close"];
  for (const head of heads) {
    const framed = head.startsWith("T") ? chunks : body;
    const response = `HTTP/1.1 200 OK\r\n${head}\r\n\r\n${framed}`;
    for (const size of [1000, 16_384, 40_000, 200_000, response.length]) {
      const pieces = [];
      for (let at = 0; at < response.length; at += size) pieces.push(response.slice(at, at + size));
      const wire = new ScriptedWire(pieces.map(latin1));
      const upstream = pooled(() => wire);
      const got = await outcome(upstream);
      upstream.close();
      const expected = new TextDecoder("latin1").decode(latin1(body));
      assert(got === `200 ${expected}`, `${head} by ${size}: ${got.length}`);
    }
  }
});

Deno.test("no bytes hang or crash the transport, or make a body of another length.", async () => {
  const part = fc.constantFrom(
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.0 200 OK\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 4\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "\r\n",
    "\r",
    "\n",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "abc",
    "\0",
    "\xff",
  );
  const parts = fc.array(part, { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(parts, fc.boolean(), fc.nat(), async (texts, good, at) => {
      const bytes = (good ? "HTTP/1.1 200 OK\r\n" : "") + texts.join("");
      const cut = at % (bytes.length + 1);
      const [whole, idle] = await outcomeOfPieces([bytes]);
      const [cutOutcome] = await outcomeOfPieces([bytes.slice(0, cut), bytes.slice(cut)]);
      assertEquals(cutOutcome, whole);
      if (!/^\d{3} (?!then)/.test(whole)) return;
      const body = whole.slice(4);
      const head =
        bytes.replace(/^(HTTP\/1.1 100 Continue\r\n\r\n)+/, "").split("\r\n\r\n", 1)[0] ?? "";
      const length = /^Content-Length: (\d)/m.exec(head)?.[1];
      if (length !== undefined) assertEquals(body.length, Number(length));
      assert(bytes.length >= body.length);
      // Left over bytes, `Connection: close` and HTTP/1.0 keep a connection from being used again.
      if (idle) assert(bytes.endsWith(length === undefined ? "0\r\n\r\n" : body));
    }),
    { numRuns: 1500 },
  );
});
