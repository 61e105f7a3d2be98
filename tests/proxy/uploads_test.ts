/** Requests on their way through the whole proxy: piece by piece, at the upstream's pace, or not at all. */
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { hang } from "../support/upstream.ts";
import { OK, type Test } from "./exchange.ts";
import { headOf, TRANSPORTS } from "./harness.ts";
import { eventually, pause } from "../support/waiting.ts";
import { type Connect, connecting, taken } from "./through.ts";

for (const transport of TRANSPORTS) {
  const test: Test = (sentence, action) => Deno.test(`Over ${transport.name}: ${sentence}`, action);
  const connect = connecting(transport);
  uploadTests(test, connect);
}

function uploadTests(test: Test, connect: Connect): void {
  for (const framing of ["Content-Length: 6", "Transfer-Encoding: chunked"]) {
    test(`a piece of an upload (${framing}) arrives before the next is sent.`, async () => {
      const arrived = Promise.withResolvers<void>();
      await using through = await connect(async (socket) => {
        await socket.readUntil("one");
        arrived.resolve();
        await socket.readUntil("two");
        await socket.send(OK);
      });
      const chunked = framing.startsWith("T");
      const piece = (text: string) => chunked ? `3\r\n${text}\r\n` : text;
      await through.client.send(through.guarded.head("POST /", [framing]) + piece("one"));
      await arrived.promise;
      await through.client.send(piece("two") + (chunked ? "0\r\n\r\n" : ""));
      assertEquals((await through.client.readResponse()).body, "ok");
    });
  }

  test("a response and its request can be on the way at the same time.", async () => {
    await using through = await connect(async (socket) => {
      await socket.readUntil("one");
      await socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nONE\r\n");
      await socket.readUntil("two");
      await socket.send("3\r\nTWO\r\n0\r\n\r\n");
    });
    const { client, guarded } = through;
    await client.send(guarded.head("POST /", ["Transfer-Encoding: chunked"]) + "3\r\none\r\n");
    await client.readUntil("ONE");
    await client.send("3\r\ntwo\r\n0\r\n\r\n");
    await client.readUntil("TWO");
    await client.readUntil("0\r\n\r\n");
  });

  test("an upstream that refuses an upload early is heard.", async () => {
    await using through = await connect(async (socket) => {
      await socket.readUntil("one");
      await socket.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
    });
    await through.client.send(through.guarded.head("POST /", ["Content-Length: 1000"]) + "one");
    const { status, body } = await through.client.readResponse();
    assertEquals([status, body], [413, "big"]);
  });

  test("an upstream that refuses a long upload early is heard, and the client is not kept waiting.", async () => {
    await using through = await connect(async (socket) => {
      await socket.readUntil("xxx");
      await socket.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
    });
    const { client, guarded } = through;
    const size = 8 * 1024 * 1024;
    const piece = "x".repeat(256 * 1024);
    await client.send(guarded.head("POST /", [`Content-Length: ${size}`]));
    const responding = client.readResponse();
    let sent = 0;
    while (sent < size && !client.ended && await taken(client, piece, 300)) {
      sent += piece.length;
      await pause(0); // the end of the connection has to be noticed
    }
    const { status, body } = await responding;
    assertEquals([status, body], [413, "big"]);
    assert(sent === size || client.ended, `stuck after ${sent} bytes`);
  });

  test("a client that breaks its chunks does not finish the upstream's request.", async () => {
    await using through = await connect(async (socket) => {
      await socket.readUntil("one");
      await hang(socket);
    });
    const { client, guarded } = through;
    await client.send(guarded.head("POST /", ["Transfer-Encoding: chunked"]) + "3\r\none\r\n");
    await eventually("the request", () => through.sent().includes("one"));
    await client.send("not a chunk\r\n");
    await through.left();
    assertExcludes(through.sent(), "\r\n0\r\n");
    await client.untilClosed();
    const { reason } = await guarded.record();
    assert(reason === "broken_body" || reason === "client_gone", reason);
  });

  for (const framing of ["Content-Length: 67108864", "Transfer-Encoding: chunked"]) {
    test(`an upload without a token (${framing}) is refused at once and not drained.`, async () => {
      await using through = await connect(hang);
      const { client } = through;
      const size = 64 * 1024 * 1024;
      const piece = "x".repeat(256 * 1024);
      const chunk = framing.startsWith("T") ? `40000\r\n${piece}\r\n` : piece;
      await client.send(headOf("POST /", ["Host: client.test", framing]));
      const head = client.readUntil("\r\n\r\n");
      let sent = 0;
      while (sent < size && !client.ended) {
        await taken(client, chunk, 1000);
        sent += piece.length;
        await pause(0); // the end of the connection has to be noticed
        if (sent === piece.length) assertIncludes(await head, "HTTP/1.1 401 ");
        if (sent === piece.length) void client.untilClosed();
      }
      assert(client.ended, "the connection was not closed");
      assert(sent < size / 2, `${sent} bytes were taken`);
      assertIncludes(client.all(), '"error":"missing_token"');
      assertEquals(through.sent(), "");
    });
  }

  test("a small body without a token does not cost the end of the response.", async () => {
    await using through = await connect(hang);
    const { client } = through;
    await client.send(headOf("POST /", ["Host: client.test", "Content-Length: 65536"]));
    await client.send("x".repeat(65536));
    const response = await client.readResponse();
    assertEquals([response.status, response.complete, response.header("connection")], [
      401,
      true,
      "close",
    ]);
    assert(await client.untilClosed());
    assertEquals(client.error, undefined);
  });

  test("a client that waits for 100 Continue without a token gets its 401.", async () => {
    await using through = await connect(hang);
    const { client } = through;
    const fields = ["Host: client.test", "Content-Length: 1000000", "Expect: 100-continue"];
    await client.send(headOf("POST /", fields));
    assert(await client.untilClosed(2000));
    // The server sends the interim response by itself, before anybody is asked.
    const response = client.all().replace("HTTP/1.1 100 Continue\r\n\r\n", "");
    assertEquals(response.split("HTTP/1.1 ").length, 2);
    assertIncludes(response, "HTTP/1.1 401 ");
    assertEquals(through.sent(), "");
  });

  test("an upload that the upstream does not read stops the client.", async () => {
    const over = Promise.withResolvers<void>();
    await using through = await connect(() => over.promise);
    const { client, guarded } = through;
    const size = 256 * 1024 * 1024;
    await client.send(guarded.head("POST /", [`Content-Length: ${size}`]));
    const piece = "x".repeat(256 * 1024);
    let sent = 0;
    let stopped = false;
    while (sent < size && !stopped) {
      stopped = !await taken(client, piece, 150);
      if (!stopped) sent += piece.length;
    }
    over.resolve();
    assert(stopped && sent < 48 * 1024 * 1024, `${sent} bytes were taken`);
  });

  test("a client that waits for 100 Continue with a token may send its body.", async () => {
    await using through = await connect(async (socket) => {
      await socket.readUntil("body");
      await socket.send(OK);
    });
    const { client, guarded } = through;
    await client.send(guarded.head("POST /", ["Content-Length: 4", "Expect: 100-continue"]));
    assertIncludes(await client.readUntil("\r\n\r\n"), "HTTP/1.1 100 ");
    await client.send("body");
    assertEquals((await client.readResponse()).body, "ok");
    assert(!/^expect:/im.test(through.sent()));
  });
}
