/** One key fetch a machine: what the provider sees does not depend on the number of workers. */
import { assert, assertEquals } from "../support/assert.ts";
import { publicJwk, rsaKey } from "../support/tokens.ts";
import { eventually, kid, pause, type Service, startService } from "./harness.ts";

/** Requests at once: on connections of their own, so that every worker gets some. */
const AT_ONCE = 40;

for (const workers of ["1", "4"]) {
  Deno.test(`The provider is asked once at first use and once at rotation, with NUM_WORKERS=${workers}.`, async () => {
    await using service = await startService({ settings: { NUM_WORKERS: workers } });
    const { provider } = service;
    const asked = () => [provider.count("discovery"), provider.count("jwks")];
    assertEquals(asked(), [0, 0]);

    const first = await service.token();
    assertEquals(await statuses(service, first), { 200: AT_ONCE });
    assertEquals(asked(), [1, 1]);

    await pause(1000);
    provider.rotate([publicJwk(await rsaKey(1), { kid: kid(1) })]);
    const second = await service.token({}, {}, 1);
    assertEquals(await statuses(service, second), { 200: AT_ONCE });
    assertEquals(asked(), [2, 2]);
    // The key that has gone is refused everywhere, at the price of one more look at most.
    assertEquals(await statuses(service, first), { 401: AT_ONCE });
    const [discovery = 0, jwks = 0] = asked();
    assert(discovery <= 3 && jwks <= 3, `${discovery} and ${jwks} requests`);
  });
}

Deno.test("At expiry four workers cause as many key fetches as one.", async () => {
  const counts = await Promise.all(["1", "4"].map(async (workers) => {
    await using service = await startService({
      settings: { NUM_WORKERS: workers, KEY_EXPIRY_SECS: "1" },
    });
    await statuses(service, await service.token());
    const began = performance.now();
    await eventually("three more fetches", () => service.provider.count("jwks") >= 4);
    assert(performance.now() - began > 2500, "they keep the expiry apart");
    return [service.provider.count("discovery"), service.provider.count("jwks")];
  }));
  assertEquals(counts, [[4, 4], [4, 4]]);
});

Deno.test("Random unknown keys of many clients on four workers cause three fetches and one a cool-down.", async () => {
  await using service = await startService({
    settings: { NUM_WORKERS: "4", KEY_COOLDOWN_SECS: "60" },
  });
  assertEquals((await service.get()).status, 200);
  const tokens = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, at) => service.token({}, { kid: `made up ${at}` })),
  );
  const began = performance.now();
  const seen = await Promise.all(tokens.map((token) => status(service, token)));
  assert(performance.now() - began < 5_000, "nothing waits for a cool-down");
  assert(seen.every((status) => status === 401 || status === 503), seen.join());
  assertEquals(service.provider.count("jwks"), 3);
});

/** How many of many requests at once got which status. */
async function statuses(service: Service, token: string): Promise<Record<number, number>> {
  const all = await Promise.all(Array.from({ length: AT_ONCE }, () => status(service, token)));
  return Object.fromEntries(
    [...new Set(all)].map((one) => [one, all.filter((other) => other === one).length]),
  );
}

async function status(service: Service, token: string): Promise<number> {
  using client = Deno.createHttpClient({});
  const response = await fetch(service.url(), {
    headers: { authorization: `Bearer ${token}`, connection: "close" },
    client,
  });
  await response.body?.cancel();
  return response.status;
}
