import type { Authenticate } from "../auth/authenticate.ts";
import type { Claims } from "../auth/claims.ts";
import type { Identity } from "../auth/identity.ts";
import { type Failure, failure } from "../failure.ts";
import type { Awaitable, Result } from "../result.ts";
import type { RequestFacts } from "./facts.ts";
import type { Requirement } from "./requirement.ts";
import type { Rule } from "./rule.ts";

/** The decision on a request. */
export interface Decision {
  /** The rule that matched. */
  readonly rule: Rule;
  /** The caller, where the rule needs one and the token is good. */
  readonly identity?: Identity;
  /** Why the request is refused. */
  readonly refused?: Failure;
  /** What made the rule accept the caller and is accepted for a while only; the identity has more. */
  readonly deprecated?: "audience";
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

/** Checks an authenticated caller against what the rule requires of its provider's callers. */
function authorise(rule: Rule, authenticated: Result<Identity, Failure>): Decision {
  if (!authenticated.ok) return { rule, refused: authenticated.failure };
  const identity = authenticated.value;
  if (rule.access === "public") return { rule, identity };
  const requirement = rule.access.get(identity.provider);
  if (requirement === undefined) return { rule, identity, refused: otherProvider() };
  const outcome = requirement.check(identity);
  if (outcome === undefined) return { rule, identity };
  return outcome === "previous audience"
    ? { rule, identity, deprecated: "audience" }
    : { rule, identity, refused: outcome };
}

/** Names of the claims of a provider's tokens that any rule needs. */
export function claimsNeededBy(rules: readonly Rule[], provider: string): readonly string[] {
  const names = requirements(rules, provider).flatMap(({ claimsNeeded }) => claimsNeeded);
  return [...new Set(names)];
}

/**
 * Why no rule could accept a token of a provider with these unverified claims; `undefined` where one could.
 * What would lead to 403 is left to the request's own rule: only a verified token gets a 403.
 */
export function refusedByAll(
  rules: readonly Rule[],
  provider: string,
  claims: Claims,
): Failure | undefined {
  let refused: Failure | undefined;
  for (const requirement of requirements(rules, provider)) {
    const why = requirement.refuseUnverified(claims);
    if (why === undefined) return undefined;
    refused ??= why;
  }
  return refused ?? otherProvider();
}

/** What the rules require of a provider's callers, of those that accept them at all. */
function requirements(rules: readonly Rule[], provider: string): readonly Requirement[] {
  return rules.flatMap(({ access }) => access === "public" ? [] : access.get(provider) ?? []);
}

/** The provider is known, but not to the rule. */
function otherProvider(): Failure {
  return failure("wrong_issuer", "no rule accepts this provider");
}
