import type { Claims } from "../auth/claims.ts";
import type { Identity } from "../auth/identity.ts";
import { type Failure, failure } from "../failure.ts";

/** What a rule demands of a caller whose token has been verified. What is `undefined` is not checked. */
export interface Requirement {
  /** `aud` has to equal it exactly; a list has to hold the same members, in any order. */
  readonly audience: string | readonly string[] | undefined;
  /** `sub` has to equal it. */
  readonly subject: string | undefined;
}

/**
 * Why a requirement does not accept a caller, or `undefined` (RFC 7519, sections 4.1.2 and 4.1.3;
 * stricter: the audience has to be equal, not merely contained).
 */
export function checkRequirement(
  { audience, subject }: Requirement,
  caller: Pick<Identity, "subject" | "claims">,
): Failure | undefined {
  if (audience !== undefined && !sameAudience(caller.claims.aud, audience)) {
    return failure("wrong_audience");
  }
  if (subject !== undefined && caller.subject !== subject) return failure("wrong_subject");
  return undefined;
}

/** The same for claims that nothing has verified yet: a refusal holds whatever verification brings. */
export function checkClaims(requirement: Requirement, claims: Claims): Failure | undefined {
  const { sub } = claims;
  return checkRequirement(requirement, {
    subject: typeof sub === "string" ? sub : undefined,
    claims,
  });
}

/** The claims that a requirement looks at. */
export function claimsNeeded({ audience }: Requirement): readonly string[] {
  return audience === undefined ? [] : ["aud"];
}

function sameAudience(aud: unknown, expected: string | readonly string[]): boolean {
  if (typeof expected === "string") return aud === expected;
  if (!Array.isArray(aud) || aud.length !== expected.length) return false;
  // Nearly always in the same order, which costs no copy.
  if (expected.every((member, at) => aud[at] === member)) return true;
  const rest: unknown[] = [...aud];
  for (const member of expected) {
    const at = rest.indexOf(member);
    if (at === -1) return false;
    rest.splice(at, 1);
  }
  return true;
}
