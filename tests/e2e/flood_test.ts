/** Tokens with bad signatures, many at once: turned away, and no good client pays for it. */
import { flood, steadyCalls } from "../bench/flood.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { startService } from "./harness.ts";

/** How long the flood lasts, in milliseconds. */
const FLOOD_MS = 1000;

Deno.test("A flood of bad tokens gets 401, or 503 with Retry-After, and no good request fails.", async () => {
  await using service = await startService({
    settings: { NUM_WORKERS: "1", MAX_PENDING_VERIFICATIONS: "1" },
  });
  const url = service.url();
  const token = await service.token();
  assertEquals((await steadyCalls(url, token, 1)).failed, []);

  const [{ statuses, withoutRetryAfter }, steady] = await Promise.all([
    flood({ url, issuer: service.provider.url, connections: 16, forMs: FLOOD_MS }),
    steadyCalls(url, token, FLOOD_MS),
  ]);
  assertEquals(Object.keys(statuses), ["401", "503"], JSON.stringify(statuses));
  assertEquals(withoutRetryAfter, 0);
  assert(steady.times.length > 0);
  assertEquals(steady.failed, []);

  const refused = await service.metric('ooproxy_refusals_total{reason="bad_signature"}');
  const overloaded = await service.metric('ooproxy_refusals_total{reason="overloaded"}');
  assertEquals([refused, overloaded], [statuses[401], statuses[503]]);
});
