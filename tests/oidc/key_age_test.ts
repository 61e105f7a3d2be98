/** How long keys may be used without the provider's word, and keys of an earlier run. */
import type { KeySnapshot } from "../../src/oidc/key_source.ts";
import { KeyStore } from "../../src/oidc/key_store.ts";
import type { RestoredKeys } from "../../src/oidc/provider_keys.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { FakeClock, settle } from "../support/clock.ts";
import { COOLDOWN_MS, makeScene, needOf, PROVIDER_URL, type Scene } from "./scripted.ts";
import { lookalikeKey } from "../support/tokens.ts";

const STALE_MS = 600_000;

/** Keys of an earlier run, so many milliseconds old. */
function restored(clock: FakeClock, ageMs: number): RestoredKeys {
  const { n, e } = lookalikeKey("one");
  const keys = [{ kty: "RSA", kid: "one", members: { n: String(n), e: String(e) } }];
  return { issuer: PROVIDER_URL, keys, fetchedAt: clock.now() - ageMs };
}

/** A scene with keys of an earlier run. */
function restoredScene(ageMs: number): Scene {
  const clock = new FakeClock();
  return makeScene({ staleMs: STALE_MS, clock, parts: { restored: restored(clock, ageMs) } });
}

function lines(scene: Scene, level: string): string[] {
  return scene.log.lines.filter((line) => line.level === level).map((line) => line.message);
}

Deno.test("key age: while the provider fails keys are used to the last millisecond, then dropped", async () => {
  let dropped = 0;
  using scene = makeScene({ staleMs: STALE_MS });
  await scene.source.fetch({ sinceMs: 0 });
  scene.source.onChange(() => dropped++);
  scene.provider.refused = true;
  await scene.clock.advance(STALE_MS - 1);
  assert(scene.source.current() !== undefined);
  assertEquals([lines(scene, "error"), dropped], [[], 0]);
  await scene.clock.advance(1);
  assertEquals([scene.source.current(), dropped], [undefined, 1]);
  const refused = await scene.source.fetch({ sinceMs: 0 });
  assert(!refused.ok);
  assertIncludes(refused.failure.text, "connection refused");
});

Deno.test("key age: dropping is logged once, with the reason and what to do", async () => {
  using scene = makeScene({ staleMs: STALE_MS });
  await scene.source.fetch({ sinceMs: 0 });
  scene.provider.refused = true;
  await scene.clock.advance(3 * STALE_MS);
  const errors = scene.log.lines.filter(({ level }) => level === "error");
  assertEquals(errors.length, 1);
  assertEquals(errors[0]?.message, "cached JWKS expired, responding 503");
  assertEquals(errors[0]?.fields.ageSecs, 600);
  assertIncludes(String(errors[0]?.fields.error), "connection refused");
  assert(errors[0]?.fields.hint !== undefined);
});

Deno.test("key age: dropped keys come back with the next success, by themselves", async () => {
  using scene = makeScene({ staleMs: STALE_MS });
  await scene.source.fetch({ sinceMs: 0 });
  scene.provider.refused = true;
  await scene.clock.advance(STALE_MS);
  assertEquals(scene.source.current(), undefined);
  scene.provider.refused = false;
  await scene.clock.advance(60_000);
  // Other generation, so that nothing that was made with the dropped ones counts any more.
  assertEquals(scene.source.current()?.generation, 2);
  assertEquals(lines(scene, "info").at(-2), "JWKS fetch succeeded again");
});

Deno.test("key age: each success makes keys young again", async () => {
  using scene = makeScene({ staleMs: STALE_MS });
  await scene.source.fetch({ sinceMs: 0 });
  scene.provider.refused = true;
  await scene.clock.advance(STALE_MS - 1);
  scene.provider.refused = false;
  await scene.clock.advance(60_000);
  assert(scene.source.current() !== undefined);
  scene.provider.refused = true;
  await scene.clock.advance(STALE_MS - 120_000);
  assert(scene.source.current() !== undefined);
  await scene.clock.advance(120_000);
  assertEquals(scene.source.current(), undefined);
});

Deno.test("key age: keys are not dropped for their age before an attempt has failed", async () => {
  // The first attempt may only begin when they are past the age already.
  using scene = makeScene({ staleMs: 1_000 });
  await scene.source.fetch({ sinceMs: 0 });
  await scene.clock.advance(COOLDOWN_MS - 1);
  assert(scene.source.current() !== undefined);
  await scene.clock.advance(1);
  assertEquals(scene.source.current()?.startedAt, scene.clock.now());
  scene.provider.refused = true;
  await scene.clock.advance(COOLDOWN_MS);
  assertEquals(scene.source.current(), undefined);
});

Deno.test("key age: nothing is left behind when a source with old keys is closed", async () => {
  const scene = makeScene({ staleMs: STALE_MS });
  await scene.source.fetch({ sinceMs: 0 });
  scene.provider.refused = true;
  await scene.clock.advance(STALE_MS + 1);
  scene.source.close();
  assertEquals(scene.clock.pending, 0);
});

Deno.test("key age: keys of an earlier run are available from the start, without a fetch", async () => {
  using scene = restoredScene(100_000);
  const { restored, issuer, startedAt } = scene.source.current() ?? {};
  assertEquals([restored, issuer, startedAt], [true, PROVIDER_URL, scene.clock.now() - 100_000]);
  await scene.clock.advance(300_000);
  assertEquals(scene.provider.fetches.length, 0);
});

Deno.test("key age: the first token has keys of an earlier run confirmed, without waiting for that", async () => {
  using scene = restoredScene(100_000);
  const store = new KeyStore(scene.source, scene.clock, COOLDOWN_MS);
  scene.provider.hold();
  const find = async () => await store.find(needOf(scene.clock, "one"));
  const found = await find();
  assert(found.ok);
  for (let i = 0; i < 100; i++) assert((await find()).ok);
  assertEquals(scene.provider.fetches.length, 1);
  scene.provider.release();
  await settle();
  const confirmed = scene.source.current();
  assertEquals([confirmed?.restored, confirmed?.generation], [undefined, 1]);
  await find();
  await scene.clock.advance(2 * COOLDOWN_MS);
  assertEquals(scene.provider.fetches.length, 1);
});

Deno.test("key age: an unknown key is fetched for at once where keys are of an earlier run", async () => {
  using scene = restoredScene(100_000);
  scene.provider.keys = [lookalikeKey("two", 2)];
  const store = new KeyStore(scene.source, scene.clock, COOLDOWN_MS);
  assert((await store.find(needOf(scene.clock, "two"))).ok);
  assertEquals(scene.provider.fetches, [0]);
});

Deno.test("key age: the age of keys of an earlier run counts", async () => {
  using scene = restoredScene(STALE_MS - 60_000);
  scene.provider.refused = true;
  const store = new KeyStore(scene.source, scene.clock, COOLDOWN_MS);
  await scene.clock.advance(50_000);
  assert((await store.find(needOf(scene.clock, "one"))).ok);
  await settle();
  await scene.clock.advance(9_999);
  assert(scene.source.current() !== undefined);
  await scene.clock.advance(1);
  const refused = await store.find(needOf(scene.clock, "one"));
  assert(!refused.ok);
  assertEquals(refused.failure.reason, "keys_unavailable");
  assertEquals(lines(scene, "error").length, 1);
});

Deno.test("key age: keys of an earlier run that were never needed are gone when they are too old", async () => {
  using scene = restoredScene(STALE_MS - 60_000);
  await scene.clock.advance(60_000);
  assertEquals([scene.source.current(), scene.provider.fetches.length], [undefined, 0]);
});

Deno.test("key age: keys of an earlier run that are too old are not used at all", () => {
  using scene = restoredScene(STALE_MS);
  assertEquals(scene.source.current(), undefined);
  assertEquals(lines(scene, "warn").length, 1);
});

Deno.test("key age: keys of an earlier run with a time to come do not keep newer ones out", async () => {
  using scene = restoredScene(-1_000_000);
  scene.provider.keys = [lookalikeKey("two", 2)];
  const store = new KeyStore(scene.source, scene.clock, COOLDOWN_MS);
  assert((await store.find(needOf(scene.clock, "two"))).ok);
});

Deno.test("key age: onFetched is called for each successful fetch, and for no other", async () => {
  const kept: KeySnapshot[] = [];
  using scene = makeScene({ parts: { onFetched: (keys) => kept.push(keys) } });
  await scene.source.fetch({ sinceMs: 0 });
  scene.provider.refused = true;
  await scene.clock.advance(COOLDOWN_MS);
  await scene.source.fetch({ sinceMs: scene.clock.now() });
  assertEquals(kept.map(({ startedAt }) => startedAt), [scene.source.current()?.startedAt]);
  scene.provider.refused = false;
  await scene.clock.advance(COOLDOWN_MS);
  await scene.source.fetch({ sinceMs: scene.clock.now() });
  assertEquals(kept.length, 2);
});
