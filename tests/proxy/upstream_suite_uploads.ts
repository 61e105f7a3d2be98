/** Bodies that go upstream. */
import { assertEquals, assertExcludes } from "../support/assert.ts";
import { responding } from "../support/upstream.ts";
import { asking, deliver, fed, left, OK, pieces, type Suite } from "./upstream_suite_support.ts";

/** Registers the tests of bodies that go upstream. */
export function uploadTests({ test, connect }: Suite): void {
  test("a body of all bytes arrives as it was sent.", async () => {
    await using connected = await connect(responding(OK));
    const bytes = Uint8Array.from({ length: 1024 }, (_, i) => i);
    const body = ReadableStream.from([
      bytes.subarray(0, 300),
      new Uint8Array(), // of no length: not the end
      bytes.subarray(300),
    ]);
    const sent = await deliver(connected, { method: "POST", body });
    assertEquals(Uint8Array.from(sent.body, (c) => c.charCodeAt(0)), bytes);
  });

  test("an upload that is aborted does not reach the upstream as a whole one.", async () => {
    await using connected = await connect(async (socket) => {
      await socket.readUntil("one");
      arrived.resolve();
      await socket.untilClosed();
    });
    const arrived = Promise.withResolvers<void>();
    const { body, feed, abort } = fed();
    const { request } = asking({ method: "POST", body });
    const sending = connected.upstream.send(request);
    feed("one");
    await arrived.promise;
    abort();
    const response = await sending;
    assertEquals(response.ok ? "sent" : response.failure.reason, "broken_body");
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
      // And no response: the connection ends.
    });
    await deliver(connected, {});
    const { request } = asking({ method: "POST", body: pieces("pay") });
    const response = await connected.upstream.send(request);
    assertEquals(response.ok ? "sent" : response.failure.reason, "upstream_broken");
    const posts = connected.raw.connections.filter((one) => one.all().includes("POST"));
    assertEquals(posts.length, 1);
  });
}
