import type { Authenticate } from "../auth/authenticate.ts";
import type { Claims } from "../auth/claims.ts";
import type { Identity } from "../auth/identity.ts";
import type { Failure } from "../failure.ts";
import type { Awaitable, Result } from "../result.ts";
import type { RequestFacts } from "./facts.ts";
import { checkClaims, checkRequirement, claimsNeeded } from "./requirement.ts";
import type { Rule } from "./rule.ts";

/** What is to become of a request. */
export interface Decision {
  /** The rule that it was decided by. */
  readonly rule: Rule;
  /** Who calls, where that was asked and the token says so. */
  readonly identity?: Identity;
  /** Why it goes no further. */
  readonly refused?: Failure;
}

/** Decides on one request; at once where its token is known. */
export type Decide = (facts: RequestFacts) => Awaitable<Decision>;

/** What a decision is made from. */
export interface PolicyOptions {
  /** The first that matches decides; the last has to match everything. */
  readonly rules: readonly [...Rule[], Rule];
  readonly authenticate: Authenticate;
}

/**
 * Builds the decision: which rule, who calls, does the rule accept the caller. Nothing is carried out
 * here and nothing is remembered: what a rule says of a caller is looked at for each request.
 */
export function makeDecide({ rules, authenticate }: PolicyOptions): Decide {
  return function decide(facts) {
    const rule = rules.find((rule) => rule.matches(facts));
    // A request that no rule is for must not pass because of that.
    if (rule === undefined) throw new Error("the last rule does not match everything");
    if (rule.access === "public") return { rule };
    const authenticated = authenticate(facts.fields.authorization);
    return authenticated instanceof Promise
      ? authenticated.then((outcome) => authorise(rule, outcome))
      : authorise(rule, authenticated);
  };
}

/** Holds an outcome of authentication against what a rule demands. */
function authorise(rule: Rule, authenticated: Result<Identity, Failure>): Decision {
  if (!authenticated.ok) return { rule, refused: authenticated.failure };
  const identity = authenticated.value;
  const refused = rule.access === "public" ? undefined : checkRequirement(rule.access, identity);
  return refused === undefined ? { rule, identity } : { rule, identity, refused };
}

/** The claims that some rule looks at, by name. */
export function claimsNeededBy(rules: readonly Rule[]): readonly string[] {
  const names = rules.flatMap(({ access }) => access === "public" ? [] : claimsNeeded(access));
  return [...new Set(names)];
}

/**
 * Why no rule could accept a token with these claims, which nothing has verified yet; `undefined` where
 * one could.
 */
export function refusedByAll(rules: readonly Rule[], claims: Claims): Failure | undefined {
  let refused: Failure | undefined;
  for (const { access } of rules) {
    if (access === "public") continue;
    const why = checkClaims(access, claims);
    if (why === undefined) return undefined;
    refused ??= why;
  }
  return refused;
}
