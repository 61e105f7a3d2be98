/** Uploads that trickle: one byte every few seconds passes the limit on silence, but not the least rate. */
import { assert, assertEquals } from "../../support/assert.ts";
import { openRaw } from "../../support/raw.ts";
import { hang, rawUpstream } from "../../support/upstream.ts";
import { eventually, pause, startService } from "../../e2e/harness.ts";

/** Connections that there may be to the upstream: as many as there are uploads. */
const UPLOADS = 5;

/** How long a trickle may last, in milliseconds: the half minute before its rate counts, and some. */
const TRICKLE_MS = 40_000;

Deno.test("Trickling uploads end with 408 after half a minute and free their connections; a steady one goes on.", async () => {
  await using upstream = await rawUpstream(async (socket) => {
    const head = await socket.readUntil("\r\n\r\n");
    if (head.startsWith("GET")) await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    await hang(socket);
  });
  await using service = await startService({
    settings: {
      NUM_WORKERS: "1",
      UPSTREAM_URL: upstream.url,
      UPSTREAM_MAX_CONNECTIONS: String(UPLOADS),
    },
  });
  const good = `Authorization: Bearer ${await service.token()}`;
  const head = (first: string, ...fields: readonly string[]) =>
    [`${first} / HTTP/1.1`, "Host: a", good, ...fields, "", ""].join("\r\n");
  const sockets = await Promise.all(
    Array.from({ length: UPLOADS }, () => openRaw(Number(new URL(service.url()).port))),
  );
  const [steady, ...trickles] = sockets;
  assert(steady !== undefined);
  for (const socket of sockets) {
    await socket.send(head("POST", "Content-Length: 1000000"));
    void socket.waitFor(() => false, TRICKLE_MS);
  }
  const began = performance.now();
  const over = () => trickles.every((socket) => socket.all().includes("}\n"));
  for (let round = 0; !over() && performance.now() - began < TRICKLE_MS; round++) {
    await steady.send("x".repeat(200));
    if (round % 3 === 0) await Promise.all(trickles.map((socket) => socket.send("x")));
    await pause(1000);
  }
  const tookSecs = Math.round((performance.now() - began) / 1000);
  // deno-lint-ignore no-console
  console.log(`the trickles ended after ${tookSecs} s`);
  for (const socket of trickles) assert(socket.all().startsWith("HTTP/1.1 408 "), socket.all());
  assertEquals(steady.all(), "");
  assertEquals((await service.get()).status, 200);
  await Promise.all(sockets.map((socket) => socket.close()));
  await eventually(
    "no request in flight",
    async () => await service.metric("ooproxy_requests_in_flight") === 0,
  );
});
