/** What comes back from the upstream through the whole proxy. */
import { gunzipSync, gzipSync } from "node:zlib";
import { assert, assertEquals } from "../support/assert.ts";
import { rawUpstream, responding } from "../support/upstream.ts";
import { exchange, named, type Test } from "./exchange.ts";
import { protect, type Transport, TRANSPORTS } from "./harness.ts";

for (const transport of TRANSPORTS) {
  const test: Test = (sentence, action) => Deno.test(`Over ${transport.name}: ${sentence}`, action);
  responseTests(transport, test);
}

function responseTests(transport: Transport, test: Test): void {
  for (
    const status of [
      ...[200, 201, 206, 226, 299, 300, 301, 302, 303, 307, 308],
      ...[400, 401, 403, 404, 418, 451, 499, 500, 503, 599],
    ]
  ) {
    test(`an upstream's ${status} comes back with its fields and its body.`, async () => {
      const { got } = await exchange(
        transport,
        "GET /",
        {},
        [
          `HTTP/1.1 ${status} Words`,
          "Location: //elsewhere.test/x",
          'WWW-Authenticate: Basic realm="theirs"',
          "Retry-After: 7",
          "Content-Length: 4",
          "",
          "body",
        ].join("\r\n"),
      );
      assertEquals([got.status, got.body, got.complete], [status, "body", true]);
      assertEquals(named(got, "location"), ["//elsewhere.test/x"]);
      assertEquals(named(got, "www-authenticate"), ['Basic realm="theirs"']);
      assertEquals(named(got, "retry-after"), ["7"]);
    });
  }

  test("every field of a response comes back once for each time it was sent, and no other.", async () => {
    const fields: [string, string][] = [
      ["cache-control", "no-cache"],
      ["content-length", "2"],
      ["content-type", "text/html; charset=iso-8859-1"],
      ["date", "Thu, 01 Jan 2026 00:00:00 GMT"],
      ["etag", '"x"'],
      ["server", "theirs"],
      ["set-cookie", "a=1; Path=/; HttpOnly"],
      ["set-cookie", "b=2; Expires=Thu, 01 Jan 2026 00:00:00 GMT"],
      ["set-cookie", "a=1; Path=/; HttpOnly"],
      ["vary", "Origin"],
      ["x-empty", ""],
      ["x-latin", "caf\xe9"],
    ];
    const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const { got } = await exchange(
      transport,
      "GET /",
      { fields: ["Accept-Encoding: gzip, br"] },
      `HTTP/1.1 200 OK\r\n${head}\r\nok`,
    );
    const back = got.headers.filter(([name]) => name.toLowerCase() !== "x-request-id");
    const plain = back.map(([name, value]): [string, string] => [name.toLowerCase(), value]);
    assertEquals(plain.toSorted(byName), fields);
    assertEquals(got.body, "ok");
  });

  test("an upstream that names the request itself is not contradicted.", async () => {
    const response = "HTTP/1.1 200 OK\r\nX-Request-Id: theirs\r\nContent-Length: 2\r\n\r\nok";
    const { got } = await exchange(transport, "GET /", {}, response);
    assertEquals(named(got, "x-request-id"), ["theirs"]);
  });

  for (const coding of ["gzip", "br", "deflate", "zstd", "x-own"]) {
    for (const accepted of [coding, "identity", undefined]) {
      test(`a body packed as ${coding} comes back as it is (accepted: ${accepted}).`, async () => {
        const packed = new Uint8Array(gzipSync("hello ".repeat(500)));
        const head =
          `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: ${coding}\r\n` +
          `Content-Length: ${packed.length}\r\nETag: "x"\r\n\r\n`;
        const response = Uint8Array.of(...new TextEncoder().encode(head), ...packed);
        const fields = accepted === undefined ? [] : [`Accept-Encoding: ${accepted}`];
        const { got } = await exchange(transport, "GET /", { fields }, response);
        assertEquals(named(got, "content-encoding"), [coding]);
        assertEquals(named(got, "content-length"), [String(packed.length)]);
        assertEquals(named(got, "etag"), ['"x"']);
        assertEquals(Uint8Array.from(got.rawBody, (c) => c.charCodeAt(0)), packed);
        assertEquals(gunzipSync(packed).length, 3000);
      });
    }
  }

  test("a body that could be packed is not packed on the way.", async () => {
    const body = JSON.stringify(Array.from({ length: 2000 }, (_, i) => i));
    const { got } = await exchange(
      transport,
      "GET /",
      { fields: ["Accept-Encoding: gzip, br"] },
      `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    assertEquals([named(got, "content-encoding"), got.rawBody], [[], body]);
    assertEquals(named(got, "content-length"), [String(body.length)]);
  });

  for (
    const [name, response] of [
      ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
      [
        "chunks",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
      ],
      [
        "chunks and trailers",
        "HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
      ],
      ["the end of the connection", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"],
      ["the end of the connection, unannounced", "HTTP/1.1 200 OK\r\n\r\nhello"],
      ["the end of the connection (HTTP/1.0)", "HTTP/1.0 200 OK\r\n\r\nhello"],
    ] as const
  ) {
    test(`a body that ends by ${name} comes back whole.`, async () => {
      await using upstream = await rawUpstream(async (socket) => {
        await socket.readRequest();
        await socket.send(response);
      });
      await using guarded = await protect(upstream.url, transport);
      const got = await guarded.ask("GET /");
      assertEquals([got.status, got.body, got.complete], [200, "hello", true]);
      // A transport that has all of it at once may say how long it is.
      assert(["", "5"].includes(named(got, "content-length").join()));
    });
  }

  test("the response to a HEAD keeps its fields and has no body.", async () => {
    const response = "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nContent-Type: text/plain\r\n\r\n";
    const { sent, got } = await exchange(transport, "HEAD /x", {}, response);
    assertEquals(sent.startLine, "HEAD /x HTTP/1.1");
    assertEquals([got.status, got.rawBody], [200, ""]);
    assertEquals(named(got, "content-length"), ["1234"]);
    assertEquals(named(got, "content-type"), ["text/plain"]);
  });

  for (const status of [204, 304]) {
    test(`a ${status} comes back with its fields and without a body.`, async () => {
      const response = `HTTP/1.1 ${status} None\r\nETag: "x"\r\nX-A: 1\r\n${
        status === 304 ? "Content-Length: 1234\r\n" : ""
      }\r\n`;
      await using upstream = await rawUpstream(responding(response));
      await using guarded = await protect(upstream.url, transport);
      const again = guarded.head("GET /", ["Connection: close"]);
      const got = await guarded.ask("GET /", { body: again, until: "close" });
      assertEquals([got.status, named(got, "etag"), named(got, "x-a")], [status, ['"x"'], ["1"]]);
      assertEquals(named(got, "transfer-encoding"), []);
      assertEquals(got.text.split(`HTTP/1.1 ${status}`).length, 3);
      assertEquals(upstream.connections.length, 1);
    });
  }
}

function byName([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
