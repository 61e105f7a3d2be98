/** The memory of verified tokens, seen from outside: what is checked again, and when. */
import { assert, assertEquals } from "../support/assert.ts";
import { publicJwk, rsaKey } from "../support/tokens.ts";
import { eventually, kid, pause, type Service, startService } from "./harness.ts";

/** Requests on connections of their own: enough that both of two workers get some. */
const MANY = 24;

const HITS = 'ooproxy_token_cache_lookups_total{result="hit"}';
const MISSES = 'ooproxy_token_cache_lookups_total{result="miss"}';

/** What has been counted: checks in full, look-ups that found a token, and those that did not. */
async function counted(service: Service): Promise<number[]> {
  return [
    await service.metric("ooproxy_verification_duration_seconds_count"),
    await service.metric(HITS),
    await service.metric(MISSES),
  ];
}

/** The status of one request on a connection of its own, so that any worker may get it. */
async function status(service: Service, token: string): Promise<number> {
  using client = Deno.createHttpClient({});
  const headers = { authorization: `Bearer ${token}`, connection: "close" };
  const response = await fetch(service.url(), { headers, client });
  await response.body?.cancel();
  return response.status;
}

/** The different statuses of many requests at once. */
async function statuses(service: Service, token: string): Promise<number[]> {
  return [
    ...new Set(await Promise.all(Array.from({ length: MANY }, () => status(service, token)))),
  ];
}

async function inTurn(service: Service, token: string, times: number): Promise<number[]> {
  const got: number[] = [];
  while (got.length < times) got.push(await status(service, token));
  return got;
}

Deno.test("A token that comes again is not checked again, until a reload empties the memory.", async () => {
  await using service = await startService({ settings: { NUM_WORKERS: "1" }, toml: "" });
  const token = await service.token();
  assertEquals(await inTurn(service, token, 5), [200, 200, 200, 200, 200]);
  assertEquals(await counted(service), [1, 4, 1]);
  assertEquals(await service.metric("ooproxy_token_cache_entries"), 1);
  assertEquals(await status(service, await service.token({ sub: "another" })), 200);
  assertEquals(await counted(service), [2, 4, 2]);

  service.process.signal("SIGHUP");
  await service.logged("configuration reloaded");
  assertEquals(await service.metric("ooproxy_token_cache_entries"), 0);
  assertEquals(await inTurn(service, token, 2), [200, 200]);
  assertEquals(await counted(service), [3, 5, 3]);
  assertEquals(service.provider.count("jwks"), 1);
});

Deno.test("Once a token is in the cache of both workers, none checks it again.", async () => {
  await using service = await startService({ settings: { NUM_WORKERS: "2" } });
  const token = await service.token();
  await eventually("an entry in both workers", async () => {
    assertEquals(await statuses(service, token), [200]);
    return await service.metric("ooproxy_token_cache_entries") === 2;
  });
  // Requests that came before the first check was over have shared it.
  const verified = await service.metric("ooproxy_verification_duration_seconds_count");
  for (let i = 0; i < 3; i++) assertEquals(await statuses(service, token), [200]);
  assertEquals(await service.metric("ooproxy_verification_duration_seconds_count"), verified);
});

Deno.test("With TOKEN_CACHE_SIZE=0 every request is checked in full.", async () => {
  await using service = await startService({
    settings: { NUM_WORKERS: "1", TOKEN_CACHE_SIZE: "0" },
  });
  assertEquals(await inTurn(service, await service.token(), 3), [200, 200, 200]);
  assertEquals(await counted(service), [3, 0, 0]);
  assertEquals(await service.metric("ooproxy_token_cache_entries"), 0);
});

Deno.test("A token whose key is gone at the provider is refused by every worker, remembered or not.", async () => {
  await using service = await startService({
    settings: { NUM_WORKERS: "2", KEY_EXPIRY_SECS: "1" },
  });
  const token = await service.token();
  await eventually("an entry in both workers", async () => {
    assertEquals(await statuses(service, token), [200]);
    return await service.metric("ooproxy_token_cache_entries") === 2;
  });
  service.provider.rotate([publicJwk(await rsaKey(1), { kid: kid(1) })]);
  const refused = async () => String(await statuses(service, token)) === "401";
  await eventually("the refusal by both workers", refused);
  assert(await refused(), "once refused, it stays so");
  assertEquals(await statuses(service, await service.token({}, {}, 1)), [200]);
});

Deno.test("A remembered token is refused from its exp on, and not before.", async () => {
  await using service = await startService({ settings: { NUM_WORKERS: "2" } });
  const exp = Math.floor(Date.now() / 1000) + 2;
  const token = await service.token({ exp });
  assertEquals(await statuses(service, token), [200]);
  assert(Date.now() < exp * 1000, "the machine was too slow for this test");
  await pause(exp * 1000 - Date.now());
  assertEquals(await statuses(service, token), [401]);
  await service.logged("request", { status: 401, reason: "expired" });
});
