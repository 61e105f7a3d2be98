/** How long a transport waits for the head of a response, and how often it uses a connection. */
import { UPSTREAM_SWEEP_MS } from "../../src/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { hang } from "../support/upstream.ts";
import { eventually } from "../support/waiting.ts";
import {
  asking,
  type Connected,
  fed,
  left,
  LIMIT_MS,
  OK,
  type Suite,
} from "./upstream_suite_support.ts";

/** Time for the head of a response in these tests; well below that of a whole request. */
const HEAD_MS = 1000;

/** A sweep notices that the request has been sent, another one that time is up. */
const NOTICED_MS = 2 * UPSTREAM_SWEEP_MS;

/** Registers these tests. */
export function waitTests({ test, connect }: Suite): void {
  test("an upstream that sends no head in time is given up and left.", async () => {
    await using connected = await connect(async (socket) => {
      await socket.readRequest();
      await hang(socket);
    }, { headTimeoutMs: HEAD_MS });
    const { clock } = connected;
    const sending = outcome(connected);
    await eventually("the request", () => sent(connected).endsWith("\r\n\r\n"));
    await clock.advance(HEAD_MS - 1);
    assertEquals(connected.raw.connections[0]?.ended, false);
    await clock.advance(NOTICED_MS + 1);
    assertEquals(await sending, "upstream_timeout");
    await left(connected);
    assertEquals(clock.pending, 0);
  });

  test("interim responses do not end the wait for the head, nor begin it anew.", async () => {
    await using connected = await connect(async (socket) => {
      await socket.readRequest();
      await socket.send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
      await hang(socket);
    }, { headTimeoutMs: HEAD_MS });
    const sending = outcome(connected);
    await eventually("the request", () => sent(connected).endsWith("\r\n\r\n"));
    await connected.clock.advance(HEAD_MS + NOTICED_MS);
    assertEquals(await sending, "upstream_timeout");
  });

  for (const length of [undefined, 8]) {
    const framing = length === undefined ? "in chunks" : "with a length";
    test(`an upload ${framing} takes its time, and the wait begins behind its last byte.`, async () => {
      await using connected = await connect(async (socket) => {
        await socket.readRequest();
        await hang(socket);
      }, { headTimeoutMs: HEAD_MS });
      const { clock } = connected;
      const upload = fed();
      const sending = outcome(connected, {
        method: "POST",
        body: upload.body,
        headers: [
          ["host", "client.test"],
          ...(length === undefined ? [] : [["content-length", String(length)] as [string, string]]),
        ],
      });
      upload.feed("half");
      await eventually("half of it", () => sent(connected).includes("half"));
      await clock.advance(3 * HEAD_MS);
      upload.feed("rest");
      upload.end();
      await eventually("all of it", () => /rest(\r\n0\r\n\r\n)?$/.test(sent(connected)));
      await clock.advance(HEAD_MS - 1);
      assertEquals(connected.raw.connections[0]?.ended, false);
      await clock.advance(NOTICED_MS + 1);
      assertEquals(await sending, "upstream_timeout");
      await left(connected);
      assertEquals(clock.pending, 0);
    });
  }

  test("a response whose head came in time has the total time for its body.", async () => {
    const go = Promise.withResolvers<void>();
    await using connected = await connect(async (socket) => {
      await socket.readRequest();
      await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
      await go.promise;
      await socket.send("lf");
      await hang(socket);
    }, { headTimeoutMs: HEAD_MS });
    const { upstream, clock } = connected;
    const response = await upstream.send(asking().request);
    assert(response.ok);
    await clock.advance(LIMIT_MS - 1);
    go.resolve();
    assertEquals(await new Response(response.value.body).text(), "half");
    assertEquals(clock.pending, 0);
  });

  for (const reuse of [true, false]) {
    test(`with reuse=${reuse} ${reuse ? "one connection carries" : "no connection carries"} two requests.`, async () => {
      await using connected = await connect(async (socket) => {
        while (await socket.waitFor((unread) => unread !== "")) {
          await socket.readRequest();
          await socket.send(OK);
        }
      }, { reuse });
      assertEquals([await outcome(connected), await outcome(connected)], [200, 200]);
      assertEquals(connected.raw.connections.length, reuse ? 1 : 2);
      if (reuse) connected.upstream.close();
      await left(connected);
    });
  }
}

/** The status, or the reason why there is none. */
async function outcome(
  { upstream }: Connected,
  overrides: Parameters<typeof asking>[0] = {},
): Promise<number | string> {
  const response = await upstream.send(asking(overrides).request);
  if (!response.ok) return response.failure.reason;
  await new Response(response.value.body).bytes();
  return response.value.status;
}

function sent({ raw }: Connected): string {
  return raw.connections[0]?.all() ?? "";
}
