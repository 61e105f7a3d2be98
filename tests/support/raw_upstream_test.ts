import { assertEquals } from "./assert.ts";
import { judge } from "./raw_upstream.ts";

const head = (line: string, ...fields: readonly string[]) =>
  [line, "host: h", ...fields, "", ""].join("\r\n");

Deno.test("The judge takes well-formed requests apart, one behind the other.", () => {
  const { requests, rest, fault } = judge(
    head("GET /a HTTP/1.1", "x-a: 1", "X-A:2 \t") + head("POST /b HTTP/1.1", "content-length: 3") +
      "abc" + head("POST /c HTTP/1.1", "transfer-encoding: chunked") +
      "2\r\nde\r\n1\r\nf\r\n0\r\n\r\n" + "GET /rest",
  );
  assertEquals([rest, fault], ["GET /rest", undefined]);
  assertEquals(requests.map(({ line, body, chunked }) => [line, body, chunked]), [
    ["GET /a HTTP/1.1", "", false],
    ["POST /b HTTP/1.1", "abc", false],
    ["POST /c HTTP/1.1", "def", true],
  ]);
  assertEquals(requests[0]?.fields, [["host", "h"], ["x-a", "1"], ["x-a", "2"]]);
});

const BEGINNINGS: readonly string[] = [
  "",
  "GET /a HTTP/1.1\r\nhost: h\r\n",
  `${head("POST /a HTTP/1.1", "content-length: 3")}ab`,
  `${head("POST /a HTTP/1.1", "transfer-encoding: chunked")}2\r\nab\r\n0\r\n`,
];

for (const text of BEGINNINGS) {
  Deno.test(`The judge waits for the rest of ${JSON.stringify(text)}.`, () => {
    assertEquals(judge(text), { requests: [], rest: text, fault: undefined });
  });
}

const chunks = (text: string) => head("POST /a HTTP/1.1", "transfer-encoding: chunked") + text;

const FAULTS: readonly string[] = [
  head("GET /a b HTTP/1.1"),
  head("GET a HTTP/1.1"),
  head("GET http://h/a HTTP/1.1"),
  head("GET /caf\xe9 HTTP/1.1"),
  head("GET  /a HTTP/1.1"),
  head("G(T /a HTTP/1.1"),
  head("GET /a HTTP/1.0"),
  `\r\n${head("GET /a HTTP/1.1")}`,
  head("GET /a HTTP/1.1", "host: h"),
  "GET /a HTTP/1.1\r\nx-a: 1\r\n\r\n",
  head("GET /a HTTP/1.1", "x-a : 1"),
  head("GET /a HTTP/1.1", "x-a: 1", " 2"),
  head("GET /a HTTP/1.1", "x-a: 1\n2"),
  head("GET /a HTTP/1.1", "x-a: 1\r2"),
  head("GET /a HTTP/1.1", "x-a: 1\0"),
  head("GET /a HTTP/1.1", "x(a: 1"),
  head("GET /a HTTP/1.1", ": 1"),
  head("POST /a HTTP/1.1", "content-length: 01"),
  head("POST /a HTTP/1.1", "content-length: +1"),
  head("POST /a HTTP/1.1", "content-length: 1, 1"),
  head("POST /a HTTP/1.1", "content-length: 1", "content-length: 1"),
  head("POST /a HTTP/1.1", "content-length: 1", "transfer-encoding: chunked"),
  head("POST /a HTTP/1.1", "transfer-encoding: gzip, chunked"),
  head("POST /a HTTP/1.1", "transfer-encoding: chunked", "transfer-encoding: chunked"),
  chunks("0x1\r\na\r\n"),
  chunks("1;x\r\na\r\n"),
  chunks("1\r\nab\r\n"),
  chunks("0\r\nx-t: 1\r\n\r\n"),
  chunks("-1\r\n"),
];

for (const text of FAULTS) {
  Deno.test(`The judge finds fault with ${JSON.stringify(text)}.`, () => {
    const { requests, rest, fault } = judge(text);
    assertEquals([requests, rest, typeof fault], [[], text, "string"]);
  });
}
