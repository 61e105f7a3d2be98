/** The provider changes its keys while clients call: no good token is ever refused. */
import { startStack } from "../support/stack.ts";
import { assert, assertEquals } from "../support/assert.ts";
import type { TestProvider } from "../support/provider.ts";
import {
  base64url,
  defaultClaims,
  type Jwk,
  type Members,
  publicJwk,
  rsaKey,
  signToken,
} from "../support/tokens.ts";
import { eventually, pause, type Service, startService } from "./harness.ts";

/** Clients that call all the time, each with one request at once. */
const CLIENTS = 4;

/** The rotations that are played on several workers too. */
const ON_WORKERS = ["instant swap", "a kid with another key"];

/** Different tokens of each kind, so that one is not accepted because another was. */
const TOKENS = 20;

/** One way in which a provider changes its keys. */
interface Rotation {
  readonly name: string;
  /** Keys before and after, by the number of the test key. */
  readonly before: readonly Jwk[];
  readonly after: readonly Jwk[];
  /** Number of the test key and header of the tokens that are good before, and of those after. */
  readonly old: readonly [key: number, header: Members];
  readonly fresh: readonly [key: number, header: Members];
  /** Whether the old tokens are good after it too. */
  readonly overlap: boolean;
}

async function rotations(): Promise<readonly Rotation[]> {
  const key = async (index: number, extra: Members = {}) => publicJwk(await rsaKey(index), extra);
  const others = Array.from({ length: 98 }, (_, i) => key(2, { kid: `other ${i}` }));
  return [{
    name: "overlap",
    before: [await key(0, { kid: "a" })],
    after: [await key(0, { kid: "a" }), await key(1, { kid: "b" })],
    old: [0, { kid: "a" }],
    fresh: [1, { kid: "b" }],
    overlap: true,
  }, {
    name: "instant swap",
    before: [await key(0, { kid: "c" })],
    after: [await key(1, { kid: "d" })],
    old: [0, { kid: "c" }],
    fresh: [1, { kid: "d" }],
    overlap: false,
  }, {
    name: "a kid with another key",
    before: [await key(0, { kid: "e" })],
    after: [await key(1, { kid: "e" })],
    old: [0, { kid: "e" }],
    fresh: [1, { kid: "e" }],
    overlap: false,
  }, {
    name: "keys without kid",
    before: [await key(0)],
    after: [await key(1)],
    old: [0, { kid: undefined }],
    fresh: [1, { kid: undefined }],
    overlap: false,
  }, {
    name: "another algorithm under the same kid",
    before: [await key(0, { kid: "f", alg: "RS256" })],
    after: [await key(0, { kid: "f", alg: "RS512" })],
    old: [0, { kid: "f", alg: "RS256" }],
    fresh: [0, { kid: "f", alg: "RS512" }],
    overlap: false,
  }, {
    name: "growth to 100 keys",
    before: [await key(0, { kid: "g" })],
    after: [
      await key(0, { kid: "g" }),
      ...await Promise.all(others),
      await key(1, { kid: "h" }),
    ],
    old: [0, { kid: "g" }],
    fresh: [1, { kid: "h" }],
    overlap: true,
  }];
}

/** Without the cache every request has its token checked anew. */
const SETTINGS = { KEY_COOLDOWN_SECS: "1", TOKEN_CACHE_SIZE: "0" };

Deno.test("Keys change in six ways under load, and no good token is refused.", async () => {
  await Promise.all((await rotations()).map(async (rotation) => {
    await using stack = await startStack(SETTINGS, { keys: rotation.before });
    await rotate({ provider: stack.provider, url: stack.proxy.url }, rotation);
  }));
});

Deno.test("Keys change under load on two workers, and no good token is refused.", async () => {
  const some = (await rotations()).filter(({ name }) => ON_WORKERS.includes(name));
  assertEquals(some.length, ON_WORKERS.length);
  await Promise.all(some.map(async (rotation) => {
    await using service = await startService({ settings: { ...SETTINGS, NUM_WORKERS: "2" } });
    service.provider.rotate(rotation.before);
    await rotate({ provider: service.provider, url: service.url() }, rotation);
  }));
});

/** What clients call, and whose keys change. */
interface Place {
  readonly provider: TestProvider;
  readonly url: string;
}

/** Plays one rotation under load, on a proxy that has not fetched any keys yet. */
async function rotate(place: Place, rotation: Rotation): Promise<void> {
  const { provider } = place;
  const old = await tokensOf(place, rotation.old);
  const fresh = await tokensOf(place, rotation.fresh);
  const before = load(place, old);
  // A known `kid` gets its new key at once where the cool-down of the last fetch is over.
  await eventually("the first keys", () => provider.count("jwks") === 1);
  await pause(1_050);
  // A token whose key goes away is not under way at that moment; one whose key stays is.
  const kept = rotation.overlap ? before : undefined;
  if (kept === undefined) await before.stop();
  provider.rotate(rotation.after);
  const after = load(place, fresh);
  await eventually("calls with every new token", () => after.statuses.length >= 3 * TOKENS);
  await after.stop();
  await kept?.stop();
  const refused = [...before.statuses, ...after.statuses].filter((status) => status !== 200);
  assertEquals(refused, [], rotation.name);
  assert(before.statuses.length > TOKENS, rotation.name);
  assertEquals(await call(place.url, old[0] ?? ""), rotation.overlap ? 200 : 401, rotation.name);
}

/** Good tokens of one kind. */
async function tokensOf({ provider }: Place, [index, header]: Rotation["old"]): Promise<string[]> {
  const key = await rsaKey(index);
  const claims = defaultClaims(Date.now(), { iss: provider.url });
  return await Promise.all(
    Array.from({ length: TOKENS }, (_, i) => signToken(key, { ...claims, jti: `${i}` }, header)),
  );
}

/** Has clients call with these tokens, one after the other, until they are stopped. */
function load({ url }: Place, tokens: readonly string[]) {
  const statuses: number[] = [];
  let over = false;
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    for (let i = client; !over; i += CLIENTS) {
      statuses.push(await call(url, tokens[i % tokens.length] ?? ""));
    }
  });
  const stop = async () => {
    over = true;
    await Promise.all(clients);
  };
  return { statuses, stop };
}

async function call(url: string, token: string): Promise<number> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  await response.body?.cancel();
  return response.status;
}

/** Connections that send tokens with random kids: more than may wait for a fetch. */
const FLOODERS = 320;

Deno.test("While thousands of random kids come, known tokens pass at once and a key rotated in a moment ago soon.", async () => {
  await using service = await startService({ settings: { NUM_WORKERS: "2" } });
  const { provider } = service;
  const url = service.url();
  const old = await service.token();
  assertEquals(await call(url, old), 200);
  const began = performance.now();
  let over = false;
  const flood: Record<number, number> = {};
  const flooders = Array.from({ length: FLOODERS }, async (_, client) => {
    for (let i = 0; !over; i++) {
      const status = await call(url, madeUp(service, `random ${client} ${i}`));
      flood[status] = (flood[status] ?? 0) + 1;
    }
  });
  const known: number[] = [];
  const steady = (async () => {
    while (!over) known.push(await call(url, old));
  })();
  await eventually("a flood that does not fit in", () => (flood[503] ?? 0) > 100);

  const published = publicJwk(await rsaKey(0), { kid: "key-0" });
  provider.rotate([published, publicJwk(await rsaKey(1), { kid: "new" })]);
  const fetchesBefore = provider.count("jwks");
  const fresh = await service.token({}, { kid: "new" }, 1);
  const tried: number[] = [];
  await eventually("the new key", async () => {
    tried.push(await call(url, fresh));
    return tried.at(-1) === 200;
  });
  // One fetch may have been in flight when the key came; the next brought it.
  const fetches = provider.count("jwks") - fetchesBefore;
  assert(fetches <= 2, `${fetches} fetches`);
  assert(tried.slice(0, -1).every((status) => status === 503), tried.join());
  assertEquals(await call(url, fresh), 200);

  await eventually("some thousand made-up tokens", () => (flood[503] ?? 0) > 2_000);
  over = true;
  await Promise.all([steady, ...flooders]);
  const secs = (performance.now() - began) / 1000;
  assertEquals(Object.keys(flood), ["401", "503"]);
  // Three at once, one a second, and the first key fetch of all.
  assert(provider.count("jwks") <= secs + 4, `${provider.count("jwks")} fetches in ${secs} s`);
  assert(known.length > 0);
  assertEquals(known.filter((status) => status !== 200), []);
});

Deno.test("Keys that a failing provider does not confirm in time are dropped by all workers, and come back.", async () => {
  await using service = await startService({ settings: { NUM_WORKERS: "2", KEY_STALE_SECS: "2" } });
  const { provider } = service;
  const token = await service.token();
  assertEquals(await call(service.url(), token), 200);
  provider.status(500);
  await service.logged("JWKS refresh failed, using cached keys");
  await eventually("503 of both workers", async () => {
    const statuses = await Promise.all(Array.from({ length: 20 }, () => callAnew(service, token)));
    return statuses.every((status) => status === 503);
  });
  const dropped = service.log().filter(({ msg }) => String(msg).startsWith("cached JWKS expired"));
  assertEquals(dropped.map(({ level, error }) => [level, error]), [
    ["error", "responded with status 500"],
  ]);
  const { headers, body } = await fetch(service.url(), {
    headers: { authorization: `Bearer ${token}` },
  });
  await body?.cancel();
  assert(Number(headers.get("retry-after")) >= 1);
  provider.recover();
  await eventually("200 of both workers", async () => {
    const statuses = await Promise.all(Array.from({ length: 20 }, () => callAnew(service, token)));
    return statuses.every((status) => status === 200);
  });
});

/** A call on a connection of its own, so that every worker gets some. */
async function callAnew(service: Service, token: string): Promise<number> {
  using client = Deno.createHttpClient({});
  const headers = { authorization: `Bearer ${token}`, connection: "close" };
  const response = await fetch(service.url(), { headers, client });
  await response.body?.cancel();
  return response.status;
}

/** A token of this `kid` without a valid signature. */
function madeUp({ provider }: Service, kid: string): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: provider.url, sub: "flood", iat: now, exp: now + 300 };
  const parts = [{ alg: "RS256", typ: "JWT", kid }, claims].map((part) => JSON.stringify(part));
  return [...parts.map(base64url), base64url(new Uint8Array(256).fill(7))].join(".");
}
