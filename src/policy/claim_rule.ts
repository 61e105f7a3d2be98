import type { Claims } from "../auth/claims.ts";
import type { ClaimRule, Scalar } from "../config/claim_kinds.ts";
import { makePattern } from "./pattern.ts";

/**
 * Compiles a rule. The values of a claim are the members of a list, else the claim itself; they are
 * compared with their types, so that `1`, `"1"` and `true` are three values. A claim that is missing, null
 * or an object is refused, and so is everything by a rule that wants nothing.
 *
 * Only what the token itself says counts, no inherited member; a path leads through objects alone.
 */
export function compileClaimRule(rule: ClaimRule): (claims: Claims) => boolean {
  const { path } = rule;
  if ("any" in rule) {
    const { any } = rule;
    const isWanted = (value: unknown) => any.includes(value as Scalar); // of any type: it is compared
    return (claims) => someValue(valueAt(claims, path), isWanted);
  }
  if ("pattern" in rule) {
    const matches = makePattern(rule.pattern);
    const isWanted = (value: unknown) => typeof value === "string" && matches(value);
    return (claims) => someValue(valueAt(claims, path), isWanted);
  }
  const { all } = rule;
  return (claims) => {
    const claim = valueAt(claims, path);
    const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
    return all.length > 0 && all.every((wanted) => values.includes(wanted));
  };
}

function someValue(claim: unknown, isWanted: (value: unknown) => boolean): boolean {
  return Array.isArray(claim) ? claim.some(isWanted) : isWanted(claim);
}

/** What a path leads to; `undefined` where it leads nowhere. */
function valueAt(claims: Claims, path: readonly string[]): unknown {
  let at: unknown = claims;
  for (const name of path) {
    if (typeof at !== "object" || at === null || Array.isArray(at)) return undefined;
    if (!Object.hasOwn(at, name)) return undefined;
    at = (at as Claims)[name]; // an object and no list
  }
  return at;
}
