/** A client with a token that asks for WebSockets: it gets no more connections than any other request. */
import { protect, type Protected, TRANSPORTS } from "../proxy/harness.ts";
import { accept, clientHandshake, closing, masked } from "../proxy/websocket/support.ts";
import { startService } from "../e2e/harness.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { openRaw, type RawSocket } from "../support/raw.ts";
import { type ConnectionScript, rawUpstream } from "../support/upstream.ts";
import { eventually, pause } from "../support/waiting.ts";

const CLOSE = 0x88;

/** Connections that a worker may have, and requests that may wait for one: four times as many. */
const MOST = 3;
const WAITING = 4 * MOST;

/** Settings of these tests. */
const LIMIT = { UPSTREAM_MAX_CONNECTIONS: String(MOST) };

/** Time in which a connection too many would have been opened, in milliseconds. */
const LONG_ENOUGH_MS = 150;

/** Opens a WebSocket, which ends at the first frame, and responds to everything else at once. */
const opening: ConnectionScript = async (socket) => {
  while (await socket.waitFor((unread) => unread.includes("\r\n\r\n"), 10_000)) {
    if (socket.unread().includes("upgrade: websocket")) {
      await accept(socket);
      return void await socket.waitFor((unread) => unread !== "", 10_000);
    }
    await socket.readRequest();
    await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain");
  }
};

/** Clients that have sent their handshakes, each on a connection of its own. */
async function clients(port: number, token: string, count: number): Promise<RawSocket[]> {
  return await Promise.all(Array.from({ length: count }, async () => {
    const socket = await openRaw(port);
    await socket.send(clientHandshake([`Authorization: Bearer ${token}`]));
    return socket;
  }));
}

/** The statuses that have come so far, the lowest first. */
async function statuses(sockets: readonly RawSocket[]): Promise<number[]> {
  await Promise.all(
    sockets.map((socket) => socket.waitFor((unread) => unread !== "", LONG_ENOUGH_MS)),
  );
  return sockets.map((socket) => Number(/^HTTP\/1.1 (\d+)/.exec(socket.all())?.[1] ?? 0)).sort((
    a,
    b,
  ) => a - b);
}

const times = (count: number, status: number) => Array.from({ length: count }, () => status);

async function closeAll(sockets: readonly RawSocket[]): Promise<void> {
  await Promise.all(sockets.map((socket) => socket.close()));
}

/** A plain request's status and body. */
async function plain(guarded: Protected): Promise<string> {
  const { status, body } = await guarded.ask("GET /");
  return `${status} ${body}`;
}

for (const transport of TRANSPORTS) {
  Deno.test(`over ${transport.name}: WebSockets take no more connections than UPSTREAM_MAX_CONNECTIONS, some wait, the rest get 503`, async () => {
    await using upstream = await rawUpstream(opening);
    await using guarded = await protect(upstream.url, transport, { settings: LIMIT });
    const sockets = await clients(guarded.port, guarded.token, MOST + WAITING + 2);
    await pause(LONG_ENOUGH_MS);
    assertEquals(upstream.connections.length, MOST);
    assertEquals(await statuses(sockets), [
      ...times(WAITING, 0),
      ...times(MOST, 101),
      ...times(2, 503),
    ]);
    assertEquals((await guarded.record()).reason, "upstream_busy");

    // One ends: exactly one of those that wait gets its place.
    const open = sockets.find((socket) => socket.all().startsWith("HTTP/1.1 101"));
    await open?.send(masked(CLOSE, closing(1000)));
    await eventually("the next one", () => upstream.connections.length === MOST + 1);
    await pause(LONG_ENOUGH_MS);
    assertEquals(upstream.connections.length, MOST + 1);
    await closeAll(sockets);
  });

  Deno.test(`over ${transport.name}: handshakes that get 200 open no more connections than UPSTREAM_MAX_CONNECTIONS`, async () => {
    let open = 0;
    let most = 0;
    await using upstream = await rawUpstream(async (socket) => {
      most = Math.max(most, ++open);
      while (await socket.waitFor((unread) => unread.includes("\r\n\r\n"), 10_000)) {
        await socket.readRequest();
        await pause(20);
        await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      }
      open--;
    });
    await using guarded = await protect(upstream.url, transport, { settings: LIMIT });
    const sockets = await clients(guarded.port, guarded.token, MOST + WAITING);
    await Promise.all(sockets.map((socket) => socket.readUntil("\r\n\r\nok")));
    assertEquals(await statuses(sockets), times(MOST + WAITING, 200));
    assert(most <= MOST, `${most} connections`);
    await closeAll(sockets);
  });
}

Deno.test("requests and WebSockets wait for the same connections, first come, first served", async () => {
  await using upstream = await rawUpstream(opening);
  await using guarded = await protect(upstream.url, { settings: {} }, { settings: LIMIT });
  assertEquals(await plain(guarded), "200 plain");
  const sockets = await clients(guarded.port, guarded.token, MOST);
  assertEquals(await statuses(sockets), times(MOST, 101));
  let done = false;
  const waiting = plain(guarded).finally(() => done = true);
  await pause(LONG_ENOUGH_MS);
  assertEquals([done, upstream.connections.length], [false, MOST]);
  await sockets[0]?.close();
  assertEquals(await waiting, "200 plain");
  assertEquals(upstream.connections.length, MOST + 1);
  await closeAll(sockets);
});

Deno.test("WebSockets of before a reload keep their places", async () => {
  await using upstream = await rawUpstream(opening);
  await using service = await startService({
    settings: { ...LIMIT, NUM_WORKERS: "1", UPSTREAM_URL: upstream.url },
  });
  const port = Number(new URL(service.url()).port);
  const token = await service.token();
  const before = await clients(port, token, MOST);
  assertEquals(await statuses(before), times(MOST, 101));
  for (let reload = 1; reload <= 2; reload++) {
    service.process.signal("SIGHUP");
    await eventually(
      "the reload",
      () => service.log().filter(({ msg }) => msg === "configuration reloaded").length === reload,
    );
  }
  const after = await clients(port, token, 2);
  assertEquals(await statuses(after), [0, 0]);
  await eventually(
    "the gauge",
    async () => await service.metric("ooproxy_upstream_connections") === MOST,
  );
  assertEquals(upstream.connections.length, MOST);
  await before[0]?.close();
  await eventually("the next one", () => upstream.connections.length === MOST + 1);
  await pause(2 * LONG_ENOUGH_MS);
  assertEquals(upstream.connections.length, MOST + 1);
  assertEquals(await statuses(after), [0, 101]);
  await closeAll([...before, ...after]);
});
