/** Requests for another protocol: what of the connection is left to the caller, and what becomes of it. */
import { UPSTREAM_SWEEP_MS } from "../../../src/limits.ts";
import type { Wire } from "../../../src/proxy/dial.ts";
import type { UpstreamRequest } from "../../../src/proxy/upstream.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { FakeClock } from "../../support/clock.ts";
import { asking, readerOf } from "../upstream_suite_support.ts";
import { hang } from "../../support/upstream.ts";
import {
  connectHttp1,
  latin1,
  LIMITS,
  noConnections,
  outcome,
  pooled,
  ScriptedWire,
} from "./support.ts";

const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";

/** A request over this connection, and everything that is to be seen of it. */
function upgrade(wire: Wire, overrides: Partial<UpstreamRequest> = {}) {
  const clock = new FakeClock();
  const asked = asking({ upgrade: true, ...overrides });
  const connections = noConnections();
  const upstream = pooled(() => wire, { connections, watchClientAfterMs: 100 }, clock);
  return { ...asked, clock, upstream, connections, sending: upstream.send(asked.request) };
}

/** A connection whose upstream says this once it is written to, and then nothing more. */
function saying(...pieces: readonly string[]): ScriptedWire {
  return new ScriptedWire(pieces.map(latin1), { silent: true });
}

/** The reason why a request over this connection failed. The connection is closed then. */
async function reason(wire: ScriptedWire, overrides: Partial<UpstreamRequest> = {}) {
  const { sending, clock, ends, connections } = upgrade(wire, overrides);
  const response = await sending;
  assert(!response.ok && wire.closed);
  assertEquals([clock.pending, ends, connections], [0, [], noConnections()]);
  return response.failure.reason;
}

for (const interim of ["", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"]) {
  Deno.test(`After ${interim === "" ? "" : "interim responses and "}a 101 the connection is the caller's, with what came behind it.`, async () => {
    const text = `${interim}${SWITCH}behind`;
    for (let at = 1; at <= text.length; at++) {
      const wire = saying(text.slice(0, at), text.slice(at));
      const { sending, clock, ends, connections } = upgrade(wire);
      const response = await sending;
      assert(response.ok && response.value.upgraded !== undefined);
      const { status, headers, body, upgraded } = response.value;
      assertEquals([status, body, [...headers]], [
        101,
        null,
        [["upgrade", "x"], ["connection", "upgrade"]],
      ]);
      let behind = new TextDecoder().decode(upgraded.rest);
      if (behind !== "behind") {
        const room = new Uint8Array(100);
        const count = await upgraded.wire.read(room);
        behind += new TextDecoder().decode(room.subarray(0, count ?? 0));
      }
      assertEquals([behind, wire.closed], ["behind", false], `cut at ${at}`);
      assertEquals([clock.pending, ends], [0, []]);
      assertEquals(connections, { open: 1, opening: 0 });
      upgraded.wire.close();
      assertEquals([wire.closed, connections], [true, noConnections()]);
    }
  });
}

Deno.test("A 101 is of no use before the request has been written.", async () => {
  const wire = saying(SWITCH);
  wire.write = (from) => {
    void ScriptedWire.prototype.write.call(wire, from);
    return new Promise(() => {});
  };
  assertEquals(await reason(wire), "upstream_broken");
});

Deno.test("A 101 to a request that does not ask for it is broken.", async () => {
  assertEquals(await reason(saying(SWITCH), { upgrade: false }), "upstream_broken");
});

const BROKEN: readonly (readonly [name: string, said: string])[] = [
  ["with interim responses without end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(17) + SWITCH],
  ["with a head that is too long", `HTTP/1.1 101 S\r\nA: ${"x".repeat(70_000)}\r\n\r\n`],
  ["with a bare LF", SWITCH.replace("\r\n", "\n")],
  ["in another protocol", "SSH-2.0-x\r\n\r\n"],
];
for (const [name, said] of BROKEN) {
  Deno.test(`A response ${name} is broken.`, async () => {
    assertEquals(await reason(saying(said)), "upstream_broken");
  });
}

Deno.test("An upstream that closes instead of responding is broken, and not asked again.", async () => {
  assertEquals(await reason(new ScriptedWire([])), "upstream_broken");
});

Deno.test("A field that cannot be sent is refused, and its connection kept.", async () => {
  const wire = saying();
  const { sending, upstream } = upgrade(wire, { headers: [["a", "1\r\nb: 2"]] });
  const response = await sending;
  assertEquals(response.ok ? "sent" : response.failure.reason, "bad_target");
  assertEquals([wire.written, upstream.stats()], [0, { open: 1, idle: 1 }]);
  upstream.close();
});

Deno.test("A response has to begin within the time of the handshake.", async () => {
  const wire = saying();
  const { sending, clock } = upgrade(wire);
  await clock.advance(0);
  await clock.advance(LIMITS.handshakeTimeoutMs);
  assert(!wire.closed);
  await clock.advance(UPSTREAM_SWEEP_MS);
  const response = await sending;
  assert(!response.ok && wire.closed);
  assertEquals([response.failure.reason, clock.pending], ["upstream_timeout", 0]);
});

for (const early of [true, false]) {
  Deno.test(`A client that leaves ${early ? "before" : "after"} the request is sent ends it.`, async () => {
    const wire = saying();
    const client = new AbortController();
    if (early) client.abort();
    const { sending, clock } = upgrade(wire, { signal: client.signal });
    await clock.advance(1);
    client.abort();
    const response = await sending;
    assert(!response.ok);
    assertEquals([response.failure.reason, clock.pending], ["client_gone", 0]);
    // One that left before takes no connection.
    assertEquals([wire.written > 0, wire.closed], [!early, !early]);
  });
}

const HEAD = "HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\n";

Deno.test("Any other response is an ordinary one, and its connection used again.", async () => {
  await using connected = await connectHttp1(async (socket) => {
    await socket.readRequest();
    await socket.send(`${HEAD}not`);
    await socket.send(" today");
    await socket.readRequest();
    await socket.send(SWITCH);
    await hang(socket);
  });
  const { upstream, raw, clock } = connected;
  assertEquals(await outcome(upstream, { upgrade: true }), "403 not today");
  assertEquals([upstream.stats(), clock.pending], [{ open: 1, idle: 1 }, 0]);
  const again = await upstream.send(asking({ upgrade: true }).request);
  assert(again.ok && again.value.upgraded !== undefined);
  assertEquals([upstream.stats(), raw.connections.length], [{ open: 1, idle: 0 }, 1]);
  again.value.upgraded.wire.close();
  assertEquals(upstream.stats(), { open: 0, idle: 0 });
});

Deno.test("A response that has come whole is over at once.", async () => {
  const wire = saying(`${HEAD}not today`);
  const { sending, upstream, clock, ends } = upgrade(wire);
  const response = await sending;
  assert(response.ok && response.value.body instanceof Uint8Array);
  assertEquals([clock.pending, ends, upstream.stats().idle], [0, [], 1]);
  upstream.close();
});

Deno.test("A connection of another pool makes room for those that wait in this one.", async () => {
  const connections = { open: 8, opening: 0 };
  const clock = new FakeClock();
  const upstream = pooled(() => saying(SWITCH), { connections, maxConnections: 8 }, clock);
  const sending = upstream.send(asking({ upgrade: true }).request);
  await clock.advance(1000);
  assertEquals([upstream.stats().open, connections], [0, { open: 8, opening: 0 }]);
  connections.open--;
  await clock.advance(UPSTREAM_SWEEP_MS);
  const response = await sending;
  assert(response.ok && response.value.upgraded !== undefined);
  assertEquals(connections.open, 8);
  response.value.upgraded.wire.close();
  assertEquals(connections.open, 7);
});

const SILENT: readonly (readonly [name: string, head: string, left: number])[] = [
  ["within the total time", "HTTP/1.1 403 No\r\n\r\n", LIMITS.timeoutMs],
  [
    "as long as events come",
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
    LIMITS.idleTimeoutMs,
  ],
];
for (const [name, head, left] of SILENT) {
  Deno.test(`The body of a response has to come ${name}.`, async () => {
    const wire = saying(`${head}some`);
    const { sending, clock, ends } = upgrade(wire);
    const response = await sending;
    assert(response.ok);
    const reader = readerOf(response.value);
    assertEquals((await reader.read()).value?.length, 4);
    const reading = reader.read().then(() => "read", () => "broken");
    await clock.advance(left - 1);
    assertEquals([ends, wire.closed], [[], false]);
    await clock.advance(1 + UPSTREAM_SWEEP_MS);
    assertEquals(await reading, "broken");
    assert(wire.closed);
    assertEquals(ends.map((end) => [end.bytes, end.failure?.reason]), [[4, "upstream_timeout"]]);
    assertEquals(clock.pending, 0);
  });
}

for (const way of ["leaves", "cancels the body"]) {
  Deno.test(`A client that ${way} while a body comes ends it.`, async () => {
    const wire = saying(`${HEAD}not`);
    const { sending, clock, ends, client } = upgrade(wire);
    const response = await sending;
    assert(response.ok && response.value.body instanceof ReadableStream);
    if (way === "leaves") client.abort();
    else await response.value.body.cancel();
    assert(wire.closed);
    assertEquals(ends.map((end) => end.failure?.reason), ["client_gone"]);
    assertEquals(clock.pending, 0);
  });
}
