import { Buffer } from "node:buffer";
import fc from "fast-check";
import { MAX_RESPONSE_FIELDS } from "../../../src/limits.ts";
import {
  findHeadEnd,
  parseResponseHead,
  type ResponseHead,
} from "../../../src/proxy/http1/response_head.ts";
import { assert, assertEquals } from "../../support/assert.ts";

/** Parses a head that has to be complete; a string says what is wrong with it. */
function parse(text: string): ResponseHead | string {
  const bytes = Buffer.from(text, "latin1");
  const end = findHeadEnd(bytes, 0, bytes.length);
  assert(end !== -1, "the head has no end");
  return parseResponseHead(bytes, 0, end);
}

function parsed(text: string): ResponseHead {
  const head = parse(text);
  assert(typeof head !== "string", `${head}: ${JSON.stringify(text)}`);
  return head;
}

const ok = (...fields: readonly string[]) => ["HTTP/1.1 200 OK", ...fields, "", ""].join("\r\n");

const MALFORMED: readonly (readonly [name: string, head: string])[] = [
  ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
  ["HTTP/2", "HTTP/2 200 OK\r\n\r\n"],
  ["HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n"],
  ["a version without a minor number", "HTTP/1. 200 OK\r\n\r\n"],
  ["a version of two digits", "HTTP/1.10 200 OK\r\n\r\n"],
  ["a version in lower case", "http/1.1 200 OK\r\n\r\n"],
  ["an empty line first", "\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"],
  ["a space first", " HTTP/1.1 200 OK\r\n\r\n"],
  ["two spaces before the status", "HTTP/1.1  200 OK\r\n\r\n"],
  ["a tab before the status", "HTTP/1.1\t200 OK\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
  ["a status with a sign", "HTTP/1.1 +20 OK\r\n\r\n"],
  ["a status of letters", "HTTP/1.1 2x0 OK\r\n\r\n"],
  ["a status below 100", "HTTP/1.1 099 OK\r\n\r\n"],
  ["a status above 599", "HTTP/1.1 600 OK\r\n\r\n"],
  ["no status", "HTTP/1.1\r\n\r\n"],
  ["NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n"],
  ["a bare LF after the status line", "HTTP/1.1 200 OK\nX: 1\r\n\r\n"],
  ["a bare CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n"],
  ["a bare LF between fields", ok("A: 1\nB: 2")],
  ["a bare CR between fields", ok("A: 1\rB: 2")],
  ["NUL in a value", ok("A: 1\x002")],
  ["DEL in a value", ok("A: 1\x7f")],
  ["a folded line", ok("A: 1", " 2")],
  ["a line folded with a tab", ok("A: 1", "\t2")],
  ["a field that starts with a space", ok(" A: 1")],
  ["a space before the colon", ok("A : 1")],
  ["a tab before the colon", ok("A\t: 1")],
  ["a field without a colon", ok("nothing")],
  ["a field without a name", ok(": 1")],
  ["a name with a space", ok("A B: 1")],
  ["a name above 0x7F", ok("\xe9: 1")],
  ["a name in quotes", ok('"a": 1')],
  ["a name with NUL", ok("a\0: 1")],
  ["an empty length", ok("Content-Length:")],
  ["a length of letters", ok("Content-Length: ten")],
  ["a hexadecimal length", ok("Content-Length: 0x10")],
  ["a negative length", ok("Content-Length: -1")],
  ["a length with a plus", ok("Content-Length: +1")],
  ["a length with a space inside", ok("Content-Length: 1 0")],
  ["a broken length", ok("Content-Length: 1.0")],
  ["a length beyond what can be counted", ok("Content-Length: 10000000000000000")],
  ["two lengths", ok("Content-Length: 1", "Content-Length: 2")],
  ["a list of two lengths", ok("Content-Length: 1, 2")],
  ["a list with an empty length", ok("Content-Length: 1,")],
  ["a good and a malformed length", ok("Content-Length: 1", "Content-Length: x")],
  ["chunks and a length", ok("Transfer-Encoding: chunked", "Content-Length: 5")],
  ["a length and chunks", ok("Content-Length: 5", "Transfer-Encoding: chunked")],
  ["chunks twice", ok("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")],
  ["chunks twice in a list", ok("Transfer-Encoding: chunked, chunked")],
  ["gzip as transfer coding", ok("Transfer-Encoding: gzip")],
  ["gzip and chunks", ok("Transfer-Encoding: gzip, chunked")],
  ["identity as transfer coding", ok("Transfer-Encoding: identity")],
  ["an unknown transfer coding", ok("Transfer-Encoding: xchunked")],
  ["an empty transfer coding", ok("Transfer-Encoding:")],
  ["a transfer coding with a parameter", ok("Transfer-Encoding: chunked;q=1")],
  ["chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["too many fields", ok(...Array.from({ length: MAX_RESPONSE_FIELDS + 1 }, () => "A: 1"))],
];

for (const [name, head] of MALFORMED) {
  Deno.test(`a head with ${name} is refused.`, () => {
    assertEquals(typeof parse(head), "string");
  });
}

Deno.test("the fields of a head come in order, in lower case, decoded as Latin-1.", () => {
  const head = parsed(ok(
    "Server: one",
    "SET-COOKIE:a=1",
    "Set-Cookie: \t b=2 \t",
    "x-empty:",
    "X-Blank:   ",
    "X-Latin: caf\xe9\xff\x80",
    "!#$%&'*+-.^_`|~09azAZ: x: y",
  ));
  assertEquals(head.headers, [
    ["server", "one"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
    ["x-empty", ""],
    ["x-blank", ""],
    ["x-latin", "caf\xe9\xff\x80"],
    ["!#$%&'*+-.^_`|~09azaz", "x: y"],
  ]);
});

Deno.test("a status line needs no reason phrase.", () => {
  for (const line of ["HTTP/1.1 204 ", "HTTP/1.1 204", "HTTP/1.1 204 Very \xe9 \t own"]) {
    assertEquals(parsed(`${line}\r\n\r\n`).status, 204);
  }
});

Deno.test("equal lengths count as one, which is passed on once.", () => {
  for (const fields of [["5", "5"], ["5, 5"], ["5,5", "5"], ["05", "5"], ["005"]]) {
    const head = parsed(ok(...fields.map((value) => `Content-Length: ${value}`)));
    assertEquals([head.length, head.headers], [5, [["content-length", "5"]]]);
  }
});

Deno.test("chunks are known in any case.", () => {
  for (const value of ["chunked", "Chunked", "CHUNKED"]) {
    assertEquals(parsed(ok(`Transfer-Encoding: ${value}`)).chunked, true);
  }
});

Deno.test("whether a connection is kept follows from version and options.", () => {
  const kept: readonly (readonly [head: string, keepAlive: boolean])[] = [
    [ok(), true],
    [ok("Connection: keep-alive"), true],
    [ok("Connection: close"), false],
    [ok("Connection: Close"), false],
    [ok("Connection: x, close"), false],
    [ok("Connection: x", "Connection: close"), false],
    [ok("Connection: keep-alive, close"), false],
    [ok("Connection: closed"), true],
    ["HTTP/1.0 200 OK\r\n\r\n", false],
    ["HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n", true],
    ["HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n", false],
    ["HTTP/1.2 200 OK\r\n\r\n", true],
  ];
  for (const [head, keepAlive] of kept) assertEquals(parsed(head).keepAlive, keepAlive, head);
});

Deno.test("the announced time of an idle connection is read.", () => {
  assertEquals(parsed(ok("Keep-Alive: timeout=5, max=100")).idleSecs, 5);
  assertEquals(parsed(ok("Keep-Alive: max=100, Timeout=75")).idleSecs, 75);
  assertEquals(parsed(ok("Keep-Alive: max=100")).idleSecs, undefined);
  assertEquals(parsed(ok("Keep-Alive: timeout=x")).idleSecs, undefined);
});

Deno.test("a stream of events is known by its type.", () => {
  assertEquals(parsed(ok("Content-Type: Text/Event-Stream; charset=utf-8")).events, true);
  assertEquals(parsed(ok("Content-Type: text/plain")).events, false);
});

Deno.test("the end of a head is found wherever the pieces are cut.", () => {
  const bytes = Buffer.from(ok("A: 1", "B: 2") + "body\r\n\r\n", "latin1");
  const whole = findHeadEnd(bytes, 0, bytes.length);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const first = findHeadEnd(bytes, 0, cut);
    const end = first === -1 ? findHeadEnd(bytes, Math.max(0, cut - 3), bytes.length) : first;
    assertEquals(end, whole);
  }
});

Deno.test("no bytes make the parser hang, throw or let a control character through.", () => {
  const parts = fc.constantFrom(
    "HTTP/1.1 ",
    "HTTP/1.0 200",
    "200 OK",
    "\r\n",
    "\r",
    "\n",
    "\0",
    ": ",
    "content-length",
    "transfer-encoding",
    "chunked",
    "connection",
    "keep-alive: timeout=",
    "5",
    ",",
    " ",
    "\t",
    "\xff",
    "x",
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 40 }), fc.boolean(), (texts, good) => {
      const text = `${good ? "HTTP/1.1 200 OK\r\n" : ""}${texts.join("")}\r\n\r\n`;
      const bytes = Buffer.from(text, "latin1");
      const head = parseResponseHead(bytes, 0, findHeadEnd(bytes, 0, bytes.length));
      if (typeof head === "string") return;
      assert(head.status >= 100 && head.status <= 599);
      assert(!(head.chunked && head.length !== undefined));
      for (const [name, value] of head.headers) {
        assert(/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name), name);
        assert(/^[\t\x20-\x7e\x80-\xff]*$/.test(value), value);
        assertEquals(value, value.replace(/^[ \t]+|[ \t]+$/g, ""));
      }
    }),
    { numRuns: 2000 },
  );
});
