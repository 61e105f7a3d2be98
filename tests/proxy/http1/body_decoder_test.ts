import { Buffer } from "node:buffer";
import fc from "fast-check";
import { MAX_CHUNK_LINE_BYTES, MAX_TRAILER_BYTES } from "../../../src/limits.ts";
import {
  type BodyDecoder,
  ChunkedDecoder,
  CloseDecoder,
  LengthDecoder,
} from "../../../src/proxy/http1/body_decoder.ts";
import { assert, assertEquals } from "../../support/assert.ts";

/** What became of bytes that came in pieces. */
interface Outcome {
  readonly body: string;
  readonly done: boolean;
  readonly wrong: string | undefined;
  /** What was left over behind the end of the body. */
  readonly left: string;
}

function decodePieces(decoder: BodyDecoder, pieces: readonly string[]): Outcome {
  let body = "";
  let left = "";
  let wrong: string | undefined;
  for (const piece of pieces) {
    if (decoder.done || wrong !== undefined) {
      left += piece;
      continue;
    }
    // Not from the start of the memory, as behind a head.
    const bytes = Buffer.from(`head${piece}`, "latin1");
    wrong = decoder.decode(bytes, 4, bytes.length);
    body += bytes.toString("latin1", decoder.start, decoder.end);
    if (wrong === undefined) left += bytes.toString("latin1", decoder.used);
  }
  return { body, done: decoder.done, wrong, left };
}

/** Every way to cut a text in two, and all its bytes one by one. */
function cuts(text: string): string[][] {
  const halves = Array.from({ length: text.length + 1 }, (_, at) => [
    text.slice(0, at),
    text.slice(at),
  ]);
  return [...halves, [...text]].map((pieces) => pieces.filter((piece) => piece !== ""));
}

const GOOD: readonly (readonly [chunks: string, body: string])[] = [
  ["0\r\n\r\n", ""],
  ["000\r\n\r\n", ""],
  ["5\r\nhello\r\n0\r\n\r\n", "hello"],
  ["2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "hello"],
  ["A\r\n0123456789\r\n0\r\n\r\n", "0123456789"],
  ["0a\r\n01234\r\n789\r\n0\r\n\r\n", "01234\r\n789"],
  ['1;a\r\nx\r\n1;b=c;d="e;\\"f"\r\ny\r\n0;z\r\n\r\n', "xy"],
  ["1\r\nx\r\n0\r\nA: 1\r\nB-c:\r\n\r\n", "x"],
  ["1\r\nx\r\n0\r\nA: \xe9\t1\r\n\r\n", "x"],
];

for (const [chunks, body] of GOOD) {
  Deno.test(`the chunks ${JSON.stringify(chunks)} are read wherever they are cut.`, () => {
    for (const pieces of cuts(chunks)) {
      assertEquals(decodePieces(new ChunkedDecoder(), pieces), {
        body,
        done: true,
        wrong: undefined,
        left: "",
      });
    }
  });
}

const BAD: readonly string[] = [
  "\r\n",
  "x\r\n",
  "-1\r\nx\r\n0\r\n\r\n",
  "+1\r\nx\r\n0\r\n\r\n",
  "0x1\r\nx\r\n0\r\n\r\n",
  " 1\r\nx\r\n0\r\n\r\n",
  "1 \r\nx\r\n0\r\n\r\n",
  "1\nx\r\n0\r\n\r\n",
  "1\rx\r\n0\r\n\r\n",
  "1\r\r\nx\r\n0\r\n\r\n",
  ";a\r\nx\r\n0\r\n\r\n",
  "1;a\0\r\nx\r\n0\r\n\r\n",
  "1;a\nx\r\n0\r\n\r\n",
  `1;${"a".repeat(MAX_CHUNK_LINE_BYTES + 1)}\r\nx\r\n0\r\n\r\n`,
  "1\r\nxy\r\n0\r\n\r\n",
  "1\r\nx\n0\r\n\r\n",
  "1\r\nx\r0\r\n\r\n",
  "1\r\nx0\r\n\r\n",
  "10000000000000\r\n",
  "00000000000001\r\nx\r\n0\r\n\r\n",
  "0\r\n\n",
  "0\r\n\rx",
  "0\r\n A: 1\r\n\r\n",
  "0\r\nA : 1\r\n\r\n",
  "0\r\nnothing\r\n\r\n",
  "0\r\n: 1\r\n\r\n",
  "0\r\nA: 1\n\r\n",
  "0\r\nA: 1\r\n 2\r\n\r\n",
  "0\r\nA: \0\r\n\r\n",
  `0\r\nA: ${"a".repeat(MAX_TRAILER_BYTES)}\r\n\r\n`,
];

for (const chunks of BAD) {
  Deno.test(`the chunks ${JSON.stringify(chunks.slice(0, 30))} are refused wherever they are cut.`, () => {
    const ways = chunks.length > 100 ? [[chunks]] : cuts(chunks);
    for (const pieces of ways) {
      const { done, wrong } = decodePieces(new ChunkedDecoder(), pieces);
      assertEquals([done, typeof wrong], [false, "string"]);
    }
  });
}

Deno.test("chunks that end early are not whole.", () => {
  const chunks = "2;a\r\nhe\r\n3\r\nllo\r\n0\r\nA: 1\r\n\r\n";
  for (let end = 0; end < chunks.length; end++) {
    const decoder = new ChunkedDecoder();
    const { wrong } = decodePieces(decoder, [chunks.slice(0, end)]);
    assertEquals([wrong, decoder.closed()], [undefined, false]);
  }
});

Deno.test("what follows a body is left over.", () => {
  assertEquals(
    decodePieces(new ChunkedDecoder(), ["1\r\nx\r\n0\r\n\r\nHTTP/1.1"]).left,
    "HTTP/1.1",
  );
  assertEquals(decodePieces(new LengthDecoder(3), ["ab", "cd"]), {
    body: "abc",
    done: true,
    wrong: undefined,
    left: "d",
  });
});

Deno.test("a body with a length is whole only when all of it came.", () => {
  const decoder = new LengthDecoder(3);
  decodePieces(decoder, ["ab"]);
  assertEquals([decoder.closed(), decoder.expected], [false, 1]);
  decodePieces(decoder, ["c"]);
  assertEquals(decoder.closed(), true);
});

Deno.test("a body until the end of the connection is whole when that has come.", () => {
  const decoder = new CloseDecoder();
  assertEquals(decodePieces(decoder, ["ab", "c"]).body, "abc");
  assertEquals([decoder.done, decoder.closed(), decoder.done], [false, true, true]);
});

Deno.test("any body in any chunks and any pieces comes back as it was.", () => {
  const chunk = fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 40 });
  const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 8 }), sizes, (chunks, lengths) => {
      const framed = chunks.map((data) => `${data.length.toString(16)}\r\n${data}\r\n`).join("");
      let rest = `${framed}0\r\n\r\n`;
      const pieces: string[] = [];
      for (let i = 0; rest !== ""; i++) {
        const length = lengths[i % lengths.length] ?? 1;
        pieces.push(rest.slice(0, length));
        rest = rest.slice(length);
      }
      assertEquals(decodePieces(new ChunkedDecoder(), pieces), {
        body: chunks.join(""),
        done: true,
        wrong: undefined,
        left: "",
      });
    }),
    { numRuns: 500 },
  );
});

Deno.test("no bytes make the decoder hang, throw or find another body when cut elsewhere.", () => {
  const text = fc.string({
    unit: fc.constantFrom("0", "1", "a", ";", ":", "\r", "\n", "\r\n", "x"),
  });
  fc.assert(
    fc.property(text, fc.nat(), (bytes, at) => {
      const cut = at % (bytes.length + 1);
      const whole = decodePieces(new ChunkedDecoder(), [bytes]);
      const pieces = [bytes.slice(0, cut), bytes.slice(cut)].filter((piece) => piece !== "");
      const parts = decodePieces(new ChunkedDecoder(), pieces);
      assertEquals([parts.body, parts.done, parts.wrong], [whole.body, whole.done, whole.wrong]);
      assert(whole.body.length <= bytes.length);
    }),
    { numRuns: 3000 },
  );
});
