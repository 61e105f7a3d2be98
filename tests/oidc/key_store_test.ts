import { MAX_KEY_WAITERS, MAX_KEYS_TRIED, MAX_UNKNOWN_KIDS } from "../../src/limits.ts";
import { type Found, KeyStore, type VerificationKey } from "../../src/oidc/key_store.ts";
import type { Failure } from "../../src/failure.ts";
import type { Result } from "../../src/result.ts";
import { publicRow } from "../support/algorithms.ts";
import { assert, assertEquals, assertIs } from "../support/assert.ts";
import { settle } from "../support/clock.ts";
import type { Jwk } from "../support/tokens.ts";
import { COOLDOWN_MS, makeScene, PROVIDER_URL, type Scene } from "./scripted.ts";
import { lookalikeKey } from "../support/tokens.ts";

type Outcome = Result<Found, Failure>;

/** A store over a scripted provider. */
interface StoreScene extends Scene {
  readonly store: KeyStore;
  /** Asks as a request that came in just now. */
  find(kid: string | undefined, alg?: string): Promise<Outcome>;
  /** The same, showing without waiting whether the reply has come. */
  ask(kid: string | undefined, alg?: string): { reply?: Outcome };
}

/** Builds a store; its provider has these keys, or the key "one". */
function makeStore(keys: readonly Jwk[] = [lookalikeKey("one")]): StoreScene {
  const scene = makeScene();
  scene.provider.keys = keys;
  const store = new KeyStore(scene.source, scene.clock, COOLDOWN_MS);
  const find = (kid: string | undefined, alg = "RS256") =>
    store.find(publicRow(alg), kid, scene.clock.now());
  const ask = (kid: string | undefined, alg?: string) => {
    const asked: { reply?: Outcome } = {};
    void find(kid, alg).then((reply) => asked.reply = reply);
    return asked;
  };
  return { ...scene, store, find, ask, [Symbol.dispose]: () => scene.source.close() };
}

/** The reason of a failure, or how many keys were found. */
function outcome(reply: Outcome | undefined): string | number | undefined {
  return reply?.ok ? reply.value.keys.length : reply?.failure.reason;
}

interface CandidateRow {
  readonly sentence: string;
  readonly keys: readonly Jwk[];
  readonly alg?: string;
  readonly kid?: string;
  /** Positions of the keys that may be tried. */
  readonly found: readonly number[];
}

const key = lookalikeKey;

const CANDIDATES: readonly CandidateRow[] = [
  { sentence: "kid picks its key", keys: [key("a", 1), key("b", 2)], kid: "b", found: [1] },
  {
    sentence: "kid picks all keys of it",
    keys: [key("a", 1), key("a", 2)],
    kid: "a",
    found: [0, 1],
  },
  {
    sentence: "kid is compared with its case, then keys without one are tried",
    keys: [key("A", 1), key(undefined, 2)],
    kid: "a",
    found: [1],
  },
  {
    sentence: "a token without kid gets every key",
    keys: [key("a", 1), key(undefined, 2), key("c", 3)],
    found: [0, 2, 1],
  },
  {
    sentence: "a token without kid gets only keys of its algorithm",
    keys: [key("a", 1, { alg: "RS256" }), key("b", 2, { alg: "RS512" }), key("c", 3)],
    alg: "RS512",
    found: [1, 2],
  },
  {
    sentence: "a key without alg serves RS256",
    keys: [key("a")],
    kid: "a",
    found: [0],
  },
  {
    sentence: "a key without alg serves RS384",
    keys: [key("a")],
    kid: "a",
    alg: "RS384",
    found: [0],
  },
  {
    sentence: "a key without alg serves RS512",
    keys: [key("a")],
    kid: "a",
    alg: "RS512",
    found: [0],
  },
  {
    sentence: "a key for RS256 does not serve RS512",
    keys: [key("a", 1, { alg: "RS256" })],
    kid: "a",
    alg: "RS512",
    found: [],
  },
  {
    sentence: "of two keys of one kid the one of the algorithm is taken",
    keys: [key("a", 1, { alg: "RS256" }), key("a", 2, { alg: "RS384" })],
    kid: "a",
    alg: "RS384",
    found: [1],
  },
  {
    sentence: "a kid of another algorithm falls back to keys without kid",
    keys: [key("a", 1, { alg: "RS256" }), key(undefined, 2)],
    kid: "a",
    alg: "RS512",
    found: [1],
  },
  { sentence: "an unknown kid finds nothing", keys: [key("a")], kid: "b", found: [] },
  { sentence: "an empty kid is not a missing one", keys: [key("a")], kid: "", found: [] },
  {
    sentence: "an empty kid is a name like others",
    keys: [key("", 1), key("b", 2)],
    kid: "",
    found: [0],
  },
  { sentence: "the kid __proto__ finds nothing", keys: [key("a")], kid: "__proto__", found: [] },
  {
    sentence: "the kid constructor finds nothing",
    keys: [key("a")],
    kid: "constructor",
    found: [],
  },
  {
    sentence: "a key may be named __proto__",
    keys: [key("__proto__")],
    kid: "__proto__",
    found: [0],
  },
  {
    sentence: "no more keys are given than may be tried",
    keys: Array.from({ length: MAX_KEYS_TRIED + 5 }, (_, i) => key(`k${i}`, i + 1)),
    found: Array.from({ length: MAX_KEYS_TRIED }, (_, i) => i),
  },
];

for (const { sentence, keys, alg = "RS256", kid, found } of CANDIDATES) {
  Deno.test(`key store: ${sentence}`, async () => {
    using scene = makeStore(keys);
    const ring = await scene.store.ring();
    assert(ring.ok);
    const given = ring.value.candidates(publicRow(alg), kid).keys;
    const moduli = given.map((one) => modulusOf(one, alg));
    assertEquals(moduli.map((n) => keys.findIndex((jwk) => jwk.n === n)), found);
  });
}

/** The modulus that a key's check is made from. Only the first check of a key is made. */
function modulusOf(key: VerificationKey, alg: string): string | undefined {
  let modulus: string | undefined;
  key.checkFor({
    ...publicRow(alg),
    makeCheck({ n }) {
      modulus = n;
      return () => false;
    },
  });
  return modulus;
}

Deno.test("key store: the check of a key is made once for each algorithm", async () => {
  using scene = makeStore();
  const found = await scene.find("one");
  assert(found.ok);
  const [first] = found.value.keys;
  const check = first?.checkFor(publicRow("RS256"));
  assert(check !== undefined);
  const again = await scene.find("one");
  assert(again.ok);
  assertIs(again.value.keys[0]?.checkFor(publicRow("RS256")), check);
  assert(first?.checkFor(publicRow("RS512")) !== check);
});

Deno.test("key store: nothing is fetched before the first question", () => {
  using scene = makeStore();
  assertEquals(scene.provider.fetches.length, 0);
});

Deno.test("key store: 40 cold questions for different keys cost one fetch", async () => {
  using scene = makeStore();
  scene.provider.hold();
  const asked = Array.from({ length: 40 }, (_, i) => scene.ask(i % 2 === 0 ? "one" : `other${i}`));
  await settle();
  scene.provider.release();
  await settle();
  assertEquals(asked.filter(({ reply }) => outcome(reply) === 1).length, 20);
  assertEquals(asked.filter(({ reply }) => outcome(reply) === "unknown_key").length, 20);
  // The one timer is that of the age of the keys.
  assertEquals([scene.provider.fetches.length, scene.clock.pending], [1, 1]);
});

Deno.test("key store: a known key never waits, whatever others wait for", async () => {
  using scene = makeStore();
  await scene.find("one");
  await scene.clock.advance(1);
  const unknown = scene.ask("two");
  await settle();
  assertEquals(outcome(await scene.find("one")), 1);
  assertEquals(unknown.reply, undefined);
});

Deno.test("key store: a key rotated in right after a fetch waits for the next one and passes", async () => {
  using scene = makeStore();
  await scene.find("one");
  scene.provider.keys = [lookalikeKey("two", 2)];
  await scene.clock.advance(1);
  const asked = scene.ask("two");
  await scene.clock.advance(COOLDOWN_MS - 2);
  assertEquals(asked.reply, undefined);
  await scene.clock.advance(1);
  assertEquals(outcome(asked.reply), 1);
  assertEquals(asked.reply?.ok && asked.reply.value.ring.generation, 2);
  assertEquals(scene.provider.fetches.length, 2);
});

Deno.test("key store: a key rotated in while a fetch is under way is waited for too", async () => {
  using scene = makeStore();
  await scene.find("one");
  await scene.clock.advance(COOLDOWN_MS);
  scene.provider.hold();
  const early = scene.ask("never");
  await settle();
  await scene.clock.advance(1);
  const late = scene.ask("two");
  scene.provider.release();
  await settle();
  assertEquals([outcome(early.reply), late.reply], ["unknown_key", undefined]);
  scene.provider.keys = [lookalikeKey("two", 2)];
  await scene.clock.advance(COOLDOWN_MS);
  assertEquals(outcome(late.reply), 1);
});

Deno.test("key store: once the cool-down is over an unknown key is fetched for at once", async () => {
  using scene = makeStore();
  await scene.find("one");
  await scene.clock.advance(COOLDOWN_MS);
  scene.provider.keys = [lookalikeKey("two", 2)];
  assertEquals(outcome(await scene.find("two")), 1);
});

Deno.test("key store: a key that was taken away is unknown after the next fetch", async () => {
  using scene = makeStore();
  await scene.find("one");
  scene.provider.keys = [lookalikeKey("two", 2)];
  await scene.clock.advance(COOLDOWN_MS);
  await scene.find("two");
  await scene.clock.advance(COOLDOWN_MS);
  assertEquals(outcome(await scene.find("one")), "unknown_key");
});

Deno.test("key store: random key ids cost one fetch a cool-down at most", async () => {
  using scene = makeStore();
  await scene.find("one");
  for (let step = 0; step < 50; step++) {
    await scene.clock.advance(1_000);
    for (let i = 0; i < 20; i++) scene.ask(`random ${step} ${i}`);
  }
  assertEquals(scene.provider.fetches, [0, 1, 2, 3, 4, 5].map((count) => count * COOLDOWN_MS));
});

Deno.test("key store: a key id that a fetch did not bring is refused at once until the cool-down ends", async () => {
  using scene = makeStore();
  await scene.find("one");
  await scene.clock.advance(COOLDOWN_MS);
  assertEquals(outcome(await scene.find("two")), "unknown_key");
  await scene.clock.advance(1);
  assertEquals(outcome(await scene.find("two")), "unknown_key");
  await scene.clock.advance(COOLDOWN_MS - 2);
  assertEquals(outcome(await scene.find("two")), "unknown_key");
  assertEquals([scene.provider.fetches.length, scene.clock.pending], [2, 1]);
  scene.provider.keys = [lookalikeKey("two", 2)];
  await scene.clock.advance(1);
  assertEquals(outcome(await scene.find("two")), 1);
  assertEquals(scene.provider.fetches.length, 3);
});

Deno.test("key store: what the first fetch did not bring is refused at once until the cool-down ends", async () => {
  using scene = makeStore();
  assertEquals(outcome(await scene.find("two")), "unknown_key");
  await scene.clock.advance(COOLDOWN_MS - 1);
  assertEquals(outcome(await scene.find("two")), "unknown_key");
  assertEquals(scene.provider.fetches.length, 1);
  await scene.clock.advance(1);
  assertEquals(outcome(await scene.find("two")), "unknown_key");
  assertEquals(scene.provider.fetches.length, 2);
});

Deno.test("key store: a remembered key id is refused at once with every algorithm", async () => {
  using scene = makeStore();
  for (const alg of ["RS256", "RS384", "RS512"]) {
    assertEquals(outcome(await scene.find("two", alg)), "unknown_key");
    await scene.clock.advance(1);
  }
  assertEquals(scene.provider.fetches.length, 1);
});

Deno.test("key store: a known key id of another algorithm is refused at once, and fetched for in time", async () => {
  using scene = makeStore([lookalikeKey("one", 1, { alg: "RS256" })]);
  await scene.find("one");
  await scene.clock.advance(1);
  assertEquals(outcome(await scene.find("one", "RS512")), "unknown_key");
  scene.provider.keys = [lookalikeKey("one", 2, { alg: "RS512" })];
  await scene.clock.advance(COOLDOWN_MS);
  assertEquals(scene.provider.fetches, [0, COOLDOWN_MS]);
  assertEquals(outcome(await scene.find("one", "RS512")), 1);
});

Deno.test("key store: a known key id of another algorithm waits for the fetch that may begin at once", async () => {
  using scene = makeStore([lookalikeKey("one", 1, { alg: "RS256" })]);
  await scene.find("one");
  await scene.clock.advance(COOLDOWN_MS);
  scene.provider.keys = [lookalikeKey("one", 2, { alg: "RS512" })];
  assertEquals(outcome(await scene.find("one", "RS512")), 1);
});

Deno.test("key store: a token without key id waits where no key is for its algorithm", async () => {
  using scene = makeStore([lookalikeKey("one", 1, { alg: "RS256" })]);
  await scene.find("one");
  await scene.clock.advance(1);
  const asked = scene.ask(undefined, "RS512");
  await settle();
  assertEquals(asked.reply, undefined);
  scene.provider.keys = [lookalikeKey("two", 2, { alg: "RS512" })];
  await scene.clock.advance(COOLDOWN_MS);
  assertEquals(outcome(asked.reply), 1);
});

Deno.test("key store: only so many unknown key ids are remembered, the oldest is forgotten first", async () => {
  using scene = makeStore();
  scene.provider.hold();
  const ids = Array.from({ length: MAX_UNKNOWN_KIDS + 1 }, (_, i) => `unknown ${i}`);
  const asked = ids.map((kid) => scene.ask(kid));
  await settle();
  scene.provider.release();
  await settle();
  assert(asked.every(({ reply }) => outcome(reply) === "unknown_key"));
  await scene.clock.advance(1);
  const again = ids.map((kid) => scene.ask(kid));
  await settle();
  const waiting = ids.filter((_, i) => again[i]?.reply === undefined);
  assertEquals(waiting, ["unknown 0"]);
});

Deno.test("key store: asking for an unknown key id again keeps it among the remembered", async () => {
  using scene = makeStore();
  await scene.find("one");
  await scene.clock.advance(COOLDOWN_MS);
  const first = Array.from({ length: MAX_UNKNOWN_KIDS }, (_, i) => scene.ask(`first ${i}`));
  await settle();
  assert(first.every(({ reply }) => outcome(reply) === "unknown_key"));
  await scene.clock.advance(COOLDOWN_MS);
  await scene.find("first 0");
  await scene.find("new");
  assertEquals(outcome(await scene.find("first 0")), "unknown_key");
  assertEquals(scene.provider.fetches.length, 3);
});

Deno.test("key store: those who wait are bounded, the next one gets a 503 with a time", async () => {
  using scene = makeStore();
  await scene.find("one");
  await scene.clock.advance(1);
  const asked = Array.from({ length: MAX_KEY_WAITERS }, (_, i) => scene.ask(`random ${i}`));
  await settle();
  const beyond = await scene.find("one too many");
  assert(!beyond.ok);
  assertEquals([beyond.failure.reason, beyond.failure.retryAfterSecs], ["keys_unavailable", 10]);
  assertEquals(outcome(await scene.find("one")), 1);
  await scene.clock.advance(COOLDOWN_MS);
  assert(asked.every(({ reply }) => outcome(reply) === "unknown_key"));
});

Deno.test("key store: a provider that is down at first means 503 with a time, then recovery", async () => {
  using scene = makeStore();
  scene.provider.refused = true;
  const down = await scene.find("one");
  assert(!down.ok);
  assertEquals([down.failure.reason, down.failure.retryAfterSecs], ["keys_unavailable", 10]);
  await scene.clock.advance(2_000);
  const still = await scene.find("one");
  assertEquals(!still.ok && still.failure.retryAfterSecs, 8);
  scene.provider.refused = false;
  await scene.clock.advance(8_000);
  assertEquals(outcome(await scene.find("one")), 1);
});

Deno.test("key store: cached keys stay in use while the provider is down, unknown ones get a 503", async () => {
  using scene = makeStore();
  await scene.find("one");
  scene.provider.refused = true;
  await scene.clock.advance(COOLDOWN_MS);
  const unknown = await scene.find("two");
  assertEquals(outcome(unknown), "keys_unavailable");
  assertEquals(!unknown.ok && unknown.failure.retryAfterSecs, 10);
  assertEquals(outcome(await scene.find("one")), 1);
});

Deno.test("key store: a key set fetched again unchanged keeps its keys imported", async () => {
  using scene = makeStore();
  const before = await scene.find("one");
  await scene.clock.advance(COOLDOWN_MS);
  await scene.find("two");
  const after = await scene.find("one");
  assert(before.ok && after.ok);
  assert(before.value.keys[0] === after.value.keys[0]);
  assertEquals([before.value.ring.generation, after.value.ring.generation], [1, 1]);
});

Deno.test("key store: the ring names the issuer of the document", async () => {
  using scene = makeStore();
  scene.provider.issuer = `${PROVIDER_URL}/`;
  const ring = await scene.store.ring();
  assertEquals(ring.ok && ring.value.issuer, `${PROVIDER_URL}/`);
});

Deno.test("key store: an unknown key id gets the keys without one, and is marked unknown", async () => {
  using scene = makeStore([lookalikeKey("one", 1), lookalikeKey(undefined, 2)]);
  const named = await scene.find("one");
  const unnamed = await scene.find("two");
  assert(named.ok && unnamed.ok);
  assertEquals([named.value.unknownKid, unnamed.value.unknownKid], [false, true]);
  assertEquals(scene.provider.fetches.length, 1);
});

Deno.test("key store: where no key without an id fits, the named one is waited for", async () => {
  using scene = makeStore([lookalikeKey("one", 1), lookalikeKey(undefined, 2)]);
  await scene.find("one");
  await scene.clock.advance(COOLDOWN_MS);
  scene.provider.keys = [lookalikeKey("two", 3), lookalikeKey(undefined, 2)];
  const newer = await scene.store.findAfterRefresh(publicRow("RS256"), "two", scene.clock.now());
  assert(newer.ok);
  assertEquals([newer.value.unknownKid, scene.provider.fetches.length], [false, 2]);
  await scene.clock.advance(COOLDOWN_MS);
  const never = await scene.store.findAfterRefresh(publicRow("RS256"), "three", scene.clock.now());
  assertEquals(never.ok && never.value.unknownKid, true);
  await scene.clock.advance(1);
  const again = await scene.store.findAfterRefresh(publicRow("RS256"), "three", scene.clock.now());
  assertEquals([outcome(again), scene.provider.fetches.length], ["unknown_key", 3]);
});

Deno.test("key store: a provider that gives no usable key is to blame, not the token: 503, and the next fetch mends it", async () => {
  using scene = makeScene({ keysOptional: true });
  scene.provider.keys = [];
  const store = new KeyStore(scene.source, scene.clock, COOLDOWN_MS);
  assert((await store.ring()).ok);
  for (const kid of ["one", "one", undefined]) {
    const found = await store.find(publicRow("RS256"), kid, scene.clock.now());
    assertEquals(!found.ok && found.failure.reason, "keys_unavailable");
  }
  assertEquals(scene.provider.fetches.length, 1);
  scene.provider.keys = [lookalikeKey("one")];
  await scene.clock.advance(COOLDOWN_MS);
  assert((await store.find(publicRow("RS256"), "one", scene.clock.now())).ok);
});
