import { MAX_KEYS } from "../../src/limits.ts";
import { readKeySet } from "../../src/oidc/key_set.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { lookalikeKey } from "../support/tokens.ts";

const GOOD = lookalikeKey("good");

/** One entry of each kind that is not used; the others are in `jws/public_key_test.ts`. */
const SKIPPED: readonly (readonly [sentence: string, entry: unknown, why: string])[] = [
  ["no object", null, "key number 2: not an object"],
  ["another type of key", { kty: "oct", kid: "o" }, 'key "o": its type "oct" is not one of RSA'],
  ["another curve", { kty: "EC", crv: "secp256k1", kid: "k" }, 'key "k": its curve "secp256k1"'],
  ["a weak key", { ...GOOD, e: "Aw" }, 'key "good": its public exponent'],
];

for (const [sentence, entry, why] of SKIPPED) {
  Deno.test(`key set: an entry with ${sentence} is skipped and does not affect the others`, () => {
    const before = lookalikeKey("before", 2);
    const after = lookalikeKey("after", 3);
    const set = readKeySet({ keys: [before, entry, after] });
    assert(set.ok);
    assertEquals(set.value.keys.map((key) => key.kid), ["before", "after"]);
    assertEquals(set.value.skipped.length, 1);
    assertIncludes(set.value.skipped[0] ?? "", why);
  });
}

for (const keys of [undefined, null, {}, "keys", 1, { length: 1, 0: GOOD }]) {
  Deno.test(`key set: keys that are ${JSON.stringify(keys)?.slice(0, 20)} are no list`, () => {
    assertEquals(readKeySet({ keys }).ok, false);
  });
}

Deno.test("key set: an empty list is a key set without keys", () => {
  assertEquals(readKeySet({ keys: [] }), { ok: true, value: { keys: [], skipped: [] } });
});

Deno.test("key set: keys after the limit are skipped, reported in one sentence", () => {
  const keys = Array.from({ length: MAX_KEYS + 50 }, (_, i) => lookalikeKey(`k${i}`));
  const set = readKeySet({ keys });
  assert(set.ok);
  assertEquals([set.value.keys.length, set.value.skipped.length], [MAX_KEYS, 1]);
});

Deno.test("key set: many odd entries cost no more sentences than the limit has keys", () => {
  const set = readKeySet({ keys: new Array(100_000).fill(null) });
  assert(set.ok);
  assertEquals([set.value.keys.length, set.value.skipped.length], [0, MAX_KEYS + 1]);
});

Deno.test("key set: a long or odd kid is truncated and escaped in the report", () => {
  const set = readKeySet({ keys: [{ kid: `a\n"${"x".repeat(5000)}` }] });
  assert(set.ok);
  const [why = ""] = set.value.skipped;
  assert(why.length < 200 && !why.includes("\n"));
});
