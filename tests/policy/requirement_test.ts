import fc from "fast-check";
import { scopesOf } from "../../src/auth/scopes.ts";
import type { Claims } from "../../src/auth/claims.ts";
import { clientIdOf, subjectOf } from "../../src/auth/identity.ts";
import { failure } from "../../src/failure.ts";
import {
  type Caller,
  compileRequirement,
  type RequirementSettings,
} from "../../src/policy/requirement.ts";
import { assert, assertEquals, assertExcludes } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

const CLOCK = new FakeClock();

function callerOf(claims: Claims): Caller {
  return {
    subject: subjectOf(claims),
    clientId: clientIdOf(claims),
    scopes: scopesOf(claims),
    claims,
  };
}

/** The reason of the refusal, `undefined` or how it was accepted, of a verified token with these claims. */
function outcome(settings: RequirementSettings, claims: Claims, clock = CLOCK) {
  const checked = compileRequirement(settings, clock).check(callerOf(claims));
  return typeof checked === "object" ? checked.reason : checked;
}

type Reason = ReturnType<typeof outcome>;

const EVERYTHING: RequirementSettings = {
  audience: "a",
  subject: "s",
  subjects: ["s", "t*"],
  clients: ["c", "d"],
  scopes: ["read", "write"],
  claims: [{ path: ["tid"], any: ["t"] }, { path: ["roles"], all: ["r"] }],
};

const GOOD: Claims = {
  aud: "a",
  sub: "s",
  client_id: "c",
  scope: "write read more",
  tid: "t",
  roles: ["q", "r"],
};

const ROWS: readonly (readonly [
  sentence: string,
  settings: RequirementSettings,
  claims: Claims,
  outcome: Reason,
])[] = [
  ["where nothing is set nothing is checked", {}, {}, undefined],
  ["everything that is set may hold", EVERYTHING, GOOD, undefined],
  ["a missing audience is refused", { audience: "a" }, {}, "wrong_audience"],
  ["the audience is compared exactly", { audience: "a" }, { aud: ["a"] }, "wrong_audience"],
  ["unless it says otherwise", { audience: "a", audienceMatch: "any" }, { aud: ["a"] }, undefined],
  [
    "all audiences can be asked for",
    { audience: ["a", "b"], audienceMatch: "all" },
    { aud: ["a", "c"] },
    "wrong_audience",
  ],
  [
    "another claim is compared in the place of aud",
    { audience: "a", audienceClaim: "client_id" },
    { client_id: "a", aud: "b" },
    undefined,
  ],
  [
    "then aud does not count",
    { audience: "a", audienceClaim: "client_id" },
    { client_id: "b", aud: "a" },
    "wrong_audience",
  ],
  [
    "an inherited member is no audience",
    { audience: "a", audienceClaim: "constructor" },
    {},
    "wrong_audience",
  ],
  ["the subject is the same text", { subject: "s" }, { sub: "s" }, undefined],
  ["the subject has its case", { subject: "s" }, { sub: "S" }, "wrong_subject"],
  ["a blank more makes another subject", { subject: "s" }, { sub: "s " }, "wrong_subject"],
  ["one that begins alike is another", { subject: "s" }, { sub: "s-else" }, "wrong_subject"],
  ["a missing subject is refused", { subject: "s" }, {}, "wrong_subject"],
  ["a subject in a list is refused", { subject: "s" }, { sub: ["s"] }, "wrong_subject"],
  ["a subject that is a number is refused", { subject: "1" }, { sub: 1 }, "wrong_subject"],
  ["a subject that is null is refused", { subject: "null" }, { sub: null }, "wrong_subject"],
  ["a star in SUBJECT is a star", { subject: "s*" }, { sub: "st" }, "wrong_subject"],
  ["one of several subjects is enough", { subjects: ["a", "b:*"] }, { sub: "b:x" }, undefined],
  ["none of several is refused", { subjects: ["a", "b:*"] }, { sub: "b:x:y" }, "wrong_subject"],
  ["a missing one of several is refused", { subjects: ["*"] }, {}, "wrong_subject"],
  ["where no subject is accepted none is", { subjects: [] }, { sub: "s" }, "wrong_subject"],
  ["one of several clients is enough", { clients: ["c", "d"] }, { client_id: "d" }, undefined],
  ["azp names the client", { clients: ["c"] }, { azp: "c" }, undefined],
  ["client_id goes before azp", { clients: ["c"] }, { client_id: "x", azp: "c" }, "wrong_client"],
  [
    "a client_id that is no text leaves azp",
    { clients: ["c"] },
    { client_id: 1, azp: "c" },
    undefined,
  ],
  ["a missing client is refused", { clients: ["c"] }, {}, "wrong_client"],
  ["clients have no pattern", { clients: ["c*"] }, { azp: "cd" }, "wrong_client"],
  ["all scopes are needed", { scopes: ["a", "b"] }, { scope: "b c a" }, undefined],
  ["one of them is not all", { scopes: ["a", "b"] }, { scope: "a c" }, "insufficient_scope"],
  [
    "with any one is enough",
    { scopes: ["a", "b"], scopesMatch: "any" },
    { scp: ["b"] },
    undefined,
  ],
  [
    "with any none is refused",
    { scopes: ["a", "b"], scopesMatch: "any" },
    { scp: "c" },
    "insufficient_scope",
  ],
  ["a missing scope is refused", { scopes: ["a"] }, {}, "insufficient_scope"],
  ["scopes have their case", { scopes: ["a"] }, { scope: "A" }, "insufficient_scope"],
  ["each claim rule has to hold", EVERYTHING, { ...GOOD, roles: ["q"] }, "claim_not_accepted"],
  ["the audience goes first", EVERYTHING, {}, "wrong_audience"],
  ["then the subject", EVERYTHING, { aud: "a" }, "wrong_subject"],
  ["then the client", EVERYTHING, { aud: "a", sub: "s" }, "wrong_client"],
  ["then the scopes", EVERYTHING, { aud: "a", sub: "s", azp: "c" }, "insufficient_scope"],
  ["then the claims", EVERYTHING, { ...GOOD, tid: "u" }, "claim_not_accepted"],
];

for (const [sentence, settings, claims, expected] of ROWS) {
  Deno.test(`requirement: ${sentence}`, () => assertEquals(outcome(settings, claims), expected));
}

Deno.test("requirement: the claims of Object.prototype never count", () => {
  const claims: Claims = JSON.parse('{"__proto__":{"aud":"a","sub":"s","azp":"c","scope":"r"}}');
  assertEquals(outcome({ audience: "a" }, claims), "wrong_audience");
  assertEquals(outcome({ subject: "s" }, claims), "wrong_subject");
  assertEquals(outcome({ clients: ["c"] }, claims), "wrong_client");
  assertEquals(outcome({ scopes: ["r"] }, claims), "insufficient_scope");
});

Deno.test("requirement: the refusal names all scopes that are needed, whichever are missing", () => {
  for (const scopesMatch of ["all", "any"] as const) {
    const requirement = compileRequirement({ scopes: ["a", "b"], scopesMatch }, CLOCK);
    const refused = requirement.check(callerOf({ scope: "c" }));
    assertEquals(refused, { reason: "insufficient_scope", scope: "a b" });
  }
});

Deno.test("requirement: the log learns which claim was not accepted, and nothing of its value", () => {
  const claims = [{ path: ["realm_access", "roles"], any: ["wanted"] }];
  const requirement = compileRequirement({ claims }, CLOCK);
  const refused = requirement.check(callerOf({ realm_access: { roles: "private" } }));
  assert(typeof refused === "object");
  assertEquals(refused.reason, "claim_not_accepted");
  assertEquals(refused.detail, String.raw`claim "[\"realm_access\",\"roles\"]"`);
  assertExcludes(JSON.stringify(refused), "private");
  assertEquals(
    compileRequirement({ claims: [{ path: ["tid"], any: [1] }] }, CLOCK).check(callerOf({})),
    failure("claim_not_accepted", 'claim "tid"'),
  );
});

Deno.test("requirement: the previous audience is accepted, and reported, until its end", async () => {
  const clock = new FakeClock();
  const untilMs = clock.now() + 1000;
  const settings: RequirementSettings = {
    audience: "new",
    previousAudience: { audience: "old", untilMs },
    scopes: ["a"],
  };
  const requirement = compileRequirement(settings, clock);
  const old = { aud: "old", scope: "a" };
  assertEquals(outcome(settings, { aud: "new", scope: "a" }, clock), undefined);
  assertEquals(outcome(settings, old, clock), "previous audience");
  assertEquals(outcome(settings, { aud: "other", scope: "a" }, clock), "wrong_audience");
  assertEquals(outcome(settings, { aud: "old" }, clock), "insufficient_scope");
  assertEquals(requirement.refuseUnverified(old), undefined);
  await clock.advance(999);
  assertEquals(outcome(settings, old, clock), "previous audience");
  await clock.advance(1);
  const over = failure(
    "no_longer_accepted",
    "the previous audience was accepted until 2026-01-01T00:00:01.000Z",
  );
  assertEquals(requirement.check(callerOf(old)), over);
  assertEquals(requirement.refuseUnverified(old), over);
  assertEquals(outcome(settings, { aud: "new", scope: "a" }, clock), undefined);
});

Deno.test("requirement: the previous audience is compared like the other one", () => {
  const settings: RequirementSettings = {
    audience: "new",
    audienceMatch: "any",
    audienceClaim: "azp",
    previousAudience: { audience: ["old", "older"], untilMs: CLOCK.now() + 1 },
  };
  assertEquals(outcome(settings, { azp: "older", aud: "x" }), "previous audience");
  assertEquals(outcome(settings, { azp: ["x", "old"] }), "previous audience");
  assertEquals(outcome(settings, { aud: "old" }), "wrong_audience");
});

Deno.test("requirement: unverified claims are refused for what leads to 401, never to 403", () => {
  const { refuseUnverified } = compileRequirement(EVERYTHING, CLOCK);
  const { aud, sub, client_id } = GOOD;
  assertEquals(refuseUnverified({ aud, sub, client_id }), undefined);
  assertEquals(refuseUnverified({ aud, sub })?.reason, "wrong_client");
  assertEquals(refuseUnverified({ aud, client_id })?.reason, "wrong_subject");
  assertEquals(refuseUnverified({ sub, client_id })?.reason, "wrong_audience");
});

Deno.test("requirement: what it looks at is all that an identity has to keep", () => {
  const needed = (settings: RequirementSettings) =>
    compileRequirement(settings, CLOCK).claimsNeeded;
  assertEquals(needed({}), []);
  assertEquals(needed({ subject: "s", subjects: ["s"], clients: ["c"] }), []);
  assertEquals(needed({ audience: "a" }), ["aud"]);
  assertEquals(needed({ audience: "a", audienceClaim: "azp" }), ["azp"]);
  assertEquals(needed({ audienceClaim: "azp" }), []);
  assertEquals(needed({ scopes: ["a"] }), ["scope", "scp", "scopes"]);
  const claims = [{ path: ["a", "b"], any: [1] }, { path: ["a"], any: [1] }];
  assertEquals(needed({ audience: "a", claims }), ["aud", "a"]);
});

Deno.test("requirement: an identity that keeps only these claims is decided on like the whole token", () => {
  const requirement = compileRequirement(EVERYTHING, CLOCK);
  const kept = Object.fromEntries(
    Object.entries(GOOD).filter(([name]) => requirement.claimsNeeded.includes(name)),
  );
  assertEquals(Object.keys(kept), ["aud", "scope", "tid", "roles"]);
  assertEquals(requirement.check({ ...callerOf(GOOD), claims: kept }), undefined);
});

const scope = fc.constantFrom("a", "b", "c", "A", "a:b");
const scopeClaim = fc.oneof(
  fc.array(scope, { maxLength: 3 }).map((scopes) => scopes.join(" ")),
  fc.array(scope, { maxLength: 2 }).map((scopes) => ` ${scopes.join("  ")} `),
  fc.array(fc.oneof(scope, scope, fc.constantFrom<unknown>(1, null, ["a"], "")), { maxLength: 3 }),
  fc.constantFrom<unknown>(null, 1, true, {}, "a,b", "a\tb"),
);
const scopeClaims = fc.record(
  { scope: scopeClaim, scp: scopeClaim, scopes: scopeClaim },
  { requiredKeys: [] },
);

/** In other words: a scope is in a text between blanks, or is a member. */
function hasScope(claims: Claims, scope: string): boolean {
  return [claims.scope, claims.scp, claims.scopes].some((claim) =>
    typeof claim === "string"
      ? ` ${claim} `.includes(` ${scope} `)
      : Array.isArray(claim) && claim.indexOf(scope) !== -1
  );
}

for (const scopesMatch of ["all", "any"] as const) {
  Deno.test(`requirement: ${scopesMatch} scopes are found wherever the token has them, and only there`, () => {
    const counts = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(
        fc.uniqueArray(scope, { minLength: 1, maxLength: 3 }),
        scopeClaims,
        (scopes, claims) => {
          const found = scopes.filter((scope) => hasScope(claims, scope)).length;
          const expected = scopesMatch === "all" ? found === scopes.length : found > 0;
          counts[expected ? "accepted" : "refused"]++;
          assertEquals(
            outcome({ scopes, scopesMatch }, claims),
            expected ? undefined : "insufficient_scope",
          );
        },
      ),
      { numRuns: 3000 },
    );
    assert(counts.accepted > 300 && counts.refused > 300, JSON.stringify(counts));
  });
}
