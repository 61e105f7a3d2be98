/** Bad signatures from one address, more at once than may wait: nobody at another address is shut out. */
import { floodFromElsewhere } from "../bench/flood.ts";
import { startService } from "../e2e/harness.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { pause } from "../support/waiting.ts";

/** How many checks may wait; the flood has twice as many connections. */
const MAX_PENDING = 64;

const CONNECTIONS = 2 * MAX_PENDING;

const FLOOD_MS = 3_000;

/** New good tokens that come meanwhile. */
const NEW_TOKENS = 30;

Deno.test("While one address fills the queue of signature checks, new tokens of others are checked.", async () => {
  await using service = await startService({
    settings: {
      NUM_WORKERS: "1",
      LISTEN_URL: "[::]:0",
      MAX_PENDING_VERIFICATIONS: `${MAX_PENDING}`,
    },
  });
  const { port } = new URL(service.url());
  const url = `http://127.0.0.1:${port}`;
  const call = async (token: string) => {
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    await response.body?.cancel();
    return response.status;
  };
  const known = await service.token();
  assertEquals(await call(known), 200);
  const fresh = await Promise.all(
    Array.from({ length: NEW_TOKENS }, (_, i) => service.token({ jti: `new ${i}` })),
  );
  const flooding = floodFromElsewhere({
    url: `http://[::1]:${port}`,
    issuer: service.provider.url,
    connections: CONNECTIONS,
    forMs: FLOOD_MS,
  });
  await pause(1_000);
  const statuses: number[] = [];
  for (const token of fresh) {
    statuses.push(await call(token), await call(known));
  }
  const { statuses: flood } = await flooding;
  assertEquals(new Set(statuses), new Set([200]), statuses.join());
  // Who floods is told so: the queue was full.
  assert((flood[503] ?? 0) > 0 && (flood[401] ?? 0) > 0, JSON.stringify(flood));
});
