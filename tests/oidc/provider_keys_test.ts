import {
  KEY_FETCH_BURST,
  MAX_FETCH_PAUSE_MS,
  PROVIDER_FETCH_TIMEOUT_MS,
  UNKNOWN_KID_MEMORY_MS,
} from "../../src/limits.ts";
import type { KeySnapshot, KeyWish, NoKeys } from "../../src/oidc/key_source.ts";
import type { Result } from "../../src/result.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { settle } from "../support/clock.ts";
import { COOLDOWN_MS, makeScene, PROVIDER_URL, type Scene } from "./scripted.ts";
import { lookalikeKey } from "../support/tokens.ts";

type Outcome = Result<KeySnapshot, NoKeys>;

/** Asks for keys and shows, without waiting, whether the reply has come. */
function ask({ source }: Scene, sinceMs: number): { reply?: Outcome } {
  const asked: { reply?: Outcome } = {};
  void source.fetch({ sinceMs }).then((reply) => asked.reply = reply);
  return asked;
}

/** Asks for keys that are newer than this moment. */
function newer({ source, clock }: Scene, more: Partial<KeyWish> = {}): Promise<Outcome> {
  return source.fetch({ sinceMs: clock.now(), ...more });
}

/** Uses up what clients may cause at once, a millisecond apart, after the first fetch. */
async function emptyBucket(scene: Scene): Promise<void> {
  for (let fetches = 1; fetches < KEY_FETCH_BURST; fetches++) {
    await scene.clock.advance(1);
    assert((await newer(scene)).ok);
  }
  await scene.clock.advance(1);
}

/** The first keys of a scene, fetched now. */
async function warm(scene: Scene): Promise<KeySnapshot> {
  const first = await scene.source.fetch({ sinceMs: 0 });
  assert(first.ok);
  return first.value;
}

function kids(reply: Outcome | undefined): unknown {
  return reply?.ok ? reply.value.keys.map((key) => key.kid) : reply;
}

/** The lines of a scene's log at a level, with the message alone. */
function logged(scene: Scene, level: string): string[] {
  return scene.log.lines.filter((line) => line.level === level).map((line) => line.message);
}

Deno.test("provider keys: nothing is fetched before somebody asks", async () => {
  using scene = makeScene({ expiryMs: 60_000 });
  await scene.clock.advance(1_000_000);
  assertEquals(scene.source.current(), undefined);
  assertEquals([scene.provider.fetches.length, scene.clock.pending], [0, 0]);
});

Deno.test("provider keys: the first to ask gets issuer and keys", async () => {
  using scene = makeScene();
  const first = await warm(scene);
  assertEquals([first.generation, first.issuer], [1, PROVIDER_URL]);
  assertEquals(kids({ ok: true, value: first }), ["one"]);
  assertEquals(first.startedAt, scene.clock.now());
  assertEquals(scene.source.current(), first);
});

Deno.test("provider keys: cached keys are given without a fetch, however old", async () => {
  using scene = makeScene();
  const first = await warm(scene);
  await scene.clock.advance(1_000 * COOLDOWN_MS);
  assertEquals(await scene.source.fetch({ sinceMs: 0 }), { ok: true, value: first });
  assertEquals(scene.provider.fetches.length, 1);
});

Deno.test("provider keys: 40 cold requests share one fetch", async () => {
  using scene = makeScene();
  scene.provider.hold();
  const asked = Array.from({ length: 40 }, () => ask(scene, 0));
  await settle();
  assertEquals(asked.filter(({ reply }) => reply !== undefined).length, 0);
  scene.provider.release();
  await settle();
  assertEquals(asked.filter(({ reply }) => reply?.ok).length, 40);
  assertEquals(scene.provider.fetches.length, 1);
});

Deno.test("provider keys: clients cause three fetches at once, then one a cool-down", async () => {
  using scene = makeScene();
  await warm(scene);
  await emptyBucket(scene);
  scene.provider.keys = [lookalikeKey("two", 2)];
  const refused = await newer(scene);
  assertEquals(!refused.ok && refused.failure.untilFetchMs, COOLDOWN_MS - KEY_FETCH_BURST);
  assertEquals(!refused.ok && refused.failure.retryAfterSecs, COOLDOWN_MS / 1000);
  assertEquals(scene.provider.fetches, [0, 1, 2]);
  await scene.clock.advance(COOLDOWN_MS - KEY_FETCH_BURST);
  // It was made as soon as it was permitted, without another question.
  assertEquals(scene.provider.fetches, [0, 1, 2, COOLDOWN_MS]);
  assertEquals(kids(await scene.source.fetch({ sinceMs: scene.clock.now() })), ["two"]);
});

Deno.test("provider keys: an empty bucket is full again after three cool-downs", async () => {
  using scene = makeScene();
  await warm(scene);
  await emptyBucket(scene);
  await scene.clock.advance(3 * COOLDOWN_MS);
  const before = scene.provider.fetches.length;
  for (let i = 0; i < KEY_FETCH_BURST; i++) {
    assert((await newer(scene)).ok);
    await scene.clock.advance(1);
  }
  assertEquals((await newer(scene)).ok, false);
  assertEquals(scene.provider.fetches.length, before + KEY_FETCH_BURST);
});

Deno.test("provider keys: a guess takes a fetch from a full bucket only", async () => {
  using scene = makeScene();
  await warm(scene);
  await scene.clock.advance(1);
  const refused = await newer(scene, { guess: true });
  assertEquals(!refused.ok && refused.failure.untilFetchMs, COOLDOWN_MS - 1);
  assert((await newer(scene)).ok);
  // That fetch served the guess too. The next one waits until the bucket is full.
  await scene.clock.advance(1);
  void newer(scene, { guess: true });
  await scene.clock.advance(2 * COOLDOWN_MS - 3);
  assertEquals(scene.provider.fetches, [0, 1]);
  await scene.clock.advance(1);
  assertEquals(scene.provider.fetches, [0, 1, 2 * COOLDOWN_MS]);
});

Deno.test("provider keys: a flood of guesses leaves two fetches to those who need one", async () => {
  using scene = makeScene();
  await warm(scene);
  for (let second = 0; second < 100; second++) {
    await scene.clock.advance(1_000);
    for (let i = 0; i < 300; i++) void newer(scene, { guess: true });
  }
  assertEquals(scene.provider.fetches.length, 11);
  await scene.clock.advance(1);
  assert((await newer(scene)).ok);
  await scene.clock.advance(1);
  assert((await newer(scene)).ok);
});

Deno.test("provider keys: a key that was fetched for in vain is not fetched for again for a while", async () => {
  using scene = makeScene();
  await warm(scene);
  await scene.clock.advance(1);
  assert((await newer(scene, { missing: "kid two" })).ok);
  await scene.clock.advance(1_000);
  const refused = await newer(scene, { missing: "kid two" });
  assertEquals(!refused.ok && refused.failure.missingForMs, UNKNOWN_KID_MEMORY_MS - 1_000);
  assert((await newer(scene, { missing: "kid three" })).ok);
  assertEquals(scene.provider.fetches.length, 3);
  await scene.clock.advance(UNKNOWN_KID_MEMORY_MS - 1_000);
  assert((await newer(scene, { missing: "kid two" })).ok);
  assertEquals(scene.provider.fetches.length, 4);
});

Deno.test("provider keys: with a long cool-down a missing key is remembered as long", async () => {
  using scene = makeScene({ cooldownMs: 100_000 });
  await warm(scene);
  await scene.clock.advance(1);
  assert((await newer(scene, { missing: "kid two" })).ok);
  await scene.clock.advance(99_999);
  assertEquals((await newer(scene, { missing: "kid two" })).ok, false);
  await scene.clock.advance(1);
  assert((await newer(scene, { missing: "kid two" })).ok);
});

Deno.test("provider keys: a fetch that began before the question is its outcome, one more shows", async () => {
  using scene = makeScene();
  scene.provider.hold();
  const cold = ask(scene, 0);
  await scene.clock.advance(1_000);
  const askedAt = scene.clock.now();
  const later = ask(scene, askedAt);
  scene.provider.release();
  await settle();
  assertEquals([kids(cold.reply), kids(later.reply)], [["one"], ["one"]]);
  assert(later.reply?.ok && later.reply.value.startedAt < askedAt);
  scene.provider.keys = [lookalikeKey("two", 2)];
  assertEquals(kids(await scene.source.fetch({ sinceMs: askedAt })), ["two"]);
  assertEquals(scene.provider.fetches, [0, 1_000]);
});

Deno.test("provider keys: without any keys a failure is given at once with a time", async () => {
  using scene = makeScene();
  scene.provider.refused = true;
  const failed = await scene.source.fetch({ sinceMs: 0 });
  assert(!failed.ok);
  assertEquals(failed.failure.retryAfterSecs, COOLDOWN_MS / 1000);
  assertIncludes(failed.failure.text, "connection refused");
  await scene.clock.advance(3_500);
  const again = await scene.source.fetch({ sinceMs: 0 });
  assertEquals(!again.ok && again.failure.retryAfterSecs, 7);
  assertEquals(scene.provider.fetches.length, 1);
});

Deno.test("provider keys: the cool-down holds after a failure too, then the provider is asked", async () => {
  using scene = makeScene();
  scene.provider.status = 500;
  await scene.source.fetch({ sinceMs: 0 });
  await scene.clock.advance(COOLDOWN_MS - 1);
  assertEquals((await scene.source.fetch({ sinceMs: 0 })).ok, false);
  assertEquals(scene.provider.fetches.length, 1);
  scene.provider.status = 200;
  await scene.clock.advance(1);
  assertEquals(kids(await scene.source.fetch({ sinceMs: 0 })), ["one"]);
  assertEquals(scene.provider.fetches, [0, COOLDOWN_MS]);
});

Deno.test("provider keys: all cold requests of a failed fetch fail with it", async () => {
  using scene = makeScene();
  scene.provider.hold();
  scene.provider.refused = true;
  const asked = Array.from({ length: 40 }, () => ask(scene, 0));
  scene.provider.release();
  await settle();
  assertEquals(asked.filter(({ reply }) => reply?.ok === false).length, 40);
  // The one timer is for the next attempt.
  assertEquals([scene.provider.fetches.length, scene.clock.pending], [1, 1]);
});

Deno.test("provider keys: a provider that hangs is given up after the limit of a fetch", async () => {
  using scene = makeScene();
  scene.provider.hold();
  const asked = ask(scene, 0);
  await scene.clock.advance(PROVIDER_FETCH_TIMEOUT_MS - 1);
  assertEquals(asked.reply, undefined);
  await scene.clock.advance(1);
  const { reply } = asked;
  // The cool-down counts from the beginning of the attempt.
  assertEquals(reply?.ok === false && reply.failure.retryAfterSecs, 5);
});

Deno.test("provider keys: cached keys stay in use when the provider fails", async () => {
  using scene = makeScene({ expiryMs: 60_000 });
  const first = await warm(scene);
  scene.provider.refused = true;
  await scene.clock.advance(600_000);
  assert(scene.provider.fetches.length > 1);
  assertEquals(scene.source.current(), first);
  assertEquals(await scene.source.fetch({ sinceMs: 0 }), { ok: true, value: first });
});

Deno.test("provider keys: a caller that needs newer keys of a failing provider waits once, then fails", async () => {
  using scene = makeScene();
  await warm(scene);
  scene.provider.refused = true;
  await scene.clock.advance(4_000);
  scene.provider.hold();
  const asked = ask(scene, scene.clock.now());
  await settle();
  assertEquals(asked.reply, undefined);
  scene.provider.release();
  await settle();
  assertEquals(asked.reply?.ok, false);
  // The back-off holds although the bucket has more.
  const again = await newer(scene);
  assertEquals(!again.ok && again.failure.untilFetchMs, COOLDOWN_MS);
  assertEquals(scene.provider.fetches.length, 2);
});

Deno.test("provider keys: the outcome of a fetch is its own, also where the next one begins at its end", async () => {
  using scene = makeScene({ cooldownMs: 1_000, expiryMs: 10_000 });
  await warm(scene);
  scene.provider.hold();
  await scene.clock.advance(10_000);
  await scene.clock.advance(1);
  // The fetch at the expiry is in flight; when it is given up the back-off is over.
  const sinceMs = scene.clock.now();
  const asked = newer(scene, { missing: "kid two" });
  await scene.clock.advance(PROVIDER_FETCH_TIMEOUT_MS);
  assertEquals((await asked).ok, false);
  assertEquals(scene.provider.fetches, [0, 10_000, 15_000]);
  scene.provider.keys = [lookalikeKey("two", 2)];
  const again = scene.source.fetch({ sinceMs, missing: "kid two" });
  scene.provider.release();
  assertEquals(kids(await again), ["two"]);
});

Deno.test("provider keys: the fetch in flight is shared by all who ask meanwhile", async () => {
  using scene = makeScene();
  await warm(scene);
  await scene.clock.advance(COOLDOWN_MS);
  scene.provider.keys = [lookalikeKey("two", 2)];
  scene.provider.hold();
  const first = newer(scene);
  await scene.clock.advance(1);
  const second = newer(scene, { guess: true });
  scene.provider.release();
  assertEquals([kids(await first), kids(await second)], [["two"], ["two"]]);
  assertEquals(scene.provider.fetches, [0, COOLDOWN_MS]);
});

Deno.test("provider keys: a crowd costs three fetches and one more a cool-down", async () => {
  using scene = makeScene();
  await warm(scene);
  for (let second = 0; second < 60; second++) {
    await scene.clock.advance(1_000);
    for (let i = 0; i < 300; i++) ask(scene, scene.clock.now());
  }
  assertEquals(scene.provider.fetches, [
    0,
    1_000,
    2_000,
    ...[1, 2, 3, 4, 5, 6].map((n) => n * COOLDOWN_MS),
  ]);
});

Deno.test("provider keys: without any keys a failed fetch is repeated by itself, less and less often", async () => {
  using scene = makeScene();
  scene.provider.refused = true;
  assertEquals((await scene.source.fetch({ sinceMs: 0 })).ok, false);
  await scene.clock.advance(300_000);
  assertEquals(scene.provider.fetches.slice(0, 5), [0, 10_000, 30_000, 70_000, 130_000]);
  scene.provider.refused = false;
  await scene.clock.advance(MAX_FETCH_PAUSE_MS);
  assert(scene.source.current() !== undefined);
});

Deno.test("provider keys: keys are fetched again by themselves when they expire", async () => {
  using scene = makeScene({ expiryMs: 60_000 });
  await warm(scene);
  scene.provider.keys = [lookalikeKey("two", 2)];
  await scene.clock.advance(59_999);
  assertEquals(scene.provider.fetches.length, 1);
  await scene.clock.advance(1);
  assertEquals(scene.source.current()?.keys[0]?.kid, "two");
  await scene.clock.advance(60_000);
  assertEquals(scene.provider.fetches, [0, 60_000, 120_000]);
});

Deno.test("provider keys: without an expiry age they are fetched at half of the age where they are stale", async () => {
  using scene = makeScene({ staleMs: 600_000 });
  await warm(scene);
  await scene.clock.advance(299_999);
  assertEquals(scene.provider.fetches, [0]);
  await scene.clock.advance(300_001);
  assertEquals(scene.provider.fetches, [0, 300_000, 600_000]);
  assertEquals(scene.source.current()?.startedAt, scene.clock.now());
});

Deno.test("provider keys: an expiry age beyond half of the stale one does not put that off", async () => {
  using scene = makeScene({ staleMs: 600_000, expiryMs: 600_000 });
  await warm(scene);
  await scene.clock.advance(300_000);
  assertEquals(scene.provider.fetches, [0, 300_000]);
});

Deno.test("provider keys: an expiry age below the cool-down is kept", async () => {
  using scene = makeScene({ expiryMs: 3_000 });
  await warm(scene);
  await scene.clock.advance(10_000);
  assertEquals(scene.provider.fetches, [0, 3_000, 6_000, 9_000]);
});

Deno.test("provider keys: with an expiry age below the cool-down callers cause no fetch before it, and failures back off", async () => {
  using scene = makeScene({ expiryMs: 3_000 });
  await warm(scene);
  await emptyBucket(scene);
  assertEquals((await newer(scene)).ok, false);
  await scene.clock.advance(5_999);
  assertEquals(scene.provider.fetches, [0, 1, 2, 3_002, 6_002]);
  scene.provider.refused = true;
  await scene.clock.advance(30_000);
  assertEquals(scene.provider.fetches.slice(5), [9_002, 19_002]);
});

Deno.test("provider keys: a fetch in between puts the expiry off", async () => {
  using scene = makeScene({ expiryMs: 60_000 });
  await warm(scene);
  await scene.clock.advance(40_000);
  await scene.source.fetch({ sinceMs: scene.clock.now() });
  await scene.clock.advance(59_999);
  assertEquals(scene.provider.fetches, [0, 40_000]);
  await scene.clock.advance(1);
  assertEquals(scene.provider.fetches, [0, 40_000, 100_000]);
});

Deno.test("provider keys: a failed fetch at expiry is tried again, first after the cool-down, then less and less often", async () => {
  using scene = makeScene({ expiryMs: 60_000 });
  await warm(scene);
  scene.provider.refused = true;
  await scene.clock.advance(255_000);
  assertEquals(scene.provider.fetches, [0, 60_000, 70_000, 90_000, 130_000, 190_000, 250_000]);
  scene.provider.refused = false;
  await scene.clock.advance(120_000);
  assertEquals(scene.provider.fetches.slice(7), [310_000, 370_000]);
});

Deno.test("provider keys: a failed fetch before the expiry is not repeated by itself", async () => {
  using scene = makeScene({ expiryMs: 60_000 });
  await warm(scene);
  scene.provider.refused = true;
  await scene.clock.advance(COOLDOWN_MS);
  assertEquals((await scene.source.fetch({ sinceMs: scene.clock.now() })).ok, false);
  await scene.clock.advance(40_000);
  assertEquals(scene.provider.fetches, [0, COOLDOWN_MS]);
});

Deno.test("provider keys: the same holds for keys that have once expired and are fresh again", async () => {
  using scene = makeScene({ expiryMs: 60_000 });
  await warm(scene);
  await scene.clock.advance(60_000 + COOLDOWN_MS);
  scene.provider.refused = true;
  assertEquals((await scene.source.fetch({ sinceMs: scene.clock.now() })).ok, false);
  await scene.clock.advance(40_000);
  assertEquals(scene.provider.fetches, [0, 60_000, 60_000 + COOLDOWN_MS]);
});

Deno.test("provider keys: what Retry-After says grows with the failures, and holds", async () => {
  using scene = makeScene();
  await warm(scene);
  scene.provider.refused = true;
  await scene.clock.advance(COOLDOWN_MS);
  const waits: unknown[] = [];
  for (let i = 0; i < 6; i++) {
    const failed = await newer(scene);
    const secs = failed.ok ? 0 : failed.failure.retryAfterSecs;
    waits.push(secs);
    await scene.clock.advance(secs * 1000);
    assertEquals(scene.provider.fetches.length, i + 2);
  }
  assertEquals(waits, [10, 20, 40, 60, 60, 60]);
  scene.provider.refused = false;
  assert((await newer(scene)).ok);
});

Deno.test("provider keys: the random source decides how much of a pause is left out", async () => {
  using scene = makeScene({ parts: { random: () => 0.5 } });
  await warm(scene);
  scene.provider.refused = true;
  await scene.clock.advance(COOLDOWN_MS);
  const waits: unknown[] = [];
  for (let i = 0; i < 5; i++) {
    const failed = await newer(scene);
    waits.push(!failed.ok && failed.failure.retryAfterSecs);
    await scene.clock.advance(MAX_FETCH_PAUSE_MS);
  }
  assertEquals(waits, [10, 15, 30, 45, 45]);
});

Deno.test("provider keys: after a success the pause is the cool-down again", async () => {
  using scene = makeScene();
  await warm(scene);
  scene.provider.refused = true;
  for (let i = 0; i < 5; i++) {
    await scene.clock.advance(MAX_FETCH_PAUSE_MS);
    assertEquals((await newer(scene)).ok, false);
  }
  await scene.clock.advance(MAX_FETCH_PAUSE_MS);
  scene.provider.refused = false;
  assert((await newer(scene)).ok);
  scene.provider.refused = true;
  await scene.clock.advance(COOLDOWN_MS);
  const failed = await scene.source.fetch({ sinceMs: scene.clock.now() });
  assertEquals(!failed.ok && failed.failure.retryAfterSecs, COOLDOWN_MS / 1000);
});

Deno.test("provider keys: an error is logged once, and so is its end", async () => {
  using scene = makeScene();
  scene.provider.refused = true;
  assertEquals((await scene.source.fetch({ sinceMs: 0 })).ok, false);
  await scene.clock.advance(5 * MAX_FETCH_PAUSE_MS);
  assert(scene.provider.fetches.length > 5);
  assertEquals(logged(scene, "error").length, 1);
  assertEquals(logged(scene, "warn").length, 0);
  scene.provider.refused = false;
  await scene.clock.advance(MAX_FETCH_PAUSE_MS);
  await scene.source.fetch({ sinceMs: scene.clock.now() });
  assertEquals(logged(scene, "info"), ["JWKS fetch succeeded again", "keys fetched"]);
});

Deno.test("provider keys: another error is logged anew, and the same one after a recovery too", async () => {
  using scene = makeScene();
  const attempt = async () => {
    await scene.source.fetch({ sinceMs: scene.clock.now() });
    await scene.clock.advance(MAX_FETCH_PAUSE_MS);
  };
  scene.provider.refused = true;
  await attempt();
  await attempt();
  scene.provider.refused = false;
  scene.provider.status = 500;
  await attempt();
  await attempt();
  assertEquals(logged(scene, "error").length, 2);
  scene.provider.status = 200;
  await attempt();
  scene.provider.status = 500;
  await attempt();
  await attempt();
  assertEquals(logged(scene, "error").length, 2);
  assertEquals(logged(scene, "warn"), [
    "JWKS refresh failed, using cached keys",
  ]);
});

Deno.test("provider keys: the log of an error names the address and what happened", async () => {
  using scene = makeScene();
  scene.provider.status = 503;
  await scene.source.fetch({ sinceMs: 0 });
  const [line] = scene.log.lines;
  assertEquals(line?.fields.url, `${PROVIDER_URL}/.well-known/openid-configuration`);
  assertEquals(line?.fields.error, "responded with status 503");
});

Deno.test("provider keys: a wrong issuer gives no keys and one line that says what to set", async () => {
  using scene = makeScene();
  scene.provider.issuer = "https://public.test";
  for (let i = 0; i < 3; i++) {
    assertEquals((await scene.source.fetch({ sinceMs: 0 })).ok, false);
    await scene.clock.advance(COOLDOWN_MS);
  }
  assertEquals(scene.log.lines.map((line) => line.level), ["error"]);
  assertIncludes(String(scene.log.lines[0]?.fields.hint), "ISSUER=");
  assertIncludes(String(scene.log.lines[0]?.fields.hint), "https://public.test");
});

const SPELLINGS: readonly (readonly [sentence: string, documented: string, expected: string])[] = [
  ["as expected", PROVIDER_URL, PROVIDER_URL],
  ["with a slash more than expected", `${PROVIDER_URL}/`, PROVIDER_URL],
  ["with a slash less than expected", PROVIDER_URL, `${PROVIDER_URL}/`],
];

for (const [sentence, documented, expectedIssuer] of SPELLINGS) {
  Deno.test(`provider keys: an issuer ${sentence} is kept as the document spells it`, async () => {
    using scene = makeScene({ expectedIssuer });
    scene.provider.issuer = documented;
    assertEquals((await warm(scene)).issuer, documented);
  });
}

Deno.test("provider keys: an issuer that turns wrong leaves the cached keys in use", async () => {
  using scene = makeScene();
  const first = await warm(scene);
  scene.provider.issuer = "https://public.test";
  await scene.clock.advance(COOLDOWN_MS);
  assertEquals((await scene.source.fetch({ sinceMs: scene.clock.now() })).ok, false);
  assertEquals(scene.source.current(), first);
});

const NO_USABLE_KEYS: readonly (readonly [sentence: string, keys: readonly unknown[]])[] = [
  ["an empty key set", []],
  ["a key set of odd keys alone", [
    null,
    "key",
    { kty: "EC" },
    lookalikeKey("e", 1, { use: "enc" }),
  ]],
];

for (const [sentence, keys] of NO_USABLE_KEYS) {
  Deno.test(`provider keys: ${sentence} is an error where tokens need public keys`, async () => {
    using scene = makeScene();
    scene.provider.keys = keys;
    assertEquals((await scene.source.fetch({ sinceMs: 0 })).ok, false);
    assertIncludes(scene.log.text(), "no usable key");
  });

  Deno.test(`provider keys: ${sentence} will do where a secret is set`, async () => {
    using scene = makeScene({ keysOptional: true });
    scene.provider.keys = keys;
    assertEquals((await warm(scene)).keys, []);
  });
}

for (const keysOptional of [false, true]) {
  const where = keysOptional ? ", also where a secret is set" : "";
  Deno.test(`provider keys: a key set that turns empty leaves the keys held in use${where}`, async () => {
    using scene = makeScene({ keysOptional });
    const first = await warm(scene);
    scene.provider.keys = [];
    await scene.clock.advance(COOLDOWN_MS);
    assertEquals((await scene.source.fetch({ sinceMs: scene.clock.now() })).ok, false);
    assertEquals(scene.source.current(), first);
  });
}

Deno.test("provider keys: keys that are not used are logged, each with its reason, once", async () => {
  using scene = makeScene({ expiryMs: 60_000 });
  scene.provider.keys = [lookalikeKey("one"), { kty: "EC", kid: "curve" }];
  await warm(scene);
  await scene.clock.advance(200_000);
  const warnings = scene.log.lines.filter((line) => line.level === "warn");
  assertEquals(warnings.map((line) => line.fields.why), [
    'key "curve": its curve is not one of P-256, P-384, P-521',
  ]);
});

Deno.test("provider keys: the generation changes when the contents change, and only then", async () => {
  using scene = makeScene();
  const generations: number[] = [];
  const refetch = async () => {
    await scene.clock.advance(COOLDOWN_MS);
    const newer = await scene.source.fetch({ sinceMs: scene.clock.now() });
    assert(newer.ok);
    assertEquals(newer.value.startedAt, scene.clock.now());
    generations.push(newer.value.generation);
  };
  await warm(scene);
  await refetch();
  scene.provider.keys = [lookalikeKey("one"), { kty: "EC" }];
  await refetch();
  scene.provider.keys = [lookalikeKey("one", 2)];
  await refetch();
  scene.provider.keys = [lookalikeKey("one", 2, { alg: "RS256" })];
  await refetch();
  scene.provider.issuer = `${PROVIDER_URL}/`;
  await refetch();
  await refetch();
  assertEquals(generations, [1, 1, 2, 3, 4, 4]);
});

Deno.test("provider keys: closing leaves no timer for the expiry", async () => {
  const scene = makeScene({ expiryMs: 60_000 });
  await warm(scene);
  assertEquals(scene.clock.pending, 1);
  scene.source.close();
  assertEquals(scene.clock.pending, 0);
});

Deno.test("provider keys: closing ends what is scheduled: that fetch never begins", async () => {
  const scene = makeScene({ expiryMs: 60_000 });
  await warm(scene);
  await emptyBucket(scene);
  const asked = ask(scene, scene.clock.now());
  await settle();
  scene.source.close();
  await settle();
  assertEquals([asked.reply?.ok, scene.clock.pending], [false, 0]);
  await scene.clock.advance(100_000);
  assertEquals(scene.provider.fetches.length, 3);
});

Deno.test("provider keys: closing ends a fetch in flight, without a timer or a word left", async () => {
  const scene = makeScene();
  scene.provider.hold();
  const asked = ask(scene, 0);
  await settle();
  scene.source.close();
  await settle();
  assertEquals([asked.reply?.ok, scene.clock.pending], [false, 0]);
  assertEquals([scene.source.current(), scene.log.lines], [undefined, []]);
});

Deno.test("provider keys: once closed nothing is fetched any more, cached keys are still given", async () => {
  const scene = makeScene();
  const first = await warm(scene);
  scene.source.close();
  assertEquals(await scene.source.fetch({ sinceMs: 0 }), { ok: true, value: first });
  assertEquals((await scene.source.fetch({ sinceMs: scene.clock.now() + 1 })).ok, false);
  await scene.clock.advance(100_000);
  assertEquals([scene.provider.fetches.length, scene.clock.pending], [1, 0]);
});
