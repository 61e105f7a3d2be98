import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { HeaderList } from "../../../src/proxy/headers.ts";
import { contentLength, writeRequestHead } from "../../../src/proxy/http1/request_head.ts";
import { assertEquals } from "../../support/assert.ts";

const ROOM = new Uint8Array(256);

function write(
  overrides: Partial<Parameters<typeof writeRequestHead>[0]>,
  room = ROOM,
): string | undefined {
  const head = { method: "GET", target: "/", headers: [], chunked: false, ...overrides };
  const bytes = writeRequestHead(head, room);
  return bytes && Buffer.from(bytes).toString("latin1");
}

Deno.test("a head is written byte for byte.", () => {
  const headers: HeaderList = [["host", "h:1"], ["x-latin", "caf\xe9\xff"], ["x-empty", ""], [
    "x-tab",
    "a\tb",
  ]];
  assertEquals(
    write({ method: "x-Own", target: "//a/../b\\?q='\xe9", headers }),
    "x-Own //a/../b\\?q='\xe9 HTTP/1.1\r\nhost: h:1\r\nx-latin: caf\xe9\xff\r\nx-empty: \r\nx-tab: a\tb\r\n\r\n",
  );
});

Deno.test("a head that says so announces chunks.", () => {
  assertEquals(
    write({ method: "POST", headers: [["host", "h"]], chunked: true }),
    "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n",
  );
});

Deno.test("a head longer than the room gets its own.", () => {
  for (const value of ["x".repeat(300), "\xe9".repeat(300), "\xe9".repeat(120)]) {
    assertEquals(
      write({ headers: [["a", value]] }),
      `GET / HTTP/1.1\r\na: ${value}\r\n\r\n`,
    );
  }
});

for (const bad of ["\r", "\n", "\0", "\r\n", "\x1b", "\x7f", "\u0100", "\u2028", "\ud83d\ude00"]) {
  Deno.test(`nothing with ${JSON.stringify(bad)} in it is written.`, () => {
    const text = `a${bad}b`;
    assertEquals(write({ method: text }), undefined);
    assertEquals(write({ target: `/${text}` }), undefined);
    assertEquals(write({ headers: [[text, "1"]] }), undefined);
    assertEquals(write({ headers: [["a", text]] }), undefined);
    assertEquals(write({ headers: [["a", `${text}${"x".repeat(300)}`]] }), undefined);
  });
}

Deno.test("white space and colons where they would mean something else are not written.", () => {
  for (const bad of [" ", "\t"]) {
    assertEquals(write({ method: `GET${bad}/x` }), undefined);
    assertEquals(write({ target: `/${bad}HTTP/1.1` }), undefined);
    assertEquals(write({ headers: [[`a${bad}`, "1"]] }), undefined);
  }
  assertEquals(write({ method: "" }), undefined);
  assertEquals(write({ headers: [["", "1"]] }), undefined);
  assertEquals(write({ headers: [["a:b", "1"]] }), undefined);
});

Deno.test("every head has as many lines as it has fields.", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "\r", "\n", " ", ":", "\xe9", "\u0161") });
  const fields = fc.array(fc.tuple(text, text), { maxLength: 5 });
  fc.assert(
    fc.property(text, text, fields, (method, target, headers) => {
      const head = write({ method, target, headers });
      if (head === undefined) return;
      assertEquals(
        head,
        [
          `${method} ${target} HTTP/1.1`,
          ...headers.map(([name, value]) => `${name}: ${value}`),
          "",
          "",
        ].join("\r\n"),
      );
      assertEquals(head.split(/\r\n|\r|\n/).length, headers.length + 3);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("an announced length is read, and a malformed one is not taken for none.", () => {
  assertEquals(contentLength([["host", "h"]]), undefined);
  assertEquals(contentLength([["content-length", "0"]]), 0);
  assertEquals(contentLength([["content-length", "123"]]), 123);
  for (const bad of ["", "-1", "1, 1", "x", "1e3", "1".repeat(16)]) {
    assertEquals(contentLength([["content-length", bad]]), NaN);
  }
});
