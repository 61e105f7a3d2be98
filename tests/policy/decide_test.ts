import type { Identity } from "../../src/auth/identity.ts";
import { type Failure, failure } from "../../src/failure.ts";
import { claimsNeededBy, makeDecide, refusedByAll } from "../../src/policy/decide.ts";
import type { RequestFacts } from "../../src/policy/facts.ts";
import { type Rule, ruleForAll } from "../../src/policy/rule.ts";
import { type Awaitable, fail, ok, type Result } from "../../src/result.ts";
import { assert, assertEquals } from "../support/assert.ts";

const CALLER: Identity = {
  provider: "default",
  subject: "me",
  clientId: undefined,
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
function ruleFor(path: string, access: Rule["access"]): Rule {
  return { name: path, matches: ({ target }) => target.path === path, access };
}

const ALL = ruleForAll({ audience: "a", subject: undefined });
const RULES = [
  ruleFor("/open", "public"),
  ruleFor("/other", { audience: "b", subject: undefined }),
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

Deno.test("Claims are refused early only where no rule could accept them.", () => {
  assertEquals(refusedByAll(RULES, { aud: "a" }), undefined);
  assertEquals(refusedByAll(RULES, { aud: "b" }), undefined);
  assertEquals(refusedByAll(RULES, { aud: "c" }), failure("wrong_audience"));
  assertEquals(refusedByAll([ruleFor("/open", "public")], { aud: "c" }), undefined);
});

Deno.test("An identity keeps the claims that some rule looks at, each once.", () => {
  assertEquals(claimsNeededBy(RULES), ["aud"]);
  assertEquals(claimsNeededBy([ruleForAll({ audience: undefined, subject: "s" })]), []);
});
