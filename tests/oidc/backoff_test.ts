import fc from "fast-check";
import { MAX_FETCH_PAUSE_MS } from "../../src/limits.ts";
import { backoffMs, refetchAgeMs } from "../../src/oidc/backoff.ts";
import { assert, assertEquals } from "../support/assert.ts";

const PAUSES: readonly (readonly [
  cooldownMs: number,
  shortest: readonly number[],
  longest: readonly number[],
])[] = [
  [10_000, [10_000, 10_000, 10_000, 20_000, 30_000, 30_000], [
    10_000,
    10_000,
    20_000,
    40_000,
    60_000,
    60_000,
  ]],
  [1_000, [1_000, 1_000, 1_000, 2_000, 4_000, 8_000], [
    1_000,
    1_000,
    2_000,
    4_000,
    8_000,
    16_000,
  ]],
  [300_000, Array(6).fill(300_000), Array(6).fill(300_000)],
];

for (const [cooldownMs, shortest, longest] of PAUSES) {
  Deno.test(`pace: with a cool-down of ${cooldownMs} ms pauses grow with the failures from it to a minute, never below it`, () => {
    const failures = [0, 1, 2, 3, 4, 5];
    assertEquals(failures.map((count) => backoffMs(count, cooldownMs, () => 0)), shortest);
    assertEquals(failures.map((count) => backoffMs(count, cooldownMs, () => 1)), longest);
  });
}

Deno.test("pace: whatever the failures and the chance, a pause lies between cool-down and limit", () => {
  fc.assert(fc.property(
    fc.nat(100_000),
    fc.integer({ min: 1, max: 10_000_000 }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    (failures, cooldownMs, chance) => {
      const pause = backoffMs(failures, cooldownMs, () => chance);
      assert(pause >= cooldownMs && pause <= Math.max(cooldownMs, MAX_FETCH_PAUSE_MS), `${pause}`);
    },
  ));
});

Deno.test("pace: keys are fetched again at their expiry, and at half of the stale age at the latest", () => {
  assertEquals(refetchAgeMs({ expiryMs: undefined, staleMs: 100 }), 50);
  assertEquals(refetchAgeMs({ expiryMs: 20, staleMs: 100 }), 20);
  assertEquals(refetchAgeMs({ expiryMs: 100, staleMs: 100 }), 50);
});
