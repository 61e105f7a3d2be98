import { checkTimes, type Claims } from "../../src/auth/claims.ts";
import { assertEquals } from "../support/assert.ts";

/** The present in seconds; the clock may also stand between two seconds. */
const NOW = 1_800_000_000;

type TimeRow = readonly [
  sentence: string,
  claims: Claims,
  outcome: "good" | "expired" | "not_yet_valid" | "malformed_claims",
  leewaySecs?: number,
  nowMs?: number,
];

/** What needs a clock that stands still; the shapes of values are in `rules/rfc7519_test.ts`. */
const TIMES: readonly TimeRow[] = [
  ["exp one second ahead is good", { exp: NOW + 1 }, "good"],
  ["exp at this very second has expired", { exp: NOW }, "expired"],
  ["exp is good until its second begins", { exp: NOW }, "good", 0, NOW * 1000 - 1],
  ["exp has expired when its second begins", { exp: NOW }, "expired", 0, NOW * 1000],
  ["leeway keeps exp good to its last second", { exp: NOW - 4 }, "good", 5],
  ["exp expires when the leeway is used up", { exp: NOW - 5 }, "expired", 5],
  ["exp may be a fraction ahead", { exp: NOW + 0.5 }, "good"],
  ["exp a fraction ago has expired", { exp: NOW - 0.5 }, "expired"],
  ["exp that is no number is malformed", { exp: NaN }, "malformed_claims"],
  [
    "exp hidden in __proto__ is missing",
    JSON.parse('{"__proto__":{"exp":9e9}}'),
    "malformed_claims",
  ],
  ["nbf at this very second is good", { exp: NOW + 60, nbf: NOW }, "good"],
  ["nbf one second ahead is too early", { exp: NOW + 60, nbf: NOW + 1 }, "not_yet_valid"],
  ["nbf a fraction ahead is too early", { exp: NOW + 60, nbf: NOW + 0.5 }, "not_yet_valid"],
  [
    "nbf is too early until its second begins",
    { exp: NOW + 60, nbf: NOW },
    "not_yet_valid",
    0,
    NOW * 1000 - 1,
  ],
  ["leeway covers nbf to its last second", { exp: NOW + 60, nbf: NOW + 5 }, "good", 5],
  ["nbf beyond the leeway is too early", { exp: NOW + 60, nbf: NOW + 6 }, "not_yet_valid", 5],
  ["iat at this very second is good", { exp: NOW + 60, iat: NOW }, "good"],
  ["iat one second ahead is too early", { exp: NOW + 60, iat: NOW + 1 }, "not_yet_valid"],
  ["leeway covers iat to its last second", { exp: NOW + 60, iat: NOW + 5 }, "good", 5],
  ["iat beyond the leeway is too early", { exp: NOW + 60, iat: NOW + 6 }, "not_yet_valid", 5],
  ["an expired token that is also too early has expired", { exp: 1, nbf: 9e9 }, "expired"],
];

for (const [sentence, claims, outcome, leewaySecs = 0, nowMs = NOW * 1000] of TIMES) {
  Deno.test(`times: ${sentence}`, () => {
    const failed = checkTimes(claims, leewaySecs, nowMs);
    assertEquals(failed?.reason ?? "good", outcome);
  });
}
