/** Keys that change while tokens come, good and made up: the real verifier over a scripted provider. */
import { testJwtProvider, verifyWith } from "../support/jwt_provider.ts";
import { MAX_KEY_WAITERS } from "../../src/limits.ts";
import { KeyStore } from "../../src/oidc/key_store.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/clock.ts";
import {
  base64url,
  breakSignature,
  defaultClaims,
  type Jwk,
  type Members,
  publicJwk,
  rsaKey,
  signToken,
} from "../support/tokens.ts";
import { COOLDOWN_MS, makeScene, PROVIDER_URL, type Scene, type SceneOptions } from "./scripted.ts";

/** A verifier over a scripted provider, whose tokens all live for a day. */
interface Gate extends Scene {
  /** "accepted", or the reason of the refusal. */
  check(token: string): Promise<string>;
  /** The same, showing without waiting whether it is decided. */
  send(token: string): { outcome?: string };
  /** A token signed with the test key number `key`. */
  token(key: number, header: Members, claims?: Members): Promise<string>;
}

function makeGate(options?: SceneOptions): Gate {
  const scene = makeScene(options);
  const provider = testJwtProvider({
    keys: new KeyStore(scene.source, scene.clock, COOLDOWN_MS),
    issuer: PROVIDER_URL,
    clock: scene.clock,
  });
  const check = async (token: string) => {
    const verified = await verifyWith(provider, token);
    return verified.ok ? "accepted" : verified.failure.reason;
  };
  const claims = claimsAt(scene.clock);
  return {
    ...scene,
    check,
    send(token) {
      const sent: { outcome?: string } = {};
      void check(token).then((outcome) => sent.outcome = outcome);
      return sent;
    },
    token: async (key, header, more = {}) =>
      await signToken(await rsaKey(key), { ...claims, ...more }, header),
    [Symbol.dispose]: () => scene.source.close(),
  };
}

function claimsAt(clock: FakeClock): Members {
  const exp = Math.floor(clock.now() / 1000) + 86_400;
  return defaultClaims(clock.now(), { iss: PROVIDER_URL, exp });
}

/** Test key number `index` as the provider publishes it. */
async function published(index: number, extra: Members = {}): Promise<Jwk> {
  return publicJwk(await rsaKey(index), extra);
}

/** Makes tokens that differ in their `kid` and have made-up signatures. */
function madeUp(clock: FakeClock): (number: number) => string {
  const payload = base64url(JSON.stringify(claimsAt(clock)));
  const signature = base64url(new Uint8Array(256).fill(7));
  return (number) => {
    const header = base64url(
      JSON.stringify({ alg: "RS256", typ: "JWT", kid: `made up ${number}` }),
    );
    return `${header}.${payload}.${signature}`;
  };
}

/** Fails unless all fetches are a cool-down apart. */
function assertPace({ provider }: Scene): void {
  const gaps = provider.fetches.slice(1).map((time, i) => time - (provider.fetches[i] ?? 0));
  assert(gaps.every((gap) => gap >= COOLDOWN_MS), JSON.stringify(gaps));
}

Deno.test("rotation: 100,000 tokens with random kids cost three fetches and one a cool-down, and keep no key out", async () => {
  using gate = makeGate();
  gate.provider.keys = [await published(0, { kid: "old" })];
  const old = await gate.token(0, { kid: "old" });
  const fresh = await gate.token(1, { kid: "new" });
  assertEquals(await gate.check(old), "accepted");
  const forge = madeUp(gate.clock);
  const outcomes = new Map<string, number>();
  let rotatedAt: number | undefined;
  let acceptedAt: number | undefined;
  const good: (string | undefined)[] = [];
  const fresher: { outcome?: string }[] = [];
  // A hundred steps of a second; the key is rotated in in the middle between two fetches.
  for (let step = 1; step <= 100; step++) {
    await gate.clock.advance(COOLDOWN_MS / 10);
    for (let i = 0; i < 1000; i++) {
      void gate.check(forge(step * 1000 + i)).then((outcome) =>
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      );
    }
    if (step === 35) {
      gate.provider.keys = [...gate.provider.keys, await published(1, { kid: "new" })];
      rotatedAt = gate.clock.monotonic();
    }
    const known = gate.send(old);
    if (rotatedAt !== undefined) fresher.push(gate.send(fresh));
    await settle();
    // Decided without the time moving on: nothing was waited for.
    good.push(known.outcome);
    if (fresher.at(-1)?.outcome === "accepted") acceptedAt ??= gate.clock.monotonic();
  }
  await gate.clock.advance(COOLDOWN_MS);
  assertEquals(new Set(good), new Set(["accepted"]));
  assert(rotatedAt !== undefined && acceptedAt !== undefined);
  assert(acceptedAt - rotatedAt <= COOLDOWN_MS, `${acceptedAt - rotatedAt}`);
  // Before it was known it got a 503, or waited; it was never refused.
  assertEquals(
    new Set(fresher.map(({ outcome }) => outcome)),
    new Set(["keys_unavailable", "accepted"]),
  );
  assertEquals([...outcomes.keys()].sort(), ["keys_unavailable", "unknown_key"]);
  assertEquals([...outcomes.values()].reduce((sum, count) => sum + count, 0), 100_000);
  // Three at once, the first of them for the good token, then one a cool-down.
  const { fetches } = gate.provider;
  assertEquals([...fetches.slice(0, 4)], [0, 1_000, 2_000, COOLDOWN_MS]);
  assertEquals(fetches.length, 13);
});

Deno.test("rotation: tokens of a known key do not wait for a fetch in flight, whatever began it", async () => {
  using gate = makeGate();
  gate.provider.keys = [await published(0, { kid: "a" })];
  const good = await gate.token(0, { kid: "a" });
  assertEquals(await gate.check(good), "accepted");
  await gate.clock.advance(COOLDOWN_MS);
  gate.provider.hold();
  const unknown = gate.send(await gate.token(1, { kid: "b" }));
  const bad = gate.send(await gate.token(1, { kid: "a" }));
  await settle();
  assertEquals(await gate.check(good), "accepted");
  assertEquals([unknown.outcome, bad.outcome, gate.provider.fetches.length], [
    undefined,
    undefined,
    2,
  ]);
  gate.provider.release();
  await settle();
  assertEquals([unknown.outcome, bad.outcome], ["unknown_key", "bad_signature"]);
});

const REPLACED: readonly (readonly [sentence: string, header: Members, published: Members])[] = [
  ["a kid gets another key", { kid: "a" }, { kid: "a" }],
  ["a key without kid is replaced by another", {}, {}],
];

for (const [sentence, header, extra] of REPLACED) {
  Deno.test(`rotation: when ${sentence}, the first token of the new one passes`, async () => {
    using gate = makeGate();
    gate.provider.keys = [await published(0, extra)];
    const old = await gate.token(0, header);
    assertEquals(await gate.check(old), "accepted");
    await gate.clock.advance(COOLDOWN_MS);
    gate.provider.keys = [await published(1, extra)];
    const fresh = await gate.token(1, header);
    assertEquals(await gate.check(fresh), "accepted");
    assertEquals(await gate.check(old), "bad_signature");
    assertEquals(gate.provider.fetches.length, 2);
  });

  Deno.test(`rotation: when ${sentence} within the cool-down, it passes after that, unasked`, async () => {
    using gate = makeGate();
    gate.provider.keys = [await published(0, extra)];
    assertEquals(await gate.check(await gate.token(0, header)), "accepted");
    gate.provider.keys = [await published(1, extra)];
    await gate.clock.advance(1);
    const fresh = await gate.token(1, header);
    assertEquals(await gate.check(fresh), "bad_signature");
    await gate.clock.advance(COOLDOWN_MS - 1);
    assertEquals(gate.provider.fetches, [0, COOLDOWN_MS]);
    assertEquals(await gate.check(fresh), "accepted");
    assertEquals(gate.provider.fetches.length, 2);
  });
}

Deno.test("rotation: a kid that comes back with another algorithm passes", async () => {
  using gate = makeGate();
  gate.provider.keys = [await published(0, { kid: "a", alg: "RS256" })];
  assertEquals(await gate.check(await gate.token(0, { kid: "a" })), "accepted");
  await gate.clock.advance(COOLDOWN_MS);
  gate.provider.keys = [await published(1, { kid: "a", alg: "RS512" })];
  const fresh = await gate.token(1, { kid: "a", alg: "RS512" });
  assertEquals(await gate.check(fresh), "accepted");
});

Deno.test("rotation: a bad signature that meets a fetch begun before it has one more made in time", async () => {
  using gate = makeGate();
  gate.provider.keys = [await published(0, { kid: "a" })];
  assertEquals(await gate.check(await gate.token(0, { kid: "a" })), "accepted");
  await gate.clock.advance(COOLDOWN_MS);
  gate.provider.hold();
  void gate.source.fetch({ sinceMs: Infinity });
  await gate.clock.advance(1);
  const fresh = await gate.token(1, { kid: "a" });
  const sent = gate.send(fresh);
  await settle();
  assertEquals(sent.outcome, undefined);
  gate.provider.release();
  await settle();
  assertEquals(sent.outcome, "bad_signature");
  gate.provider.keys = [await published(1, { kid: "a" })];
  await gate.clock.advance(COOLDOWN_MS);
  assertEquals(gate.provider.fetches, [0, COOLDOWN_MS, 2 * COOLDOWN_MS]);
  assertEquals(await gate.check(fresh), "accepted");
});

Deno.test("rotation: a flood of bad signatures costs one fetch a cool-down, and no good token waits", async () => {
  using gate = makeGate();
  gate.provider.keys = [await published(0, { kid: "a" })];
  const good = await gate.token(0, { kid: "a" });
  assertEquals(await gate.check(good), "accepted");
  const bad = breakSignature(good);
  for (let step = 0; step < 50; step++) {
    await gate.clock.advance(COOLDOWN_MS / 10);
    const flood = Array.from({ length: 20 }, () => gate.check(bad));
    assertEquals(await gate.check(good), "accepted");
    assertEquals(new Set(await Promise.all(flood)), new Set(["bad_signature"]));
  }
  assertPace(gate);
  assertEquals(gate.provider.fetches.length, 6);
});

Deno.test("rotation: while the provider fails, a bad signature is refused and known keys pass", async () => {
  using gate = makeGate();
  gate.provider.keys = [await published(0, { kid: "a" })];
  const good = await gate.token(0, { kid: "a" });
  await gate.check(good);
  gate.provider.refused = true;
  for (let minute = 0; minute < 10; minute++) {
    await gate.clock.advance(60_000);
    assertEquals(await gate.check(breakSignature(good)), "bad_signature");
    assertEquals(await gate.check(good), "accepted");
  }
  assertPace(gate);
});

Deno.test("rotation: no more bad signatures wait for a fetch than other tokens", async () => {
  using gate = makeGate();
  gate.provider.keys = [await published(0, { kid: "a" })];
  const good = await gate.token(0, { kid: "a" });
  await gate.check(good);
  await gate.clock.advance(COOLDOWN_MS);
  gate.provider.hold();
  const bad = breakSignature(good);
  const sent = Array.from({ length: MAX_KEY_WAITERS }, () => gate.send(bad));
  // The checks take turns with everything else; when one is done all before it wait.
  assertEquals(await gate.check(bad), "keys_unavailable");
  assert(sent.every(({ outcome }) => outcome === undefined));
  assertEquals(await gate.check(good), "accepted");
  gate.provider.release();
  await settle();
  assertEquals(new Set(sent.map(({ outcome }) => outcome)), new Set(["bad_signature"]));
});

Deno.test("rotation: a key among a hundred new ones is found", async () => {
  using gate = makeGate();
  gate.provider.keys = [await published(0, { kid: "a" })];
  assertEquals(await gate.check(await gate.token(0, { kid: "a" })), "accepted");
  const others = Array.from({ length: 98 }, (_, i) => published(2, { kid: `other ${i}` }));
  gate.provider.keys = [
    await published(0, { kid: "a" }),
    ...await Promise.all(others),
    await published(1, { kid: "b" }),
  ];
  await gate.clock.advance(COOLDOWN_MS);
  assertEquals(await gate.check(await gate.token(1, { kid: "b" })), "accepted");
  assertEquals(await gate.check(await gate.token(0, { kid: "a" })), "accepted");
  assertEquals(await gate.check(await gate.token(2, { kid: "other 97" })), "accepted");
  assertEquals(gate.provider.fetches.length, 2);
});

/** A clock whose timers are late: as on a machine that is busy with other things. */
class LateClock extends FakeClock {
  lateMs = 0;

  override monotonic(): number {
    return super.monotonic() + this.lateMs;
  }
}

Deno.test("rotation: a fetch that is due does not wait for a timer that is late", async () => {
  const clock = new LateClock();
  using gate = makeGate({ clock });
  gate.provider.keys = [await published(0, { kid: "a" })];
  const good = await gate.token(0, { kid: "a" });
  await gate.check(good);
  await clock.advance(1);
  assertEquals(await gate.check(breakSignature(good)), "bad_signature");
  clock.lateMs = COOLDOWN_MS;
  assertEquals(await gate.check(breakSignature(good)), "bad_signature");
  assertEquals([gate.provider.fetches.length, clock.pending], [2, 1]);
});
