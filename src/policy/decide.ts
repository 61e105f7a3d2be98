import type { Authenticate } from "../auth/authenticate.ts";
import type { Claims } from "../auth/claims.ts";
import type { Identity } from "../auth/identity.ts";
import type { Failure } from "../failure.ts";
import type { Awaitable, Result } from "../result.ts";
import type { RequestFacts } from "./facts.ts";
import { checkClaims, checkRequirement, claimsNeeded } from "./requirement.ts";
import type { Rule } from "./rule.ts";

/** The decision on a request. */
export interface Decision {
  /** The rule that matched. */
  readonly rule: Rule;
  /** The caller, where the rule needs one and the token is good. */
  readonly identity?: Identity;
  /** Why the request is refused. */
  readonly refused?: Failure;
}

/** Decides on one request; synchronously where its token is cached. */
export type Decide = (facts: RequestFacts) => Awaitable<Decision>;

/** What a decision is made from. */
export interface PolicyOptions {
  /** The first match decides; the last rule must match everything. */
  readonly rules: readonly [...Rule[], Rule];
  readonly authenticate: Authenticate;
}

/**
 * Builds the decision: which rule matches, who the caller is, whether the rule accepts the caller. It is
 * made anew for each request; nothing is cached here and nothing carried out.
 */
export function makeDecide({ rules, authenticate }: PolicyOptions): Decide {
  return function decide(facts) {
    const rule = rules.find((rule) => rule.matches(facts));
    // A request without a rule must not be allowed.
    if (rule === undefined) throw new Error("the last rule does not match everything");
    if (rule.access === "public") return { rule };
    const authenticated = authenticate(facts.fields.authorization, facts);
    return authenticated instanceof Promise
      ? authenticated.then((outcome) => authorise(rule, outcome))
      : authorise(rule, authenticated);
  };
}

/** Checks an authenticated caller against the rule's requirement. */
function authorise(rule: Rule, authenticated: Result<Identity, Failure>): Decision {
  if (!authenticated.ok) return { rule, refused: authenticated.failure };
  const identity = authenticated.value;
  const refused = rule.access === "public" ? undefined : checkRequirement(rule.access, identity);
  return refused === undefined ? { rule, identity } : { rule, identity, refused };
}

/** Names of the claims that any rule needs. */
export function claimsNeededBy(rules: readonly Rule[]): readonly string[] {
  const names = rules.flatMap(({ access }) => access === "public" ? [] : claimsNeeded(access));
  return [...new Set(names)];
}

/**
 * Why no rule could accept a token with these unverified claims; `undefined` where one could.
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
