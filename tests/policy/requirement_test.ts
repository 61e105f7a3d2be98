import {
  checkClaims,
  checkRequirement,
  claimsNeeded,
  type Requirement,
} from "../../src/policy/requirement.ts";
import { assertEquals } from "../support/assert.ts";

function requirement(changes: Partial<Requirement> = {}): Requirement {
  return { audience: undefined, subject: undefined, ...changes };
}

type AudienceRow = readonly [
  sentence: string,
  expected: Requirement["audience"],
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
  ["that is empty does not accept a member", [], ["a"], false],
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
    const failed = checkClaims(requirement({ audience }), aud === undefined ? {} : { aud });
    assertEquals(failed?.reason, good ? undefined : "wrong_audience");
  });
}

const SUBJECTS: readonly (readonly [string, string | undefined, unknown, boolean])[] = [
  ["it is not checked unless it is set", undefined, "someone", true],
  ["it may be missing unless it is set", undefined, undefined, true],
  ["the same text is accepted", "someone", "someone", true],
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
    const failed = checkClaims(requirement({ subject }), sub === undefined ? {} : { sub });
    assertEquals(failed?.reason, good ? undefined : "wrong_subject");
  });
}

Deno.test("identity: the claims of Object.prototype never count", () => {
  const named = requirement({ audience: "a", subject: "s" });
  const failed = checkClaims(named, JSON.parse('{"__proto__":{"aud":"a","sub":"s"}}'));
  assertEquals(failed?.reason, "wrong_audience");
});

Deno.test("requirement: what it looks at is all that an identity has to keep", () => {
  assertEquals(claimsNeeded(requirement({ subject: "s" })), []);
  assertEquals(claimsNeeded(requirement({ audience: "a" })), ["aud"]);
  const both = requirement({ audience: "a", subject: "s" });
  assertEquals(checkRequirement(both, { subject: "s", claims: { aud: "a" } }), undefined);
  assertEquals(
    checkRequirement(both, { subject: "t", claims: { aud: "a" } })?.reason,
    "wrong_subject",
  );
});
