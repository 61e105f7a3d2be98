import { TokenCache, type TokenCacheOptions } from "../../src/auth/token_cache.ts";
import type { Identity } from "../../src/auth/identity.ts";
import type { Chosen, Verified } from "../../src/auth/provider.ts";
import { cacheable, type Failure, failure, type Reason, REASONS } from "../../src/failure.ts";
import { MAX_CACHED_TOKEN_LENGTH, MAX_REMEMBERED_REFUSALS } from "../../src/limits.ts";
import { fail, ok, type Result } from "../../src/result.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { CLIENT } from "../support/client.ts";
import { FakeClock } from "../support/clock.ts";

type Outcome = Result<Verified, Failure>;

/** A cache whose verifier gives what the test says, and counts how often it is asked. */
function makeScene(options: Partial<TokenCacheOptions> = {}) {
  const clock = new FakeClock();
  const nowSecs = clock.now() / 1000;
  const scene = {
    clock,
    nowSecs,
    generation: 1 as number | undefined,
    opaque: false,
    checks: 0,
    lookups: [] as boolean[],
    outcome: (): Outcome | Promise<Outcome> => ok(token({ exp: nowSecs + 1000 })),
    cache: undefined as unknown as TokenCache,
    /** What a request with this token meets. */
    async meet(name: string): Promise<Result<Identity, Failure>> {
      return scene.cache.lookUp(name) ?? await scene.cache.authenticate(name, CLIENT);
    },
  };
  scene.cache = new TokenCache(
    () =>
      ok({
        keys: { generation: () => scene.generation },
        opaque: scene.opaque,
        async authenticate() {
          scene.checks++;
          return await scene.outcome();
        },
      }),
    { size: 3, ttlMs: 300_000, leewaySecs: 0, keyCooldownMs: 10_000, opaque: true, ...options },
    { clock, onLookup: (hit) => scene.lookups.push(hit) },
  );
  return scene;
}

function token(
  { exp, notBefore, generation = 1 }: { exp: number; notBefore?: number; generation?: number },
): Verified {
  const identity: Identity = {
    provider: "default",
    subject: "s",
    clientId: "c",
    scopes: new Set(),
    claims: {},
    validFrom: notBefore,
    validUntil: exp,
  };
  return { identity, generation };
}

function reasonOf(outcome: Result<Identity, Failure>): string {
  return outcome.ok ? "ok" : outcome.failure.reason;
}

Deno.test("A token that was verified is not verified again.", async () => {
  const scene = makeScene();
  await scene.meet("a");
  assertEquals(reasonOf(await scene.meet("a")), "ok");
  assertEquals(scene.checks, 1);
  assertEquals(scene.lookups, [false, true]);
  assertEquals(scene.cache.size, 1);
});

Deno.test("A token is verified again when the longest time to remember it is over.", async () => {
  const scene = makeScene({ ttlMs: 5000 });
  await scene.meet("a");
  await scene.clock.advance(4999);
  await scene.meet("a");
  assertEquals(scene.checks, 1);
  await scene.clock.advance(1);
  await scene.meet("a");
  assertEquals(scene.checks, 2);
});

Deno.test("A remembered token is refused as expired from its exp on, leeway added.", async () => {
  const scene = makeScene({ leewaySecs: 2 });
  scene.outcome = () => ok(token({ exp: scene.nowSecs + 10 }));
  await scene.meet("a");
  await scene.clock.advance(11_999);
  assertEquals(reasonOf(await scene.meet("a")), "ok");
  await scene.clock.advance(1);
  assertEquals(reasonOf(await scene.meet("a")), "expired");
  assertEquals(scene.cache.size, 0);
});

Deno.test("A remembered token is refused while the clock says that it is not valid yet.", async () => {
  const scene = makeScene();
  scene.outcome = () => ok(token({ exp: scene.nowSecs + 1000, notBefore: scene.nowSecs }));
  await scene.meet("a");
  await scene.clock.advance(-5000);
  assertEquals(reasonOf(await scene.meet("a")), "not_yet_valid");
  await scene.clock.advance(5000);
  assertEquals(reasonOf(await scene.meet("a")), "ok");
});

Deno.test("New keys empty the memory, so that a removed key is refused at once.", async () => {
  const scene = makeScene();
  await scene.meet("a");
  scene.generation = 2;
  scene.outcome = () => fail(failure("unknown_key"));
  assertEquals(reasonOf(await scene.meet("a")), "unknown_key");
  assertEquals(scene.cache.size, 0);
});

Deno.test("A check that began with old keys is not remembered for new ones.", async () => {
  const scene = makeScene();
  const gate = Promise.withResolvers<Outcome>();
  scene.outcome = () => gate.promise;
  const first = scene.meet("a");
  scene.generation = 2;
  gate.resolve(ok(token({ exp: scene.nowSecs + 1000, generation: 1 })));
  await first;
  assertEquals(scene.cache.size, 0);
});

Deno.test("A refusal by old keys is not remembered for new ones.", async () => {
  const scene = makeScene();
  const gate = Promise.withResolvers<Outcome>();
  scene.outcome = () => gate.promise;
  scene.cache.lookUp("other");
  const first = scene.meet("a");
  scene.generation = 2;
  gate.resolve(fail(failure("bad_signature")));
  await first;
  scene.outcome = () => ok(token({ exp: scene.nowSecs + 1000, generation: 2 }));
  assertEquals(reasonOf(await scene.meet("a")), "ok");
});

Deno.test("The least recently used token goes first.", async () => {
  const scene = makeScene({ size: 2 });
  for (const name of ["a", "b", "a", "c"]) await scene.meet(name);
  assertEquals(scene.checks, 3);
  await scene.meet("a");
  assertEquals(scene.checks, 3, "a was used after b");
  await scene.meet("b");
  assertEquals(scene.checks, 4, "b had gone");
  assertEquals(scene.cache.size, 2);
});

Deno.test("With size 0 nothing is remembered and every request is checked.", async () => {
  const scene = makeScene({ size: 0 });
  await scene.meet("a");
  await scene.meet("a");
  scene.outcome = () => fail(failure("bad_signature"));
  await scene.meet("b");
  await scene.meet("b");
  assertEquals(scene.checks, 4);
  assertEquals(scene.lookups, []);
});

Deno.test("A token over the length limit is checked each time.", async () => {
  const scene = makeScene();
  const long = "x".repeat(MAX_CACHED_TOKEN_LENGTH + 1);
  await scene.meet(long);
  await scene.meet(long);
  assertEquals(scene.checks, 2);
  const fits = "x".repeat(MAX_CACHED_TOKEN_LENGTH);
  await scene.meet(fits);
  await scene.meet(fits);
  assertEquals(scene.checks, 3);
});

Deno.test("A check that throws leaves nothing behind.", async () => {
  const scene = makeScene();
  scene.outcome = () => Promise.reject(new Error("a bug"));
  let thrown = 0;
  await scene.meet("a").catch(() => thrown++);
  scene.outcome = () => ok(token({ exp: scene.nowSecs + 1000 }));
  assertEquals(reasonOf(await scene.meet("a")), "ok");
  assertEquals(thrown, 1);
});

const LASTING: readonly Reason[] = [
  "not_a_jwt",
  "algorithm_not_allowed",
  "bad_signature",
  "malformed_claims",
  "wrong_type",
  "sender_constrained",
  "wrong_issuer",
  "expired",
  "inactive_token",
];

Deno.test("No refusal that depends on a rule is remembered by its token, nor one that time mends.", () => {
  assertEquals(
    REASONS.filter((reason) => cacheable(reason) !== undefined).sort(),
    [...LASTING].sort(),
  );
});

for (const reason of LASTING) {
  Deno.test(`A token refused as ${reason} is refused from memory for a while.`, async () => {
    const scene = makeScene();
    scene.outcome = () => fail(failure(reason));
    await scene.meet("a");
    assertEquals(reasonOf(await scene.meet("a")), reason);
    assertEquals(scene.checks, 1);
    await scene.clock.advance(60_000);
    await scene.meet("a");
    assertEquals(scene.checks, 2);
  });
}

const NOT_REMEMBERED: readonly Reason[] = [
  "wrong_audience",
  "wrong_subject",
  "wrong_client",
  "no_longer_accepted",
  "insufficient_scope",
  "claim_not_accepted",
  "not_yet_valid",
  "unknown_key",
  "keys_unavailable",
  "introspection_unavailable",
  "overloaded",
];

for (const reason of NOT_REMEMBERED) {
  Deno.test(`A token refused as ${reason} is looked at anew each time.`, async () => {
    const scene = makeScene();
    scene.outcome = () => fail(failure(reason));
    await scene.meet("a");
    await scene.meet("a");
    assertEquals(scene.checks, 2);
  });
}

Deno.test("New keys empty the memory of refusals as well.", async () => {
  const scene = makeScene();
  scene.outcome = () => fail(failure("bad_signature"));
  await scene.meet("a");
  scene.generation = 2;
  scene.outcome = () => ok(token({ exp: scene.nowSecs + 1000, generation: 2 }));
  assertEquals(reasonOf(await scene.meet("a")), "ok");
});

Deno.test("The memory of refusals is bounded: the oldest goes first.", async () => {
  const scene = makeScene();
  scene.outcome = () => fail(failure("bad_signature"));
  for (let i = 0; i <= MAX_REMEMBERED_REFUSALS; i++) await scene.meet(`t${i}`);
  const before = scene.checks;
  await scene.meet("t0");
  assert(scene.checks === before + 1, "the first had gone");
  await scene.meet(`t${MAX_REMEMBERED_REFUSALS}`);
  assertEquals(scene.checks, before + 1);
});

Deno.test("A wrong signature is remembered for one cool-down of the keys, other refusals longer.", async () => {
  for (
    const [reason, checks] of [["bad_signature", 2], ["wrong_issuer", 1]] as const
  ) {
    const scene = makeScene({ keyCooldownMs: 1000 });
    scene.outcome = () => fail(failure(reason));
    await scene.meet("a");
    await scene.clock.advance(999);
    await scene.meet("a");
    assertEquals(scene.checks, 1);
    await scene.clock.advance(2);
    await scene.meet("a");
    assertEquals(scene.checks, checks, reason);
  }
});

/** A cache before several providers, whose keys change each on its own; a token begins with its provider's name. */
function makeShared(generations: Record<string, number | undefined>) {
  const clock = new FakeClock();
  const scene = {
    clock,
    /** Tokens in the order in which they were checked. */
    checked: [] as string[],
    refuse: undefined as Reason | undefined,
    async meet(name: string) {
      return reasonOf(cache.lookUp(name) ?? await cache.authenticate(name, CLIENT));
    },
  };
  const cache = new TokenCache(
    (name) => {
      const provider = name.slice(0, 1);
      const chosen: Chosen = {
        keys: { generation: () => generations[provider] },
        opaque: false,
        authenticate() {
          scene.checked.push(name);
          // The first token of a provider has its keys fetched.
          generations[provider] ??= 100;
          if (scene.refuse !== undefined) return fail(failure(scene.refuse));
          const generation = generations[provider];
          return ok(token({ exp: clock.now() / 1000 + 1000, generation }));
        },
      };
      return ok(chosen);
    },
    { size: 10, ttlMs: 300_000, leewaySecs: 0, keyCooldownMs: 10_000, opaque: false },
    { clock },
  );
  return scene;
}

Deno.test("New keys of one provider take its own tokens out of the cache, and no others.", async () => {
  const generations: Record<string, number | undefined> = { a: 1, b: 2 };
  const scene = makeShared(generations);
  for (const name of ["a1", "b1", "c1"]) assertEquals(await scene.meet(name), "ok");
  generations.a = 3;
  scene.refuse = "unknown_key";
  assertEquals(await scene.meet("a1"), "unknown_key");
  for (const name of ["b1", "c1"]) assertEquals(await scene.meet(name), "ok");
  // Keys that were dropped accept nothing more either.
  generations.b = undefined;
  assertEquals(await scene.meet("b1"), "unknown_key");
  assertEquals(await scene.meet("c1"), "ok");
  assertEquals(scene.checked, ["a1", "b1", "c1", "a1", "b1"]);
});

Deno.test("Refusals hold as long as the keys of their own provider.", async () => {
  const generations: Record<string, number | undefined> = { a: 1, b: 2 };
  const scene = makeShared(generations);
  scene.refuse = "wrong_issuer";
  for (const name of ["a1", "b1", "a1", "b1"]) await scene.meet(name);
  assertEquals(scene.checked, ["a1", "b1"]);
  scene.refuse = undefined;
  generations.a = 3;
  assertEquals([await scene.meet("a1"), await scene.meet("b1")], ["ok", "wrong_issuer"]);
});

Deno.test("A refusal without a provider holds whatever keys change.", async () => {
  const clock = new FakeClock();
  let asked = 0;
  const cache = new TokenCache(
    () => {
      asked++;
      return fail(failure("wrong_issuer"));
    },
    { size: 10, ttlMs: 300_000, leewaySecs: 0, keyCooldownMs: 1000, opaque: false },
    { clock },
  );
  const meet = async () => reasonOf(cache.lookUp("t") ?? await cache.authenticate("t", CLIENT));
  assertEquals([await meet(), await meet(), asked], ["wrong_issuer", "wrong_issuer", 1]);
});

Deno.test("A token is checked anew when its provider says so, though neither it nor the cache ends yet.", async () => {
  const scene = makeScene();
  const ends = scene.clock.now() + 5000;
  scene.outcome = () => ok({ ...token({ exp: scene.nowSecs + 1000 }), cacheUntilMs: ends });
  await scene.meet("a");
  await scene.clock.advance(4999);
  await scene.meet("a");
  assertEquals(scene.checks, 1);
  await scene.clock.advance(1);
  scene.outcome = () => fail(failure("no_longer_accepted"));
  assertEquals(reasonOf(await scene.meet("a")), "no_longer_accepted");
  assertEquals([scene.checks, scene.cache.size], [2, 0]);
});

Deno.test("A token that may not be cached at all is checked each time.", async () => {
  const scene = makeScene();
  const now = scene.clock.now();
  scene.outcome = () => ok({ ...token({ exp: scene.nowSecs + 1000 }), cacheUntilMs: now });
  await scene.meet("a");
  await scene.meet("a");
  assertEquals([scene.checks, scene.cache.size], [2, 0]);
});

/** Every text that is used as the key of a map while something runs, or stands in a value of one. */
async function textsInMaps(run: () => Promise<void>): Promise<string> {
  const { set } = Map.prototype;
  const kept: string[] = [];
  Map.prototype.set = function (key: unknown, value: unknown) {
    kept.push(JSON.stringify([key, value]));
    return set.call(this, key, value);
  };
  try {
    await run();
  } finally {
    Map.prototype.set = set;
  }
  return kept.join("\n");
}

Deno.test("An opaque token is cached by its SHA-256: its text is nowhere in the cache.", async () => {
  const scene = makeScene();
  scene.opaque = true;
  const secret = "opaque-token-that-is-a-secret";
  const kept = await textsInMaps(async () => {
    await scene.meet(secret);
    scene.outcome = () => fail(failure("inactive_token"));
    await scene.meet(`${secret}-refused`);
  });
  assertExcludes(kept, secret);
  for (const text of [secret, `${secret}-refused`]) {
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    const digest = new Uint8Array(bytes).toBase64({ alphabet: "base64url", omitPadding: true });
    assertIncludes(kept, digest);
    // Other systems may log such a digest: sent as a token, it must not be of use.
    assertEquals(scene.cache.lookUp(digest), undefined);
  }
  assertEquals(reasonOf(await scene.meet(secret)), "ok");
  assertEquals(reasonOf(await scene.meet(`${secret}-refused`)), "inactive_token");
  assertEquals(scene.checks, 2);
});
