/** Responses on their way through the whole proxy: piece by piece, at the client's pace, to the end. */
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { hang } from "../support/upstream.ts";
import type { Test } from "./exchange.ts";
import { TRANSPORTS } from "./harness.ts";
import { eventually, pause } from "../support/waiting.ts";
import { type Connect, connecting } from "./through.ts";

for (const transport of TRANSPORTS) {
  const test: Test = (sentence, action) => Deno.test(`Over ${transport.name}: ${sentence}`, action);
  const connect = connecting(transport);
  downloadTests(test, connect);
  leavingTests(test, connect);
}

function downloadTests(test: Test, connect: Connect): void {
  test("an event arrives at the client before the next one is sent.", async () => {
    let allow = Promise.withResolvers<void>();
    await using through = await connect(async (socket) => {
      await socket.readRequest();
      await socket.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
      for (let i = 1; i <= 3; i++) {
        await allow.promise;
        allow = Promise.withResolvers();
        await socket.send(`data: ${i}\n\n`);
      }
    });
    const { client } = through;
    await client.send(through.guarded.head("GET /events"));
    const head = await client.readUntil("\r\n\r\n");
    assertIncludes(head, "content-type: text/event-stream");
    for (let i = 1; i <= 3; i++) {
      assertExcludes(client.unread(), "data");
      allow.resolve();
      await client.readUntil(`data: ${i}\n\n`);
    }
    await client.readUntil("\r\n0\r\n\r\n");
    assertEquals((await through.guarded.record()).bytes, 27);
  });

  test("the head of a response arrives before its body is there.", async () => {
    const allow = Promise.withResolvers<void>();
    await using through = await connect(async (socket) => {
      await socket.readRequest();
      await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
      await allow.promise;
      await socket.send("ok");
    });
    await through.client.send(through.guarded.head("GET /"));
    await through.client.readUntil("\r\n\r\n");
    assertEquals(through.guarded.proxy.access.length, 0);
    allow.resolve();
    await through.client.readUntil("ok");
  });

  for (
    const [framing, what] of [
      ["Content-Length: 100\r\n\r\nhello", "a body with a length"],
      ["Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "a body of chunks"],
      ["Transfer-Encoding: chunked\r\n\r\n20\r\nhello", "a chunk"],
      ["Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", "chunks gone wrong"],
      ["Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "the last chunk"],
    ] as const
  ) {
    test(`an upstream that dies within ${what} breaks the client's connection.`, async () => {
      await using through = await connect(async (socket) => {
        await socket.readRequest();
        await socket.send(`HTTP/1.1 200 OK\r\n${framing}`);
        await pause(20);
      });
      await through.client.send(through.guarded.head("GET /"));
      assert(await through.client.untilClosed());
      assertIncludes(through.client.all(), "hello");
      assertExcludes(through.client.all(), "\r\n0\r\n");
      assertEquals(through.client.all().split("HTTP/1.1 ").length, 2);
      const { status, reason, bytes } = await through.guarded.record();
      assertEquals([status, reason, bytes], [200, "upstream_broken", 5]);
    });
  }

  for (const framing of ["Content-Length: 100", "X: until the end"]) {
    test(`an upstream that is reset within a body (${framing}) breaks the client's connection.`, async () => {
      const seen = Promise.withResolvers<void>();
      await using through = await connect(async (socket) => {
        await socket.readRequest();
        await socket.send(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\nhello`);
        await seen.promise;
        await socket.reset();
      });
      await through.client.send(through.guarded.head("GET /"));
      await through.client.readUntil("hello");
      seen.resolve();
      assert(await through.client.untilClosed());
      assertExcludes(through.client.all(), "\r\n0\r\n");
      assertEquals((await through.guarded.record()).reason, "upstream_broken");
    });
  }

  test("an upstream that is too slow to respond is a 504.", async () => {
    await using through = await connect(async (socket) => {
      await socket.readRequest();
      await hang(socket);
    }, { UPSTREAM_TIMEOUT_SECS: "1" });
    await through.client.send(through.guarded.head("GET /"));
    const { status, body } = await through.client.readResponse();
    assertEquals(status, 504);
    assertIncludes(body, "gateway_timeout");
    await through.left();
    assertEquals((await through.guarded.record()).reason, "upstream_timeout");
  });

  test("the limit reached within a body breaks the client's connection.", async () => {
    await using through = await connect(async (socket) => {
      await socket.readRequest();
      await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
      await hang(socket);
    }, { UPSTREAM_TIMEOUT_SECS: "1" });
    await through.client.send(through.guarded.head("GET /"));
    await through.client.readUntil("hello");
    assert(await through.client.untilClosed());
    await through.left();
    const { status, reason, bytes } = await through.guarded.record();
    assertEquals([status, reason, bytes], [200, "upstream_timeout", 5]);
  });

  test("a client that reads slowly slows the upstream down.", async () => {
    let sent = 0;
    const piece = "x".repeat(256 * 1024);
    await using through = await connect(async (socket) => {
      await socket.readRequest();
      await socket.send("HTTP/1.1 200 OK\r\n\r\n");
      while (!socket.ended) {
        await socket.send(piece);
        sent += piece.length;
        await pause(0); // the end of the connection has to be noticed
      }
    });
    await through.client.send(through.guarded.head("GET /"));
    await through.client.readUntil("x".repeat(1000));
    await pause(300);
    assert(sent < 48 * 1024 * 1024, `${sent} bytes were sent`);
  });
}

function leavingTests(test: Test, connect: Connect): void {
  for (const way of ["close", "reset"] as const) {
    test(`a client that leaves (${way}) before the response takes the request along.`, async () => {
      await using through = await connect(async (socket) => {
        await socket.readRequest();
        await hang(socket);
      });
      await through.client.send(through.guarded.head("GET /"));
      await eventually("the request", () => through.sent() !== "");
      await through.client[way]();
      await through.left();
      const { status, reason } = await through.guarded.record();
      assertEquals([status, reason], [499, "client_gone"]);
    });

    test(`a client that leaves (${way}) in mid-body takes the request along.`, async () => {
      await using through = await connect(async (socket) => {
        await socket.readRequest();
        await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello");
        await hang(socket);
      });
      await through.client.send(through.guarded.head("GET /"));
      await through.client.readUntil("hello");
      await through.client[way]();
      await through.left();
      const { status, reason, bytes } = await through.guarded.record();
      assertEquals([status, reason, bytes], [200, "client_gone", 5]);
    });

    test(`a client that leaves (${way}) in its upload takes the request along.`, async () => {
      await using through = await connect(async (socket) => {
        await socket.readUntil("one");
        await hang(socket);
      });
      await through.client.send(through.guarded.head("POST /", ["Content-Length: 1000"]) + "one");
      await eventually("the request", () => through.sent().includes("one"));
      await through.client[way]();
      await through.left();
      assertExcludes(through.sent(), "\r\n0\r\n");
      const { reason } = await through.guarded.record();
      assert(reason === "broken_body" || reason === "client_gone", reason);
    });
  }

  test("a client that leaves a stream at rest takes the request along.", async () => {
    await using through = await connect(async (socket) => {
      await socket.readRequest();
      await socket.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
      await hang(socket);
    });
    await through.client.send(through.guarded.head("GET /"));
    await through.client.readUntil("data: 1");
    await pause(50);
    await through.client.close();
    await through.left();
    assertEquals((await through.guarded.record()).reason, "client_gone");
  });
}
