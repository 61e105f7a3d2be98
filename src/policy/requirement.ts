import type { Claims } from "../auth/claims.ts";
import type { Identity } from "../auth/identity.ts";
import { type Failure, failure } from "../failure.ts";

/** What a rule requires of an authenticated caller. `undefined` is not checked. */
export interface Requirement {
  /** `aud` must equal it exactly; a list must have the same members, in any order. */
  readonly audience: string | readonly string[] | undefined;
  /** `sub` must equal it. */
  readonly subject: string | undefined;
}

/**
 * Why a requirement does not accept a caller, or `undefined` (RFC 7519, sections 4.1.2 and 4.1.3;
 * stricter: the audience must be equal, not merely contained).
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

/** The same for unverified claims: a refusal holds whether or not the token verifies. */
export function checkClaims(requirement: Requirement, claims: Claims): Failure | undefined {
  const { sub } = claims;
  return checkRequirement(requirement, {
    subject: typeof sub === "string" ? sub : undefined,
    claims,
  });
}

/** The claims that a requirement needs. */
export function claimsNeeded({ audience }: Requirement): readonly string[] {
  return audience === undefined ? [] : ["aud"];
}

function sameAudience(aud: unknown, expected: string | readonly string[]): boolean {
  if (typeof expected === "string") return aud === expected;
  if (!Array.isArray(aud) || aud.length !== expected.length) return false;
  // Nearly always in the same order, which needs no copy.
  if (expected.every((member, at) => aud[at] === member)) return true;
  const rest: unknown[] = [...aud];
  for (const member of expected) {
    const at = rest.indexOf(member);
    if (at === -1) return false;
    rest.splice(at, 1);
  }
  return true;
}
