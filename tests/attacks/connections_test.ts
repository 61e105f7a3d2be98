/** Clients without a token that leave connections open: they keep nobody else out, and end with the service. */
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { freePort } from "../support/free_port.ts";
import { openRaw, rawRequest, type RawSocket } from "../support/raw.ts";
import { eventually, pause, type Service, startService } from "../e2e/harness.ts";
import { NEVER_ENDED, openMany, REFUSED_BODIES } from "./support/states.ts";

/** Connections in each state. */
const CONNECTIONS = 20;

/** How long the proxy may keep such a connection, in milliseconds; it needs a twentieth. */
const KEPT_MS = 1500;

/** How long the service may take to end, in milliseconds: a second, and what a busy machine needs. */
const END_MS = 2000;

function portOf(service: Service): number {
  return Number(new URL(service.url()).port);
}

Deno.test("A refused request whose body does not come ends its connection, after the whole refusal.", async (t) => {
  await using service = await startService({ settings: { NUM_WORKERS: "1" } });
  for (const state of REFUSED_BODIES) {
    await t.step(state.name, async () => {
      const sockets = await openMany(portOf(service), state, CONNECTIONS);
      assertEquals(sockets.length, CONNECTIONS);
      const closed = await Promise.all(sockets.map((socket) => socket.untilClosed(KEPT_MS)));
      assertEquals(closed.filter((one) => one).length, CONNECTIONS);
      for (const socket of sockets) {
        const refusal = socket.all().replace("HTTP/1.1 100 Continue\r\n\r\n", "");
        assertIncludes(refusal, "HTTP/1.1 40");
        // Only the line end is missing where the runtime hides the body.
        assert(refusal.endsWith(state.name.startsWith("GET") ? "}" : "}\n"), refusal);
        assertEquals(socket.error, undefined);
        await socket.close();
      }
    });
  }
});

Deno.test("A client that sends its small body gets its whole refusal and keeps its connection.", async () => {
  await using service = await startService({ settings: { NUM_WORKERS: "1" } });
  await using client = await openRaw(portOf(service));
  for (let asked = 0; asked < 5; asked++) {
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    const { status, body, header } = await client.readResponse();
    assertEquals([status, JSON.parse(body).error], [401, "missing_token"]);
    assertEquals(header("connection"), undefined);
  }
  // In two pieces the runtime takes the second one after the refusal is due.
  await using slow = await openRaw(portOf(service));
  await slow.sendInPieces(["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "hello"], 20);
  const { status, body, complete } = await slow.readResponse();
  assertEquals([status, JSON.parse(body).error, complete], [401, "missing_token", true]);
  assert(await slow.untilClosed(KEPT_MS));
});

Deno.test("Clients that leave while their refusal is made up leave nothing behind.", async () => {
  await using service = await startService({ settings: { NUM_WORKERS: "1" } });
  const unknown = `Authorization: Bearer ${await service.token({}, { kid: "unknown" })}`;
  const sends = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n${unknown}\r\n\r\n`;
  const sockets = await openMany(portOf(service), { name: "an unknown key", sends }, CONNECTIONS);
  await Promise.all(sockets.map((socket) => socket.reset()));
  await eventually(
    "no request in flight",
    async () => await service.metric("ooproxy_requests_in_flight") === 0,
  );
  assertEquals((await service.get()).status, 200);
  assertEquals(service.log().filter(({ level }) => level === "error"), []);
});

/** More than every buffer between the proxy and a client that does not read. */
const LARGE = 8 * 1024 * 1024;

/** Longer than a shutdown waits for connections without a request, in milliseconds. */
const LATE_MS = 2000;

Deno.test("A client that is slow to read its response has it whole although SIGTERM came meanwhile.", async () => {
  await using service = await startService({
    settings: { NUM_WORKERS: "1" },
    upstream: () => new Response(new Uint8Array(LARGE)),
  });
  await using client = await openRaw(portOf(service));
  const good = `Authorization: Bearer ${await service.token()}`;
  await client.send(`GET / HTTP/1.1\r\nHost: a\r\n${good}\r\n\r\n`);
  await client.readUntil("\r\n\r\n");
  service.process.signal("SIGTERM");
  await pause(LATE_MS);
  await client.waitFor((unread) => unread.length >= LARGE);
  assertEquals(client.unread().length, LARGE);
  await service.process.ended();
  await service.logged("shutdown complete, every running request finished");
});

for (const workers of ["1", "2"]) {
  Deno.test(`SIGTERM ends the service in time with all such connections open, NUM_WORKERS=${workers}.`, async () => {
    await using service = await startService({ settings: { NUM_WORKERS: workers } });
    const port = portOf(service);
    const states = [...REFUSED_BODIES, ...NEVER_ENDED];
    const sockets = (await Promise.all(states.map((state) => openMany(port, state, 2)))).flat();
    const good = `Authorization: Bearer ${await service.token()}`;
    const head = `GET / HTTP/1.1\r\nHost: a\r\n${good}\r\n\r\n`;
    assertEquals((await rawRequest(port, head, { until: "response" })).status, 200);
    await endInTime(service, sockets);
  });
}

Deno.test("A listener that a reload closed does not keep the service from ending either.", async () => {
  const [first, second] = [freePort(), freePort()];
  const toml = (port: number) => `listen_url = "127.0.0.1:${port}"\n`;
  await using service = await startService({
    settings: { NUM_WORKERS: "1", LISTEN_URL: undefined },
    toml: toml(first),
  });
  const states = [...REFUSED_BODIES, ...NEVER_ENDED];
  const sockets = (await Promise.all(states.map((state) => openMany(first, state, 2)))).flat();
  await Deno.writeTextFile(`${service.dir}/settings.toml`, toml(second));
  service.process.signal("SIGHUP");
  await service.logged("configuration reloaded");
  await eventually("the old port's end", async () => {
    const socket = await openRaw(first).catch(() => undefined);
    await socket?.close();
    return socket === undefined;
  });
  await endInTime(service, sockets);
});

/** Ends a service, and closes what its clients kept open. */
async function endInTime(service: Service, sockets: readonly RawSocket[]): Promise<void> {
  const began = performance.now();
  service.process.signal("SIGTERM");
  await service.process.ended();
  const tookMs = performance.now() - began;
  await Promise.all(sockets.map((socket) => socket.close()));
  await service.logged("shutdown complete, every running request finished");
  assert(tookMs < END_MS, `${tookMs} ms`);
}
