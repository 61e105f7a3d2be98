import { checkIdentity, checkTimes, type Claims, type Policy } from "../../src/auth/policy.ts";
import { assertEquals } from "../support/assert.ts";

/** The present in seconds; the clock may also stand between two seconds. */
const NOW = 1_800_000_000;

function policy(changes: Partial<Policy> = {}): Policy {
  return { audience: undefined, subject: undefined, leewaySecs: 0, ...changes };
}

/** Claims as they come out of JSON, so that `1e400` is what it is on the wire. */
function json(text: string): Claims {
  return JSON.parse(text);
}

type TimeRow = readonly [
  sentence: string,
  claims: Claims,
  outcome: "good" | "expired" | "not_yet_valid" | "malformed_claims",
  leewaySecs?: number,
  nowMs?: number,
];

const TIMES: readonly TimeRow[] = [
  ["exp one second ahead is good", { exp: NOW + 1 }, "good"],
  ["exp at this very second has expired", { exp: NOW }, "expired"],
  ["exp one second ago has expired", { exp: NOW - 1 }, "expired"],
  ["exp is good until its second begins", { exp: NOW }, "good", 0, NOW * 1000 - 1],
  ["exp has expired when its second begins", { exp: NOW }, "expired", 0, NOW * 1000],
  ["leeway keeps exp good to its last second", { exp: NOW - 4 }, "good", 5],
  ["exp expires when the leeway is used up", { exp: NOW - 5 }, "expired", 5],
  ["exp may be a fraction ahead", { exp: NOW + 0.5 }, "good"],
  ["exp a fraction ago has expired", { exp: NOW - 0.5 }, "expired"],
  ["exp of zero has expired", { exp: 0 }, "expired"],
  ["a negative exp has expired", { exp: -1 }, "expired"],
  ["a huge exp is good", { exp: 9e15 }, "good"],
  ["the largest number is good", { exp: Number.MAX_VALUE }, "good"],
  ["exp is required", {}, "malformed_claims"],
  ["exp that is undefined is missing", { exp: undefined }, "malformed_claims"],
  ["exp that is null is malformed", json('{"exp":null}'), "malformed_claims"],
  ["exp that is a text is malformed", { exp: String(NOW + 60) }, "malformed_claims"],
  ["exp that is an empty text is malformed", { exp: "" }, "malformed_claims"],
  ["exp that is true is malformed", { exp: true }, "malformed_claims"],
  ["exp that is a list is malformed", { exp: [NOW + 60] }, "malformed_claims"],
  ["exp that is an object is malformed", { exp: {} }, "malformed_claims"],
  ["exp beyond all numbers is malformed", json('{"exp":1e400}'), "malformed_claims"],
  ["exp below all numbers is malformed", json('{"exp":-1e400}'), "malformed_claims"],
  ["exp that is no number is malformed", { exp: NaN }, "malformed_claims"],
  ["exp hidden in __proto__ is missing", json('{"__proto__":{"exp":9e9}}'), "malformed_claims"],
  ["nbf in the past is good", { exp: NOW + 60, nbf: NOW - 1 }, "good"],
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
  ["a negative nbf is good", { exp: NOW + 60, nbf: -1 }, "good"],
  ["a huge nbf is too early", { exp: NOW + 60, nbf: 9e15 }, "not_yet_valid"],
  ["nbf that is null is malformed", { exp: NOW + 60, nbf: null }, "malformed_claims"],
  ["nbf that is a text is malformed", { exp: NOW + 60, nbf: "0" }, "malformed_claims"],
  ["nbf beyond all numbers is malformed", json('{"exp":9e9,"nbf":1e400}'), "malformed_claims"],
  ["nbf below all numbers is malformed", json('{"exp":9e9,"nbf":-1e400}'), "malformed_claims"],
  ["iat in the past is good", { exp: NOW + 60, iat: NOW - 1 }, "good"],
  ["iat at this very second is good", { exp: NOW + 60, iat: NOW }, "good"],
  ["iat one second ahead is too early", { exp: NOW + 60, iat: NOW + 1 }, "not_yet_valid"],
  ["leeway covers iat to its last second", { exp: NOW + 60, iat: NOW + 5 }, "good", 5],
  ["iat beyond the leeway is too early", { exp: NOW + 60, iat: NOW + 6 }, "not_yet_valid", 5],
  ["iat that is a text is malformed", { exp: NOW + 60, iat: "now" }, "malformed_claims"],
  ["iat that is null is malformed", { exp: NOW + 60, iat: null }, "malformed_claims"],
  ["iat that is a list is malformed", { exp: NOW + 60, iat: [] }, "malformed_claims"],
  ["iat beyond all numbers is malformed", json('{"exp":9e9,"iat":1e400}'), "malformed_claims"],
  ["an expired token that is also too early has expired", { exp: 1, nbf: 9e9 }, "expired"],
];

for (const [sentence, claims, outcome, leewaySecs = 0, nowMs = NOW * 1000] of TIMES) {
  Deno.test(`times: ${sentence}`, () => {
    const failed = checkTimes(claims, policy({ leewaySecs }), nowMs);
    assertEquals(failed?.reason ?? "good", outcome);
  });
}

type AudienceRow = readonly [
  sentence: string,
  expected: Policy["audience"],
  aud: unknown,
  good: boolean,
];

const AUDIENCES: readonly AudienceRow[] = [
  ["is not checked unless it is set", undefined, ["whatever"], true],
  ["may be missing unless it is set", undefined, undefined, true],
  ["that is a text equals the same text", "c", "c", true],
  ["that is a text does not equal another", "c", "d", false],
  ["is compared with its case", "c", "C", false],
  ["that is a text does not equal a list of it", "c", ["c"], false],
  ["that is a text is not contained in a list", "c", ["c", "d"], false],
  ["that is a list of one does not equal a text", ["c"], "c", false],
  ["that is a list equals the same list", ["a", "b"], ["a", "b"], true],
  ["that is a list equals it in another order", ["a", "b"], ["b", "a"], true],
  ["that is a list of one equals a list of one", ["c"], ["c"], true],
  ["that lacks a member is refused", ["a", "b"], ["a"], false],
  ["with one member more is refused", ["a", "b"], ["a", "b", "c"], false],
  ["with a member twice is not one with it once", ["a", "b"], ["a", "a", "b"], false],
  ["with a member twice does not stand for two", ["a", "b"], ["a", "a"], false],
  ["with a member twice equals the same twice", ["a", "a"], ["a", "a"], true],
  ["set with a member twice is not two others", ["a", "a"], ["a", "b"], false],
  ["that is empty equals an empty list", [], [], true],
  ["that is empty does not let a member in", [], ["a"], false],
  ["that is missing is refused when one is set", "c", undefined, false],
  ["that is missing is refused when a list is set", ["c"], undefined, false],
  ["that is null is refused", "c", null, false],
  ["that is a number does not equal its text", "1", 1, false],
  ["with a number does not equal its text", ["1"], [1], false],
  ["with a list inside is refused", ["a"], [["a"]], false],
  ["that is an object is refused", ["a"], { 0: "a", length: 1 }, false],
];

for (const [sentence, audience, aud, good] of AUDIENCES) {
  Deno.test(`audience: one ${sentence}`, () => {
    const failed = checkIdentity(aud === undefined ? {} : { aud }, policy({ audience }));
    assertEquals(failed?.reason, good ? undefined : "wrong_audience");
  });
}

const SUBJECTS: readonly (readonly [string, string | undefined, unknown, boolean])[] = [
  ["it is not checked unless it is set", undefined, "someone", true],
  ["it may be missing unless it is set", undefined, undefined, true],
  ["the same text is let in", "someone", "someone", true],
  ["another case makes another subject", "someone", "Someone", false],
  ["a blank more makes another subject", "someone", "someone ", false],
  ["one that only begins alike is another", "someone", "someone-else", false],
  ["a missing one is refused when one is set", "someone", undefined, false],
  ["a list of it is refused", "someone", ["someone"], false],
  ["a number does not equal its text", "1", 1, false],
  ["null is refused", "null", null, false],
];

for (const [sentence, subject, sub, good] of SUBJECTS) {
  Deno.test(`subject: ${sentence}`, () => {
    const failed = checkIdentity(sub === undefined ? {} : { sub }, policy({ subject }));
    assertEquals(failed?.reason, good ? undefined : "wrong_subject");
  });
}

Deno.test("identity: the claims of Object.prototype never count", () => {
  const named = policy({ audience: "a", subject: "s" });
  const failed = checkIdentity(json('{"__proto__":{"aud":"a","sub":"s"}}'), named);
  assertEquals(failed?.reason, "wrong_audience");
});
