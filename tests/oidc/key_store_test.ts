import type { WaitingClient } from "../../src/fair_places.ts";
import {
  KEY_FETCH_BURST,
  MAX_KEY_WAIT_MS,
  MAX_KEY_WAITERS,
  MAX_KEYS_TRIED,
  MAX_UNKNOWN_KIDS,
  UNKNOWN_KID_MEMORY_MS,
} from "../../src/limits.ts";
import type { Found, VerificationKey } from "../../src/oidc/key_ring.ts";
import type { KeySnapshot, KeySource } from "../../src/oidc/key_source.ts";
import { KeyStore } from "../../src/oidc/key_store.ts";
import type { Failure } from "../../src/failure.ts";
import type { Result } from "../../src/result.ts";
import { publicRow } from "../support/algorithms.ts";
import { assert, assertEquals, assertIs } from "../support/assert.ts";
import { clientAt } from "../support/client.ts";
import { settle } from "../support/clock.ts";
import type { Jwk } from "../support/tokens.ts";
import { COOLDOWN_MS, makeScene, needOf, PROVIDER_URL, type Scene } from "./scripted.ts";
import { lookalikeKey } from "../support/tokens.ts";

type Outcome = Result<Found, Failure>;

/** A store over a scripted provider. */
interface StoreScene extends Scene {
  readonly store: KeyStore;
  /** Asks as a request that came in just now. */
  find(kid: string | undefined, alg?: string, client?: WaitingClient): Promise<Outcome>;
  /** The same, showing without waiting whether the reply has come. */
  ask(kid: string | undefined, alg?: string, client?: WaitingClient): { reply?: Outcome };
  /** Uses up what clients may cause at once, and a millisecond. */
  emptyBucket(): Promise<void>;
}

/** Builds a store; its provider has these keys, or the key "one". */
function makeStore(keys: readonly Jwk[] = [lookalikeKey("one")]): StoreScene {
  const scene = makeScene();
  scene.provider.keys = keys;
  const store = new KeyStore(scene.source, scene.clock, COOLDOWN_MS);
  const find = async (kid: string | undefined, alg?: string, client?: WaitingClient) =>
    await store.find(needOf(scene.clock, kid, alg, client));
  const ask = (kid: string | undefined, alg?: string, client?: WaitingClient) => {
    const asked: { reply?: Outcome } = {};
    void find(kid, alg, client).then((reply) => asked.reply = reply);
    return asked;
  };
  const emptyBucket = async () => {
    for (let fetches = 1; fetches < KEY_FETCH_BURST; fetches++) {
      await scene.clock.advance(1);
      assertEquals(outcome(await find(`nothing ${fetches}`)), "unknown_key");
    }
    await scene.clock.advance(1);
  };
  return { ...scene, store, find, ask, emptyBucket, [Symbol.dispose]: () => scene.source.close() };
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
    const ring = await scene.store.ring(needOf(scene.clock, undefined));
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

Deno.test("key store: a worker without keys takes those that were fetched before its first request", async () => {
  using scene = makeScene();
  assert((await scene.source.fetch({ sinceMs: 0 })).ok);
  const keys = scene.source.current();
  await scene.clock.advance(1);
  // As in a worker process that has not been sent them yet.
  let sent: KeySnapshot | undefined;
  const late: KeySource = {
    current: () => sent,
    async fetch(wish) {
      const outcome = await scene.source.fetch(wish);
      sent = keys;
      return outcome;
    },
    onChange: () => () => {},
  };
  const store = new KeyStore(late, scene.clock, COOLDOWN_MS);
  assertEquals(outcome(await store.find(needOf(scene.clock, "one"))), 1);
  assertEquals(scene.provider.fetches, [0]);
});

Deno.test("key store: a known key never waits, whatever others wait for", async () => {
  using scene = makeStore();
  await scene.find("one");
  await scene.clock.advance(1);
  scene.provider.hold();
  const unknown = scene.ask("two");
  await settle();
  const known = scene.store.find(needOf(scene.clock, "one"));
  assert(!(known instanceof Promise) && outcome(known) === 1);
  assertEquals(unknown.reply, undefined);
});

Deno.test("key store: a key rotated in right after a fetch works at once", async () => {
  using scene = makeStore();
  await scene.find("one");
  scene.provider.keys = [lookalikeKey("two", 2)];
  await scene.clock.advance(1);
  const found = await scene.find("two");
  assertEquals([outcome(found), found.ok && found.value.ring.generation], [1, 2]);
  assertEquals(scene.provider.fetches, [0, 1]);
});

Deno.test("key store: where no fetch is permitted an unknown key gets a 503 with the time of the next", async () => {
  using scene = makeStore();
  await scene.find("one");
  await scene.emptyBucket();
  scene.provider.keys = [lookalikeKey("two", 2)];
  const refused = await scene.find("two");
  assert(!refused.ok);
  assertEquals([refused.failure.reason, refused.failure.retryAfterSecs], ["keys_unavailable", 10]);
  await scene.clock.advance(5_000);
  const again = await scene.find("two");
  assertEquals(!again.ok && again.failure.retryAfterSecs, 5);
  await scene.clock.advance(5_000);
  assertEquals(outcome(await scene.find("two")), 1);
});

Deno.test("key store: a key rotated in while a fetch is under way is fetched for once more", async () => {
  using scene = makeStore();
  await scene.find("one");
  await scene.clock.advance(1);
  scene.provider.hold();
  const early = scene.ask("never");
  await settle();
  await scene.clock.advance(1);
  const late = scene.ask("two");
  await settle();
  scene.provider.release();
  await settle();
  assertEquals([outcome(early.reply), outcome(late.reply)], ["unknown_key", "unknown_key"]);
  assertEquals(scene.provider.fetches, [0, 1, 2]);
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

Deno.test("key store: random key ids cost three fetches, and one more a cool-down", async () => {
  using scene = makeStore();
  await scene.find("one");
  for (let step = 0; step < 50; step++) {
    await scene.clock.advance(1_000);
    for (let i = 0; i < 20; i++) scene.ask(`random ${step} ${i}`);
  }
  assertEquals(
    scene.provider.fetches,
    [0, 1_000, 2_000, ...[1, 2, 3, 4, 5].map((count) => count * COOLDOWN_MS)],
  );
});

Deno.test("key store: a key id that a fetch did not bring is refused at once, until one brings it", async () => {
  using scene = makeStore();
  await scene.find("one");
  await scene.clock.advance(1);
  for (let i = 0; i < 100; i++) assertEquals(outcome(await scene.find("two")), "unknown_key");
  await scene.clock.advance(UNKNOWN_KID_MEMORY_MS - 1);
  assertEquals(outcome(await scene.find("two")), "unknown_key");
  assertEquals([scene.provider.fetches.length, scene.clock.pending], [2, 1]);
  scene.provider.keys = [lookalikeKey("two", 2)];
  await scene.find("three");
  // The fetch for another key brought it.
  assertEquals(outcome(await scene.find("two")), 1);
  assertEquals(scene.provider.fetches.length, 3);
});

Deno.test("key store: a remembered key id is fetched for again after half a minute", async () => {
  using scene = makeStore();
  assertEquals(outcome(await scene.find("two")), "unknown_key");
  await scene.clock.advance(UNKNOWN_KID_MEMORY_MS - 1);
  assertEquals(outcome(await scene.find("two")), "unknown_key");
  assertEquals(scene.provider.fetches.length, 1);
  await scene.clock.advance(1);
  scene.provider.keys = [lookalikeKey("two", 2)];
  assertEquals(outcome(await scene.find("two")), 1);
  assertEquals(scene.provider.fetches.length, 2);
});

Deno.test("key store: one client with a retired key leaves fetches to others", async () => {
  using scene = makeStore();
  await scene.find("one");
  for (let second = 0; second < 300; second++) {
    await scene.clock.advance(1_000);
    assertEquals(outcome(await scene.find("retired")), "unknown_key");
    if (second % 60 !== 59) continue;
    scene.provider.keys = [lookalikeKey(`new ${second}`, second)];
    assertEquals(outcome(await scene.find(`new ${second}`)), 1);
  }
});

Deno.test("key store: a remembered key id is refused at once with every algorithm", async () => {
  using scene = makeStore();
  for (const alg of ["RS256", "RS384", "RS512"]) {
    assertEquals(outcome(await scene.find("two", alg)), "unknown_key");
    await scene.clock.advance(1);
  }
  assertEquals(scene.provider.fetches.length, 1);
});

Deno.test("key store: a known key id of another algorithm is a guess: refused at once, and fetched for in time", async () => {
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

Deno.test("key store: a token without key id has a fetch made where no key is for its algorithm", async () => {
  using scene = makeStore([lookalikeKey("one", 1, { alg: "RS256" })]);
  await scene.find("one");
  await scene.clock.advance(1);
  scene.provider.keys = [lookalikeKey("two", 2, { alg: "RS512" })];
  assertEquals(outcome(await scene.find(undefined, "RS512")), 1);
});

Deno.test("key store: only so many unknown key ids are remembered, the oldest is forgotten first", async () => {
  using scene = makeStore();
  scene.provider.hold();
  // From many addresses, and not more at once than may wait.
  const ids = Array.from({ length: MAX_UNKNOWN_KIDS }, (_, i) => `unknown ${i}`);
  const asked = ids.map((kid) => scene.ask(kid));
  await settle();
  scene.provider.release();
  await settle();
  assert(asked.every(({ reply }) => outcome(reply) === "unknown_key"));
  await scene.clock.advance(1);
  assertEquals(outcome(await scene.find("one more")), "unknown_key");
  assertEquals(scene.provider.fetches.length, 2);
  assertEquals(outcome(await scene.find("unknown 1")), "unknown_key");
  assertEquals(scene.provider.fetches.length, 2);
  await scene.clock.advance(1);
  assertEquals(outcome(await scene.find("unknown 0")), "unknown_key");
  assertEquals(scene.provider.fetches.length, 3);
});

Deno.test("key store: requests that wait are counted, whatever their token, and bounded", async () => {
  using scene = makeStore();
  await scene.find("one");
  await scene.clock.advance(1);
  scene.provider.hold();
  const asked = Array.from({ length: MAX_KEY_WAITERS }, () => scene.ask("the same"));
  await settle();
  const beyond = await scene.find("the same");
  assert(!beyond.ok);
  assertEquals([beyond.failure.reason, beyond.failure.retryAfterSecs], ["keys_unavailable", 1]);
  assertEquals(outcome(await scene.find("one")), 1);
  scene.provider.release();
  await settle();
  assert(asked.every(({ reply }) => outcome(reply) === "unknown_key"));
  assertEquals(scene.clock.pending, 1);
});

Deno.test("key store: one address alone does not shut others out of waiting", async () => {
  using scene = makeStore();
  await scene.find("one");
  await scene.clock.advance(1);
  scene.provider.hold();
  const greedy = Array.from(
    { length: 2 * MAX_KEY_WAITERS },
    () => scene.ask("random", undefined, clientAt("192.0.2.66")),
  );
  await settle();
  scene.provider.keys = [lookalikeKey("two", 2)];
  const others = Array.from(
    { length: 20 },
    (_, i) => scene.ask("two", undefined, clientAt(`192.0.2.${i + 100}`)),
  );
  await settle();
  assert(others.every(({ reply }) => reply === undefined), "they wait");
  assertEquals(greedy.filter(({ reply }) => reply === undefined).length, MAX_KEY_WAITERS - 20);
  scene.provider.release();
  await settle();
  assert(others.every(({ reply }) => outcome(reply) === 1));
});

Deno.test("key store: a wait ends when its client leaves, and its place is free", async () => {
  using scene = makeStore();
  await scene.find("one");
  await scene.clock.advance(1);
  scene.provider.hold();
  const clients = Array.from({ length: MAX_KEY_WAITERS }, () => clientAt());
  const asked = clients.map((client) => scene.ask("two", undefined, client));
  await settle();
  clients.slice(0, 10).forEach((client) => client.leave());
  await settle();
  assertEquals(
    asked.map(({ reply }) => outcome(reply)).filter(Boolean),
    Array(10).fill("client_gone"),
  );
  const late = scene.ask("two");
  await settle();
  assertEquals(late.reply, undefined);
  const gone = clientAt();
  gone.leave();
  assertEquals(outcome(await scene.find("two", undefined, gone)), "client_gone");
  scene.provider.release();
  await settle();
  assertEquals(outcome(late.reply), "unknown_key");
});

Deno.test("key store: no request waits longer than the limit, whatever the provider does", async () => {
  using scene = makeStore();
  await scene.find("one");
  await scene.clock.advance(1);
  scene.provider.hold();
  const first = scene.ask("two");
  await scene.clock.advance(MAX_KEY_WAIT_MS - 1_000);
  const second = scene.ask("two");
  await scene.clock.advance(999);
  assertEquals([first.reply, second.reply], [undefined, undefined]);
  await scene.clock.advance(1);
  assertEquals(outcome(first.reply), "keys_unavailable");
  await scene.clock.advance(MAX_KEY_WAIT_MS);
  assertEquals(outcome(second.reply), "keys_unavailable");
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
  const ring = await scene.store.ring(needOf(scene.clock, undefined));
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

Deno.test("key store: where no key without an id has signed, the named one is fetched for", async () => {
  using scene = makeStore([lookalikeKey("one", 1), lookalikeKey(undefined, 2)]);
  const refused: Failure = { reason: "bad_signature" };
  const tried = async (kid: string) => {
    const need = needOf(scene.clock, kid);
    const found = await scene.store.find(need);
    assert(found.ok && found.value.unknownKid);
    return await scene.store.findNewer(need, { found: found.value, refused });
  };
  await scene.find("one");
  await scene.clock.advance(1);
  scene.provider.keys = [lookalikeKey("two", 3), lookalikeKey(undefined, 2)];
  const newer = await tried("two");
  assertEquals([newer.ok && newer.value.unknownKid, scene.provider.fetches.length], [false, 2]);
  await scene.clock.advance(1);
  // The same keys came: there is nothing new to try.
  assertEquals(outcome(await tried("three")), "unknown_key");
  assertEquals(outcome(await tried("three")), "unknown_key");
  assertEquals(scene.provider.fetches.length, 3);
});

Deno.test("key store: a provider that gives no usable key is to blame, not the token: 503, and the next fetch mends it", async () => {
  using scene = makeScene({ keysOptional: true });
  scene.provider.keys = [];
  const store = new KeyStore(scene.source, scene.clock, COOLDOWN_MS);
  assert((await store.ring(needOf(scene.clock, undefined))).ok);
  for (const kid of ["one", "one", undefined]) {
    const found = await store.find(needOf(scene.clock, kid));
    assertEquals(!found.ok && found.failure.reason, "keys_unavailable");
  }
  assertEquals(scene.provider.fetches.length, 1);
  scene.provider.keys = [lookalikeKey("one")];
  await scene.clock.advance(COOLDOWN_MS);
  assert((await store.find(needOf(scene.clock, "one"))).ok);
});
