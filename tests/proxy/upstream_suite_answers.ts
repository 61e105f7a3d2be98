/** What comes back from the upstream: status, fields and body. */
import { gzipSync } from "node:zlib";
import { assert, assertEquals } from "../support/assert.ts";
import { answering } from "../support/upstream.ts";
import { pause } from "./support.ts";
import {
  asking,
  type Connected,
  ended,
  OK,
  readerOf,
  type Suite,
} from "./upstream_suite_support.ts";

/** Registers the tests of answers. */
export function answerTests(suite: Suite): void {
  headTests(suite);
  bodyTests(suite);
}

/** An answer read whole. */
async function answerOf(
  { upstream, clock }: Connected,
  method = "GET",
): Promise<{ status: number; headers: [string, string][]; body: Uint8Array; bytes: number }> {
  const { request, ends } = asking({
    method,
    headers: [["host", "h"], ["accept-encoding", "gzip"]],
  });
  const answer = await upstream.send(request);
  assert(answer.ok, JSON.stringify(answer));
  const { status, headers, body } = answer.value;
  const content = await new Response(body).bytes();
  const [end, ...more] = ended(answer.value, ends);
  assert(end !== undefined && end.failure === undefined && more.length === 0);
  assertEquals(clock.pending, 0);
  return { status, headers: [...headers], body: content, bytes: end.bytes };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function headTests({ test, connect }: Suite): void {
  for (const status of [200, 201, 226, 299, 300, 400, 401, 404, 418, 451, 499, 500, 503, 599]) {
    test(`the status ${status} comes back as it is.`, async () => {
      await using connected = await connect(
        answering(`HTTP/1.1 ${status} Own Words\r\nContent-Length: 1\r\n\r\nx`),
      );
      const answer = await answerOf(connected);
      assertEquals([answer.status, text(answer.body), answer.bytes], [status, "x", 1]);
    });
  }

  for (const status of [301, 302, 303, 307, 308]) {
    test(`a ${status} is handed on and not followed.`, async () => {
      await using connected = await connect(answering(
        `HTTP/1.1 ${status} Away\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n`,
      ));
      const { status: got, headers } = await answerOf(connected);
      assertEquals(got, status);
      assertEquals(new Headers(headers).get("location"), "http://127.0.0.1:1/x");
      assertEquals(connected.raw.connections.length, 1);
    });
  }

  test("fields come back as they were sent, repeated ones repeated.", async () => {
    await using connected = await connect(answering([
      "HTTP/1.1 200 OK",
      "Set-Cookie: a=1; Path=/",
      "X-A: 1",
      "Set-Cookie: b=2; Expires=Thu, 01 Jan 2026 00:00:00 GMT",
      "Set-Cookie: a=1; Path=/",
      "X-Latin: caf\xe9",
      "X-Empty:",
      "WWW-Authenticate: Basic",
      "Date: Thu, 01 Jan 2026 00:00:00 GMT",
      "Server: theirs",
      "Connection: x-hop",
      "X-Hop: 1",
      "Content-Length: 0",
      "",
      "",
    ].join("\r\n")));
    const { headers } = await answerOf(connected);
    const named = (name: string) =>
      headers.filter(([known]) => known === name).map(([, value]) => value);
    assertEquals(named("set-cookie"), [
      "a=1; Path=/",
      "b=2; Expires=Thu, 01 Jan 2026 00:00:00 GMT",
      "a=1; Path=/",
    ]);
    assertEquals(named("x-latin"), ["caf\xe9"]);
    assertEquals(named("x-empty"), [""]);
    assertEquals(named("date"), ["Thu, 01 Jan 2026 00:00:00 GMT"]);
    assertEquals(named("server"), ["theirs"]);
    assertEquals(named("www-authenticate"), ["Basic"]);
    assertEquals([named("connection"), named("x-hop")], [["x-hop"], ["1"]]);
    assert(headers.every(([name]) => name === name.toLowerCase()));
  });

  for (const status of [204, 304]) {
    test(`a ${status} has no body, whatever its fields say.`, async () => {
      await using connected = await connect(answering(
        `HTTP/1.1 ${status} None\r\nETag: "x"\r\n${
          status === 304 ? "Content-Length: 1234\r\n" : ""
        }\r\n`,
      ));
      const first = await answerOf(connected);
      assertEquals([first.status, first.body.length, first.bytes], [status, 0, 0]);
      assertEquals(new Headers(first.headers).get("etag"), '"x"');
      assertEquals((await answerOf(connected)).status, status);
      assertEquals(connected.raw.connections.length, 1);
    });
  }

  test("the answer to a HEAD keeps its length and has no body.", async () => {
    await using connected = await connect(answering(
      "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nContent-Type: text/plain\r\n\r\n",
    ));
    const { headers, body } = await answerOf(connected, "HEAD");
    assertEquals([new Headers(headers).get("content-length"), body.length], ["1234", 0]);
    await answerOf(connected, "HEAD");
    assertEquals(connected.raw.connections.length, 1);
  });

  for (const interim of ["100 Continue", "102 Processing", "103 Early Hints"]) {
    test(`an interim ${interim} is not taken for the answer.`, async () => {
      await using connected = await connect(
        answering(`HTTP/1.1 ${interim}\r\nLink: </x>\r\n\r\n${OK}`),
      );
      const answer = await answerOf(connected);
      assertEquals([answer.status, text(answer.body)], [200, "ok"]);
      assertEquals(new Headers(answer.headers).has("link"), false);
    });
  }
}

function bodyTests({ test, connect }: Suite): void {
  const framings: readonly (readonly [name: string, answer: string])[] = [
    ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
    [
      "chunks",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
    ],
    [
      "chunks and trailers",
      "HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
    ],
    ["the end of the connection", "HTTP/1.1 200 OK\r\n\r\nhello"],
    ["the end of the connection (HTTP/1.0)", "HTTP/1.0 200 OK\r\n\r\nhello"],
  ];
  for (const [name, answer] of framings) {
    test(`a body that ends by ${name} comes back whole.`, async () => {
      await using connected = await connect(async (socket) => {
        await socket.readRequest();
        await socket.send(answer);
        if (name.startsWith("the end")) await socket.close();
        else await socket.untilClosed(5000);
      });
      const { body, bytes } = await answerOf(connected);
      assertEquals([text(body), bytes], ["hello", 5]);
    });
  }

  for (const coding of ["gzip", "br", "deflate", "zstd", "x-own"]) {
    test(`a body in the coding ${coding} comes back as its own bytes.`, async () => {
      const packed = new Uint8Array(gzipSync("hello ".repeat(100)));
      const head = new TextEncoder().encode(
        `HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: ${packed.length}\r\n\r\n`,
      );
      await using connected = await connect(answering(Uint8Array.of(...head, ...packed)));
      const { headers, body } = await answerOf(connected);
      assertEquals(body, packed);
      const fields = new Headers(headers);
      assertEquals(fields.get("content-encoding"), coding);
      assertEquals(fields.get("content-length"), String(packed.length));
    });
  }

  test("a piece of an answer comes back before the next one is sent.", async () => {
    const next = Promise.withResolvers<void>();
    await using connected = await connect(async (socket) => {
      await socket.readRequest();
      await socket.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
      await socket.send("data: 1\n\n");
      await next.promise;
      await socket.send("data: 2\n\n");
      await socket.close();
    });
    const { request, ends } = asking();
    const answer = await connected.upstream.send(request);
    assert(answer.ok);
    const reader = readerOf(answer.value);
    assertEquals(text((await reader.read()).value ?? new Uint8Array()), "data: 1\n\n");
    assertEquals(ends, []);
    next.resolve();
    assertEquals(text((await reader.read()).value ?? new Uint8Array()), "data: 2\n\n");
    assertEquals((await reader.read()).done, true);
    assertEquals(ends, [{ bytes: 18 }]);
  });

  test("the head of an answer comes back before its body is there.", async () => {
    const next = Promise.withResolvers<void>();
    await using connected = await connect(async (socket) => {
      await socket.readRequest();
      await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
      await next.promise;
      await socket.send("ok");
    });
    const answer = await connected.upstream.send(asking().request);
    assert(answer.ok);
    next.resolve();
    assertEquals(await new Response(answer.value.body).text(), "ok");
  });

  test("an answer is read no faster than it is taken.", async () => {
    let sent = 0;
    const piece = "x".repeat(256 * 1024);
    await using connected = await connect(async (socket) => {
      await socket.readRequest();
      await socket.send("HTTP/1.1 200 OK\r\n\r\n");
      while (!socket.ended) {
        await socket.send(piece);
        sent += piece.length;
        await pause(0); // the end of the connection has to be noticed
      }
    });
    const answer = await connected.upstream.send(asking().request);
    assert(answer.ok);
    await pause(300);
    assert(sent < 32 * 1024 * 1024, `${sent} bytes were sent`);
    await readerOf(answer.value).cancel();
  });
}
