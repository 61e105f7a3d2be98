import type { Identity } from "../../src/auth/identity.ts";
import { type Failure, failure } from "../../src/failure.ts";
import {
  claimsNeededBy,
  type Decision,
  makeDecide,
  refusedByAll,
} from "../../src/policy/decide.ts";
import type { RequestFacts } from "../../src/policy/facts.ts";
import { compileRequirement, type RequirementSettings } from "../../src/policy/requirement.ts";
import { type Access, type Rule, ruleForAll } from "../../src/policy/rule.ts";
import { type Awaitable, fail, ok, type Result } from "../../src/result.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

const CALLER: Identity = {
  provider: "default",
  subject: "me",
  clientId: undefined,
  scopes: new Set(),
  claims: { aud: "a" },
  validFrom: undefined,
  validUntil: 2 ** 31,
};

function facts(path = "/", authorization: string | null = "Bearer t"): RequestFacts {
  return {
    id: "1",
    method: "GET",
    target: { path, host: "h" },
    peer: { address: "192.0.2.1", secure: false },
    fields: { authorization },
    signal: new AbortController().signal,
  };
}

/** A rule for one path, made up: today's settings have one for all. */
function ruleFor(path: string, access: Access): Rule {
  return { name: path, matches: ({ target }) => target.path === path, access };
}

const CLOCK = new FakeClock();

/** What is required of the callers of each provider. */
function accessFor(providers: Readonly<Record<string, RequirementSettings>>): Access {
  const compiled = Object.entries(providers).map(([name, settings]) =>
    [name, compileRequirement(settings, CLOCK)] as const
  );
  return new Map(compiled);
}

const ALL = ruleForAll(accessFor({ default: { audience: "a" }, second: { clients: ["c"] } }));
const RULES = [
  ruleFor("/open", "public"),
  ruleFor("/other", accessFor({ default: { audience: "b" } })),
  ruleFor("/second", accessFor({ second: {} })),
  ruleFor(
    "/scoped",
    accessFor({ default: { scopes: ["r"], claims: [{ path: ["t"], any: [1] }] } }),
  ),
  ALL,
] as const;

function decideWith(outcome: Awaitable<Result<Identity, Failure>>) {
  let asked = 0;
  const decide = makeDecide({
    rules: RULES,
    authenticate: () => {
      asked++;
      return outcome;
    },
  });
  return { decide, asked: () => asked };
}

Deno.test("A caller that is known is decided on at once, one that is not when that is known.", async () => {
  const expected = { rule: ALL, identity: CALLER };
  assertEquals(decideWith(ok(CALLER)).decide(facts()), expected);
  const later = decideWith(Promise.resolve(ok(CALLER))).decide(facts());
  assert(later instanceof Promise);
  assertEquals(await later, expected);
});

Deno.test("One rule's refusal does not become another's: each request is held against its own rule.", () => {
  const { decide } = decideWith(ok(CALLER));
  const refused = { rule: RULES[1], identity: CALLER, refused: failure("wrong_audience") };
  assertEquals(decide(facts("/other")), refused);
  assertEquals(decide(facts("/")), { rule: ALL, identity: CALLER });
  assertEquals(decide(facts("/other")), refused);
});

Deno.test("A public rule asks for no token, and says nothing of who calls.", () => {
  const { decide, asked } = decideWith(ok(CALLER));
  assertEquals(decide(facts("/open", null)), { rule: RULES[0] });
  assertEquals(asked(), 0);
});

Deno.test("A token that is refused has no identity.", async () => {
  const outcome = fail(failure("expired"));
  const decision = { rule: ALL, refused: failure("expired") };
  assertEquals(decideWith(outcome).decide(facts()), decision);
  assertEquals(await decideWith(Promise.resolve(outcome)).decide(facts()), decision);
});

Deno.test("A rule accepts no caller of a provider that it does not name.", () => {
  const { decide } = decideWith(ok(CALLER));
  assertEquals(decide(facts("/second")), {
    rule: RULES[2],
    identity: CALLER,
    refused: failure("wrong_issuer", "no rule accepts this provider"),
  });
  const second: Identity = { ...CALLER, provider: "second", clientId: "c" };
  const others = decideWith(ok(second)).decide;
  assertEquals(others(facts("/second")), { rule: RULES[2], identity: second });
  assertEquals(others(facts("/")), { rule: ALL, identity: second });
  const { refused } = others(facts("/other")) as Decision;
  assertEquals(refused?.reason, "wrong_issuer");
});

Deno.test("A provider is held against its own requirement, not that of another.", () => {
  const impostor: Identity = { ...CALLER, provider: "second" };
  const decision = { rule: ALL, identity: impostor, refused: failure("wrong_client") };
  assertEquals(decideWith(ok(impostor)).decide(facts()), decision);
});

for (const provider of ["__proto__", "constructor", "get"]) {
  Deno.test(`A provider named ${provider} finds no requirement unless it has one.`, () => {
    const decision = decideWith(ok({ ...CALLER, provider })).decide(facts()) as Decision;
    assertEquals(decision.refused?.reason, "wrong_issuer");
  });
}

Deno.test("A verified caller without the scope gets what leads to 403.", () => {
  const decision = decideWith(ok(CALLER)).decide(facts("/scoped")) as Decision;
  assertEquals(decision.refused, { ...failure("insufficient_scope"), scope: "r" });
});

Deno.test("A caller that the previous audience let through is reported as such.", () => {
  const rule = ruleForAll(accessFor({
    default: {
      audience: "b",
      previousAudience: { audience: "a", untilMs: CLOCK.now() + 1 },
    },
  }));
  const decide = makeDecide({ rules: [rule], authenticate: () => ok(CALLER) });
  assertEquals(decide(facts()), { rule, identity: CALLER, deprecated: "audience" });
});

Deno.test("Claims are refused early only where no rule could accept them.", () => {
  const strict = [RULES[0], RULES[1], ALL];
  assertEquals(refusedByAll(strict, "default", { aud: "a" }), undefined);
  assertEquals(refusedByAll(strict, "default", { aud: "b" }), undefined);
  assertEquals(refusedByAll(strict, "default", { aud: "c" }), failure("wrong_audience"));
});

Deno.test("Unverified claims are held against the requirements of their own provider.", () => {
  const strict = [RULES[0], RULES[1], ALL];
  assertEquals(refusedByAll(strict, "second", { aud: "a" }), failure("wrong_client"));
  assertEquals(refusedByAll(strict, "second", { azp: "c" }), undefined);
});

Deno.test("A token is not refused early for its scopes or claims: a forged one gets no 403.", () => {
  assertEquals(refusedByAll([RULES[3]], "default", { aud: "c" }), undefined);
});

Deno.test("A provider that no rule names is refused before anything costs.", () => {
  for (const rules of [RULES, [RULES[0]]]) {
    assertEquals(refusedByAll(rules, "third", { aud: "a" })?.reason, "wrong_issuer");
  }
});

Deno.test("An identity keeps the claims that some rule looks at for its provider, each once.", () => {
  assertEquals(claimsNeededBy(RULES, "default"), ["aud", "scope", "scp", "scopes", "t"]);
  assertEquals(claimsNeededBy(RULES, "second"), []);
  assertEquals(claimsNeededBy([ruleForAll(accessFor({ a: { subject: "s" } }))], "a"), []);
});
