import {
  MAX_FETCH_PAUSE_MS,
  MAX_KEY_WAIT_MS,
  MAX_KEY_WAITERS,
  PROVIDER_FETCH_TIMEOUT_MS,
} from "../../src/limits.ts";
import type { KeySnapshot, NoKeys } from "../../src/oidc/key_source.ts";
import type { Result } from "../../src/result.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { settle } from "../support/clock.ts";
import { COOLDOWN_MS, makeScene, PROVIDER_URL, type Scene } from "./scripted.ts";
import { lookalikeKey } from "../support/tokens.ts";

type Outcome = Result<KeySnapshot, NoKeys>;

/** Asks for keys and shows, without waiting, whether the reply has come. */
function ask({ source }: Scene, sinceMs: number): { reply?: Outcome } {
  const asked: { reply?: Outcome } = {};
  void source.since(sinceMs).then((reply) => asked.reply = reply);
  return asked;
}

/** The first keys of a scene, fetched now. */
async function warm(scene: Scene): Promise<KeySnapshot> {
  const first = await scene.source.since(0);
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
  assertEquals(await scene.source.since(0), { ok: true, value: first });
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

Deno.test("provider keys: newer keys wait for the end of the cool-down after a success", async () => {
  using scene = makeScene();
  await warm(scene);
  scene.provider.keys = [lookalikeKey("two", 2)];
  await scene.clock.advance(1);
  const asked = ask(scene, scene.clock.now());
  await scene.clock.advance(COOLDOWN_MS - 2);
  assertEquals([asked.reply, scene.provider.fetches.length], [undefined, 1]);
  await scene.clock.advance(1);
  assertEquals(kids(asked.reply), ["two"]);
  assertEquals(scene.provider.fetches, [0, COOLDOWN_MS]);
});

Deno.test("provider keys: after the cool-down newer keys are fetched at once", async () => {
  using scene = makeScene();
  await warm(scene);
  scene.provider.keys = [lookalikeKey("two", 2)];
  await scene.clock.advance(COOLDOWN_MS);
  assertEquals(kids(await scene.source.since(scene.clock.now())), ["two"]);
  assertEquals(scene.provider.fetches.length, 2);
});

Deno.test("provider keys: a fetch that began before the question is not enough", async () => {
  using scene = makeScene();
  scene.provider.hold();
  const cold = ask(scene, 0);
  await scene.clock.advance(1_000);
  const later = ask(scene, scene.clock.now());
  scene.provider.release();
  await settle();
  assertEquals([kids(cold.reply), later.reply], [["one"], undefined]);
  scene.provider.keys = [lookalikeKey("two", 2)];
  await scene.clock.advance(COOLDOWN_MS - 1_000);
  assertEquals(kids(later.reply), ["two"]);
  assertEquals(scene.provider.fetches, [0, COOLDOWN_MS]);
});

Deno.test("provider keys: without any keys a failure is given at once with a time", async () => {
  using scene = makeScene();
  scene.provider.refused = true;
  const failed = await scene.source.since(0);
  assert(!failed.ok);
  assertEquals(failed.failure.retryAfterSecs, COOLDOWN_MS / 1000);
  assertIncludes(failed.failure.text, "connection refused");
  await scene.clock.advance(3_500);
  const again = await scene.source.since(0);
  assertEquals(!again.ok && again.failure.retryAfterSecs, 7);
  assertEquals(scene.provider.fetches.length, 1);
});

Deno.test("provider keys: the cool-down holds after a failure too, then the provider is asked", async () => {
  using scene = makeScene();
  scene.provider.status = 500;
  await scene.source.since(0);
  await scene.clock.advance(COOLDOWN_MS - 1);
  assertEquals((await scene.source.since(0)).ok, false);
  assertEquals(scene.provider.fetches.length, 1);
  scene.provider.status = 200;
  await scene.clock.advance(1);
  assertEquals(kids(await scene.source.since(0)), ["one"]);
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
  assertEquals([scene.provider.fetches.length, scene.clock.pending], [1, 0]);
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
  assertEquals(await scene.source.since(0), { ok: true, value: first });
});

Deno.test("provider keys: a caller that needs newer keys of a failing provider waits once, then fails", async () => {
  using scene = makeScene();
  await warm(scene);
  scene.provider.refused = true;
  await scene.clock.advance(4_000);
  const asked = ask(scene, scene.clock.now());
  await scene.clock.advance(COOLDOWN_MS - 4_001);
  assertEquals(asked.reply, undefined);
  await scene.clock.advance(1);
  assertEquals(asked.reply?.ok, false);
  assertEquals(scene.provider.fetches.length, 2);
});

Deno.test("provider keys: waiters are bounded, the next one gets the time to retry", async () => {
  using scene = makeScene();
  await warm(scene);
  await scene.clock.advance(2_500);
  const asked = Array.from({ length: MAX_KEY_WAITERS }, () => ask(scene, scene.clock.now()));
  await settle();
  const beyond = await scene.source.since(scene.clock.now());
  assertEquals(!beyond.ok && beyond.failure.retryAfterSecs, 8);
  assertEquals(asked.filter(({ reply }) => reply !== undefined).length, 0);
  await scene.clock.advance(COOLDOWN_MS);
  assertEquals(asked.filter(({ reply }) => reply?.ok).length, MAX_KEY_WAITERS);
  assertEquals(scene.provider.fetches.length, 2);
});

Deno.test("provider keys: no caller waits for a fetch that may not begin in time, it is made all the same", async () => {
  using scene = makeScene({ cooldownMs: 60_000 });
  await warm(scene);
  await scene.clock.advance(5_000);
  const asked = ask(scene, scene.clock.now());
  await settle();
  assertEquals(asked.reply?.ok === false && asked.reply.failure.retryAfterSecs, 55);
  // So near to its beginning it is worth waiting for.
  await scene.clock.advance(55_000 - MAX_KEY_WAIT_MS);
  const later = ask(scene, scene.clock.now());
  await scene.clock.advance(MAX_KEY_WAIT_MS);
  assertEquals([later.reply?.ok, scene.provider.fetches], [true, [0, 60_000]]);
});

Deno.test("provider keys: every wait ends, also while the provider hangs", async () => {
  using scene = makeScene({ cooldownMs: MAX_KEY_WAIT_MS });
  await warm(scene);
  await scene.clock.advance(1);
  const asked = ask(scene, scene.clock.now());
  scene.provider.hold();
  await scene.clock.advance(MAX_KEY_WAIT_MS - 1);
  const during = ask(scene, scene.clock.now());
  await scene.clock.advance(1);
  // The fetch that began meanwhile is still in flight: it ends soon.
  assertEquals(asked.reply?.ok === false && asked.reply.failure.retryAfterSecs, 1);
  await scene.clock.advance(PROVIDER_FETCH_TIMEOUT_MS);
  assertEquals([during.reply?.ok, scene.clock.pending], [false, 1]);
});

Deno.test("provider keys: the newest keys are those of the fetch in flight, or of one that may begin", async () => {
  using scene = makeScene();
  await warm(scene);
  await scene.clock.advance(COOLDOWN_MS);
  scene.provider.keys = [lookalikeKey("two", 2)];
  scene.provider.hold();
  const first = scene.source.newest();
  await scene.clock.advance(1);
  const second = scene.source.newest();
  scene.provider.release();
  assertEquals([kids(await first), kids(await second)], [["two"], ["two"]]);
  assertEquals(scene.provider.fetches, [0, COOLDOWN_MS]);
});

Deno.test("provider keys: where no fetch may begin the newest keys are refused at once, and fetched in time", async () => {
  using scene = makeScene();
  await warm(scene);
  await scene.clock.advance(2_500);
  const refused = await scene.source.newest();
  assertEquals(!refused.ok && refused.failure.untilFetchMs, 7_500);
  await scene.clock.advance(7_499);
  assertEquals(scene.provider.fetches, [0]);
  await scene.clock.advance(1);
  assertEquals(scene.provider.fetches, [0, COOLDOWN_MS]);
});

Deno.test("provider keys: a crowd that waits leaves room for those who ask for the newest", async () => {
  using scene = makeScene();
  await warm(scene);
  await scene.clock.advance(1);
  for (let i = 0; i < MAX_KEY_WAITERS; i++) ask(scene, scene.clock.now());
  await settle();
  scene.provider.hold();
  await scene.clock.advance(COOLDOWN_MS);
  const newest = scene.source.newest();
  scene.provider.release();
  assert((await newest).ok);
});

Deno.test("provider keys: places of those who waited are free again", async () => {
  using scene = makeScene();
  await warm(scene);
  await scene.clock.advance(1);
  for (let round = 1; round <= 3; round++) {
    const asked = Array.from({ length: MAX_KEY_WAITERS }, () => ask(scene, scene.clock.now()));
    await scene.clock.advance(COOLDOWN_MS);
    assertEquals(asked.filter(({ reply }) => reply?.ok).length, MAX_KEY_WAITERS);
  }
  assertEquals(scene.provider.fetches, [0, 1, 2, 3].map((count) => count * COOLDOWN_MS));
});

Deno.test("provider keys: a crowd over the bound never costs more than one fetch a cool-down", async () => {
  using scene = makeScene();
  await warm(scene);
  for (let second = 0; second < 60; second++) {
    await scene.clock.advance(1_000);
    for (let i = 0; i < 300; i++) ask(scene, scene.clock.now());
  }
  assertEquals(scene.provider.fetches, [0, 1, 2, 3, 4, 5, 6].map((count) => count * COOLDOWN_MS));
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
  await scene.clock.advance(1_000);
  const refused = await scene.source.newest();
  assert(!refused.ok);
  assertEquals(refused.failure.untilFetchMs, COOLDOWN_MS - 1_000);
  const waiting = scene.source.since(scene.clock.now());
  await scene.clock.advance(2_000);
  assert((await waiting).ok);
  assertEquals(scene.provider.fetches, [0, 3_000]);
  scene.provider.refused = true;
  await scene.clock.advance(30_000);
  assertEquals(scene.provider.fetches, [0, 3_000, 6_000, 16_000]);
});

Deno.test("provider keys: a fetch in between puts the expiry off", async () => {
  using scene = makeScene({ expiryMs: 60_000 });
  await warm(scene);
  await scene.clock.advance(40_000);
  await scene.source.since(scene.clock.now());
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
  assertEquals((await scene.source.since(scene.clock.now())).ok, false);
  await scene.clock.advance(40_000);
  assertEquals(scene.provider.fetches, [0, COOLDOWN_MS]);
});

Deno.test("provider keys: the same holds for keys that have once expired and are fresh again", async () => {
  using scene = makeScene({ expiryMs: 60_000 });
  await warm(scene);
  await scene.clock.advance(60_000 + COOLDOWN_MS);
  scene.provider.refused = true;
  assertEquals((await scene.source.since(scene.clock.now())).ok, false);
  await scene.clock.advance(40_000);
  assertEquals(scene.provider.fetches, [0, 60_000, 60_000 + COOLDOWN_MS]);
});

Deno.test("provider keys: what Retry-After says grows with the failures, and holds", async () => {
  using scene = makeScene();
  scene.provider.refused = true;
  const waits: unknown[] = [];
  for (let i = 0; i < 6; i++) {
    const failed = await scene.source.since(0);
    const secs = failed.ok ? 0 : failed.failure.retryAfterSecs;
    waits.push(secs);
    await scene.clock.advance(secs * 1000);
    assertEquals(scene.provider.fetches.length, i + 1);
  }
  assertEquals(waits, [10, 20, 40, 60, 60, 60]);
  scene.provider.refused = false;
  assert((await scene.source.since(0)).ok);
});

Deno.test("provider keys: the random source decides how much of a pause is left out", async () => {
  using scene = makeScene({ parts: { random: () => 0.5 } });
  scene.provider.refused = true;
  const waits: unknown[] = [];
  for (let i = 0; i < 5; i++) {
    const failed = await scene.source.since(0);
    waits.push(!failed.ok && failed.failure.retryAfterSecs);
    await scene.clock.advance(MAX_FETCH_PAUSE_MS);
  }
  assertEquals(waits, [10, 15, 30, 45, 45]);
});

Deno.test("provider keys: after a success the pause is the cool-down again", async () => {
  using scene = makeScene();
  scene.provider.refused = true;
  for (let i = 0; i < 5; i++) {
    await scene.source.since(0);
    await scene.clock.advance(MAX_FETCH_PAUSE_MS);
  }
  scene.provider.refused = false;
  await warm(scene);
  scene.provider.refused = true;
  await scene.clock.advance(COOLDOWN_MS);
  const failed = await scene.source.since(scene.clock.now());
  assertEquals(!failed.ok && failed.failure.retryAfterSecs, COOLDOWN_MS / 1000);
});

Deno.test("provider keys: an error is logged once, and so is its end", async () => {
  using scene = makeScene();
  scene.provider.refused = true;
  for (let i = 0; i < 5; i++) {
    await scene.source.since(0);
    await scene.clock.advance(MAX_FETCH_PAUSE_MS);
  }
  assertEquals(scene.provider.fetches.length, 5);
  assertEquals(logged(scene, "error").length, 1);
  assertEquals(logged(scene, "warn").length, 0);
  scene.provider.refused = false;
  await warm(scene);
  await scene.clock.advance(MAX_FETCH_PAUSE_MS);
  await scene.source.since(scene.clock.now());
  assertEquals(logged(scene, "info"), ["JWKS fetch succeeded again", "keys fetched"]);
});

Deno.test("provider keys: another error is logged anew, and the same one after a recovery too", async () => {
  using scene = makeScene();
  const attempt = async () => {
    await scene.source.since(scene.clock.now());
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
  await scene.source.since(0);
  const [line] = scene.log.lines;
  assertEquals(line?.fields.url, `${PROVIDER_URL}/.well-known/openid-configuration`);
  assertEquals(line?.fields.error, "responded with status 503");
});

Deno.test("provider keys: a wrong issuer gives no keys and one line that says what to set", async () => {
  using scene = makeScene();
  scene.provider.issuer = "https://public.test";
  for (let i = 0; i < 3; i++) {
    assertEquals((await scene.source.since(0)).ok, false);
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
  assertEquals((await scene.source.since(scene.clock.now())).ok, false);
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
    assertEquals((await scene.source.since(0)).ok, false);
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
    assertEquals((await scene.source.since(scene.clock.now())).ok, false);
    assertEquals(scene.source.current(), first);
  });
}

Deno.test("provider keys: keys that are not used are logged, each with its reason, once", async () => {
  using scene = makeScene({ expiryMs: 60_000 });
  scene.provider.keys = [lookalikeKey("one"), { kty: "EC", kid: "curve" }];
  await warm(scene);
  await scene.clock.advance(200_000);
  const warnings = scene.log.lines.filter((line) => line.level === "warn");
  assertEquals(warnings.map((line) => line.fields.why), ['key "curve": not an RSA key']);
});

Deno.test("provider keys: the generation changes when the contents change, and only then", async () => {
  using scene = makeScene();
  const generations: number[] = [];
  const refetch = async () => {
    await scene.clock.advance(COOLDOWN_MS);
    const newer = await scene.source.since(scene.clock.now());
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

Deno.test("provider keys: closing ends all waiting, and their fetch never begins", async () => {
  const scene = makeScene({ expiryMs: 60_000 });
  await warm(scene);
  await scene.clock.advance(1);
  const asked = ask(scene, scene.clock.now());
  await settle();
  scene.source.close();
  await settle();
  assertEquals([asked.reply?.ok, scene.clock.pending], [false, 0]);
  await scene.clock.advance(100_000);
  assertEquals(scene.provider.fetches.length, 1);
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
  assertEquals(await scene.source.since(0), { ok: true, value: first });
  assertEquals((await scene.source.since(scene.clock.now() + 1)).ok, false);
  await scene.clock.advance(100_000);
  assertEquals([scene.provider.fetches.length, scene.clock.pending], [1, 0]);
});
