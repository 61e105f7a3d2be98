/** Tokens with unknown `kid`s and made-up signatures, from clients that leave: nobody with a token pays. */
import { startService } from "../e2e/harness.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { openStreams } from "../support/raw_http2.ts";
import { eventually, pause } from "../support/waiting.ts";
import {
  type Attack,
  callSteadily,
  dropConnections,
  memoryOf,
  resetStreams,
  unsignedToken,
} from "./support/attackers.ts";

/** How long each attack lasts, in milliseconds: long enough to fill `MAX_REQUESTS` if all were held. */
const ATTACK_MS = 2_500;

/** How long the provider takes, so that a fetch is in flight nearly all the time; in milliseconds. */
const PROVIDER_MS = 1_500;

/** Most memory of the process, in MB: what its heap grows to at work of any kind. */
const MOST_MEMORY_MB = 200;

const ATTACKS: readonly (readonly [
  sentence: string,
  start: (url: string, token: () => string) => Attack,
])[] = [
  ["One connection with streams that are reset", resetStreams],
  [
    "130 connections that are dropped",
    (url, token) => dropConnections(url, token, 130),
  ],
];

for (const [sentence, start] of ATTACKS) {
  Deno.test(`${sentence}: known tokens get 200 throughout.`, async () => {
    await using service = await startService({
      settings: { NUM_WORKERS: "1", KEY_COOLDOWN_SECS: "10", MAX_REQUESTS: "1000" },
    });
    const url = service.url();
    const good = await service.token();
    assertEquals((await service.get()).status, 200);
    service.provider.delay(PROVIDER_MS, "jwks");
    const unknown = unsignedToken(service.provider.url, "unknown");

    const client = callSteadily(url, good);
    const attack = start(url, () => unknown);
    await pause(ATTACK_MS);
    const inFlight = await service.metric("ooproxy_requests_in_flight");
    const memory = memoryOf(service);
    await attack.stop();
    await client.stop();

    assert(attack.sent > 1_000, `${attack.sent} requests`);
    assertEquals(Object.keys(client.statuses), ["200"], JSON.stringify(client.statuses));
    // 256 may wait for keys; the others are being refused.
    assert(inFlight < 900, `${inFlight} in flight`);
    assert(memory < MOST_MEMORY_MB, `${memory} MB`);
    assert(service.provider.count("jwks") <= 4, `${service.provider.count("jwks")} fetches`);
    await eventually(
      "nothing in flight",
      async () => await service.metric("ooproxy_requests_in_flight") === 0,
    );
  });
}

Deno.test("A request that waits for a key fetch ends when its client leaves.", async () => {
  await using service = await startService({ settings: { NUM_WORKERS: "1" } });
  assertEquals((await service.get()).status, 200);
  service.provider.hang("jwks");
  const { host, hostname, port } = new URL(service.url());
  const authorization = `Bearer ${unsignedToken(service.provider.url, "unknown")}`;
  const inFlight = () => service.metric("ooproxy_requests_in_flight");
  const request = `GET / HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${authorization}\r\n\r\n`;
  const sockets = await Promise.all(Array.from({ length: 10 }, async () => {
    const socket = await Deno.connect({ hostname, port: Number(port) });
    await socket.write(new TextEncoder().encode(request));
    return socket;
  }));
  await using streams = await openStreams(Number(port), [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", host],
    ["host", host],
    ["authorization", authorization],
  ], 10);
  await eventually("20 requests that wait", async () => await inFlight() === 20);
  // The fetch goes on for seconds.
  sockets.forEach((socket) => socket.close());
  await streams.reset();
  const left = performance.now();
  await eventually("no request in flight", async () => await inFlight() === 0);
  assert(performance.now() - left < 2_000, `${performance.now() - left} ms`);
  service.provider.recover();
});
