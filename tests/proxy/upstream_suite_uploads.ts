/** Bodies that go upstream. */
import { assert, assertEquals, assertExcludes } from "../support/assert.ts";
import { answering } from "../support/upstream.ts";
import { pause } from "./support.ts";
import {
  asking,
  deliver,
  ended,
  fed,
  left,
  OK,
  pieces,
  type Suite,
} from "./upstream_suite_support.ts";

/** Registers the tests of bodies that go upstream. */
export function uploadTests({ test, connect, keepsContentLength }: Suite): void {
  for (const method of ["GET", "POST", "PUT", "DELETE", "PROPFIND"]) {
    test(`a ${method} without a body goes out without one.`, async () => {
      await using connected = await connect(answering(OK));
      const sent = await deliver(connected, { method });
      assertEquals(sent.rawBody, "");
      assertEquals(sent.header("transfer-encoding"), undefined);
      assert([undefined, "0"].includes(sent.header("content-length")));
    });
  }

  for (const method of ["POST", "DELETE", "PROPFIND"]) {
    test(`the body of a ${method} goes out whole, with one framing.`, async () => {
      await using connected = await connect(answering(OK));
      const body = pieces("one", "", "two", "", "", "three");
      const sent = await deliver(connected, { method, body });
      assertEquals([sent.body, sent.complete], ["onetwothree", true]);
      assertEquals(sent.header("transfer-encoding"), "chunked");
      assertEquals(sent.header("content-length"), undefined);
    });
  }

  test("the body of an upload of known length goes out whole, with one framing.", async () => {
    await using connected = await connect(answering(OK));
    const sent = await deliver(connected, {
      method: "POST",
      headers: [["host", "h"], ["content-length", "11"]],
      body: pieces("one", "", "two", "three"),
    });
    assertEquals([sent.body, sent.complete], ["onetwothree", true]);
    assertEquals(sent.header("content-length"), keepsContentLength ? "11" : undefined);
    assertEquals(sent.header("transfer-encoding"), keepsContentLength ? undefined : "chunked");
  });

  test("a body of all bytes arrives as it was sent.", async () => {
    await using connected = await connect(answering(OK));
    const bytes = Uint8Array.from({ length: 1024 }, (_, i) => i);
    const body = ReadableStream.from([bytes.subarray(0, 300), bytes.subarray(300)]);
    const sent = await deliver(connected, { method: "POST", body });
    assertEquals(Uint8Array.from(sent.body, (c) => c.charCodeAt(0)), bytes);
  });

  test("a piece of an upload arrives before the next one is there.", async () => {
    await using connected = await connect(async (socket) => {
      await socket.readUntil("one");
      arrived.resolve();
      await socket.readUntil("two");
      await socket.send(OK);
    });
    const arrived = Promise.withResolvers<void>();
    const { body, feed, end } = fed();
    const { request, ends } = asking({ method: "POST", body });
    const sending = connected.upstream.send(request);
    feed("one");
    await arrived.promise;
    feed("two");
    end();
    const answer = await sending;
    assert(answer.ok);
    assertEquals(await new Response(answer.value.body).text(), "ok");
    assertEquals(ended(answer.value, ends), [{ bytes: 2 }]);
  });

  test("an upload is read no faster than the upstream takes it.", async () => {
    let taken = 0;
    const piece = new Uint8Array(64 * 1024);
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        taken += piece.length;
        controller.enqueue(piece);
      },
    }, { highWaterMark: 0 });
    // Nothing reads this connection.
    await using silent = await connect(async (socket) => {
      await pause(400);
      await socket.reset();
    });
    const { request } = asking({ method: "POST", body });
    const answer = await silent.upstream.send(request);
    assertEquals(answer.ok, false);
    assert(taken > 0 && taken < 32 * 1024 * 1024, `${taken} bytes were taken`);
  });

  test("an answer that comes before the upload is over is handed on.", async () => {
    await using connected = await connect(async (socket) => {
      await socket.readUntil("\r\n\r\n");
      await socket.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
    });
    const { body, feed } = fed();
    const { request, ends } = asking({ method: "POST", body });
    feed("one");
    const answer = await connected.upstream.send(request);
    assert(answer.ok);
    assertEquals(answer.value.status, 413);
    assertEquals(await new Response(answer.value.body).text(), "big");
    assertEquals(ended(answer.value, ends), [{ bytes: 3 }]);
  });

  test("an upload that breaks off does not reach the upstream as a whole one.", async () => {
    await using connected = await connect(async (socket) => {
      await socket.readUntil("one");
      arrived.resolve();
      await socket.untilClosed();
    });
    const arrived = Promise.withResolvers<void>();
    const { body, feed, breakOff } = fed();
    const { request } = asking({ method: "POST", body });
    const sending = connected.upstream.send(request);
    feed("one");
    await arrived.promise;
    breakOff();
    const answer = await sending;
    assertEquals(answer.ok ? "sent" : answer.failure.reason, "broken_body");
    await left(connected);
    assertExcludes(connected.raw.connections[0]?.all() ?? "", "\r\n0\r\n\r\n");
    assertEquals(connected.clock.pending, 0);
  });

  test("a request that may have been acted upon is not sent twice.", async () => {
    await using connected = await connect(async (socket, index) => {
      if (index === 0) {
        await socket.readRequest();
        await socket.send(OK);
      }
      await socket.readRequest();
      // And no answer: the connection ends.
    });
    await deliver(connected, {});
    const { request } = asking({ method: "POST", body: pieces("pay") });
    const answer = await connected.upstream.send(request);
    assertEquals(answer.ok ? "sent" : answer.failure.reason, "upstream_broken");
    const posts = connected.raw.connections.filter((one) => one.all().includes("POST"));
    assertEquals(posts.length, 1);
  });
}
