import fc from "fast-check";
import type { Claims } from "../../src/auth/claims.ts";
import type { ClaimRule, Scalar } from "../../src/config/claim_kinds.ts";
import { compileClaimRule } from "../../src/policy/claim_rule.ts";
import { assert, assertEquals } from "../support/assert.ts";

const ROLES = ["realm_access", "roles"];
const DEEP = { realm_access: { roles: ["reader", "writer"] } };

const ACCEPTED: readonly (readonly [sentence: string, rule: ClaimRule, claims: Claims])[] = [
  ["any: a text that is wanted", { path: ["tid"], any: ["a", "b"] }, { tid: "b" }],
  ["any: one member of a list", { path: ["groups"], any: ["b"] }, { groups: ["a", "b"] }],
  ["any: a number", { path: ["n"], any: [7] }, { n: 7 }],
  ["any: false", { path: ["f"], any: [false] }, { f: false }],
  ["any: an empty text, if that is wanted", { path: ["e"], any: [""] }, { e: "" }],
  ["all: each of a list", { path: ROLES, all: ["writer", "reader"] }, DEEP],
  ["all: one of a text", { path: ["tid"], all: ["a"] }, { tid: "a" }],
  ["all: the same twice", { path: ["tid"], all: ["a", "a"] }, { tid: ["a"] }],
  ["pattern: a text", { path: ["sub"], pattern: "team-a:*" }, { sub: "team-a:x" }],
  ["pattern: one member of a list", { path: ["g"], pattern: "a*" }, { g: [1, "b", "ab"] }],
  ["a name with dots is a name", { path: ["a.b"], any: ["x"] }, { "a.b": "x" }],
  ["a URL is a name", { path: ["https://h/roles"], any: ["x"] }, { "https://h/roles": ["x"] }],
  ["a path leads through objects", { path: ["a", "b", "c"], any: [1] }, { a: { b: { c: 1 } } }],
  ["a list may hold other things", { path: ["g"], any: ["a"] }, { g: [null, {}, ["a"], "a"] }],
];

for (const [sentence, rule, claims] of ACCEPTED) {
  Deno.test(`claim rule accepts, ${sentence}`, () => assert(compileClaimRule(rule)(claims)));
}

const REFUSED: readonly (readonly [sentence: string, rule: ClaimRule, claims: Claims])[] = [
  ["any: a missing claim", { path: ["tid"], any: ["a"] }, {}],
  ["any: a claim that is null", { path: ["tid"], any: ["null", "", 0, false] }, { tid: null }],
  ["any: an object", { path: ["tid"], any: ["[object Object]"] }, { tid: { tid: "a" } }],
  ["any: another case", { path: ["tid"], any: ["a"] }, { tid: "A" }],
  ["any: a text for a number", { path: ["n"], any: [1] }, { n: "1" }],
  ["any: a number for a text", { path: ["n"], any: ["1"] }, { n: 1 }],
  ["any: true for 1", { path: ["n"], any: [1] }, { n: true }],
  ["any: the text true", { path: ["n"], any: [true] }, { n: "true" }],
  ["any: a text that holds it", { path: ["scope"], any: ["a"] }, { scope: "a b" }],
  ["any: an empty list", { path: ["g"], any: ["a"] }, { g: [] }],
  ["any: a list within the list", { path: ["g"], any: ["a"] }, { g: [["a"]] }],
  ["any: nothing is wanted", { path: ["g"], any: [] }, { g: "a" }],
  ["all: one of two", { path: ROLES, all: ["reader", "admin"] }, DEEP],
  ["all: a text for two", { path: ["g"], all: ["a", "b"] }, { g: "a" }],
  ["all: a missing claim", { path: ["g"], all: ["a"] }, {}],
  ["all: a claim that is null", { path: ["g"], all: ["null"] }, { g: null }],
  ["all: nothing is wanted", { path: ["g"], all: [] }, { g: [] }],
  ["pattern: a missing claim", { path: ["g"], pattern: "*" }, {}],
  ["pattern: a number", { path: ["g"], pattern: "*" }, { g: 1 }],
  ["pattern: over the end of a segment", { path: ["g"], pattern: "a*" }, { g: "a:b" }],
  ["a path through a text", { path: ["a", "length"], any: [1] }, { a: "x" }],
  ["a path through a list", { path: ["a", "0"], any: ["x"] }, { a: ["x"] }],
  ["a path through the length of a list", { path: ["a", "length"], any: [1] }, { a: ["x"] }],
  ["a path through null", { path: ["a", "b"], any: ["x"] }, { a: null }],
  ["a name with a dot is no path", { path: ["a.b"], any: ["x"] }, { a: { b: "x" } }],
  ["inherited: constructor", { path: ["constructor", "name"], any: ["Object"] }, {}],
  ["inherited: toString", { path: ["toString", "name"], pattern: "*" }, {}],
  ["inherited: __proto__", { path: ["__proto__"], pattern: "*" }, {}],
  ["inherited: on the way", { path: ["a", "__proto__", "b"], any: ["x"] }, { a: {} }],
];

for (const [sentence, rule, claims] of REFUSED) {
  Deno.test(`claim rule refuses, ${sentence}`, () => assert(!compileClaimRule(rule)(claims)));
}

Deno.test("claim rule: a member __proto__ of a token gives nothing to the claims beside it", () => {
  const claims: Claims = JSON.parse('{"__proto__":{"tid":"a"},"b":{"__proto__":{"c":"a"}}}');
  assert(!compileClaimRule({ path: ["tid"], any: ["a"] })(claims));
  assert(!compileClaimRule({ path: ["b", "c"], any: ["a"] })(claims));
});

const scalar: fc.Arbitrary<Scalar> = fc.constantFrom<Scalar>(
  "a",
  "ab",
  "b",
  "1",
  "true",
  "",
  1,
  0,
  true,
  false,
);
const value = fc.oneof(
  { weight: 3, arbitrary: scalar },
  { weight: 3, arbitrary: fc.array(fc.oneof(scalar, fc.constant(null)), { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(null, {}, { a: "a" }, [["a"]]) },
);
const place = fc.constantFrom(["x"], ["x", "y"], ["y", "x"], ["x.y"]);
const rule: fc.Arbitrary<ClaimRule> = fc.oneof(
  fc.record({ path: place, any: fc.array(scalar, { minLength: 1, maxLength: 3 }) }),
  fc.record({ path: place, all: fc.array(scalar, { minLength: 1, maxLength: 3 }) }),
  fc.record({ path: place, pattern: fc.constantFrom("a*", "*b", "1", "*") }),
);
const claims = fc.record(
  {
    x: fc.oneof(value, fc.record({ y: value })),
    y: fc.oneof(value, fc.record({ x: value })),
    "x.y": value,
  },
  { requiredKeys: ["x"] },
);

/** In other words: everything that the claims say is written out as text, and looked up there. */
function oracle(rule: ClaimRule, claims: Claims): boolean {
  const said = new Set<string>();
  const say = (path: readonly string[], value: unknown) => said.add(JSON.stringify([path, value]));
  const walk = (path: readonly string[], value: unknown) => {
    if (Array.isArray(value)) value.forEach((member) => say(path, member));
    else if (typeof value === "object" && value !== null) {
      Object.entries(value).forEach(([name, inner]) => walk([...path, name], inner));
    } else say(path, value);
  };
  walk([], claims);
  const has = (value: Scalar) => said.has(JSON.stringify([rule.path, value]));
  if ("any" in rule) return rule.any.some(has);
  if ("all" in rule) return rule.all.every(has);
  const texts = ["a", "ab", "b", "1", "true", ""].filter(has);
  const fits = { "a*": /^a/, "*b": /b$/, "1": /^1$/, "*": /./ }[rule.pattern];
  return texts.some((text) => fits?.test(text));
}

Deno.test("claim rule: it accepts exactly what the claims say when they are written out", () => {
  const counts = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(rule, claims, (rule, claims) => {
      const expected = oracle(rule, claims);
      counts[expected ? "accepted" : "refused"]++;
      assertEquals(compileClaimRule(rule)(claims), expected);
    }),
    { numRuns: 4000 },
  );
  assert(counts.accepted > 200 && counts.refused > 300, JSON.stringify(counts));
});
