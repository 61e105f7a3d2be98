import { type Failure, failure } from "../failure.ts";

/** What a token's claims have to be, from the settings. */
export interface Policy {
  /** `aud` has to equal it exactly; a list has to hold the same members, in any order. */
  readonly audience: string | readonly string[] | undefined;
  /** `sub` has to equal it. */
  readonly subject: string | undefined;
  /** Clock skew allowed for, in seconds. */
  readonly leewaySecs: number;
}

/** Claims of a token; which of them were verified is the caller's knowledge. */
export type Claims = Readonly<Record<string, unknown>>;

/**
 * Checks the time claims (RFC 7519, sections 4.1.4 to 4.1.6): `exp` is required and must lie ahead,
 * `nbf` and `iat`, where present, must not. All are finite numbers of seconds.
 *
 * @param nowMs milliseconds since the epoch.
 */
export function checkTimes(claims: Claims, policy: Policy, nowMs: number): Failure | undefined {
  const now = nowMs / 1000;
  const { exp, nbf, iat } = claims;
  if (!isTime(exp)) return failure("malformed_claims", "exp is missing or not a number");
  if (nbf !== undefined && !isTime(nbf)) return failure("malformed_claims", "nbf is not a number");
  if (iat !== undefined && !isTime(iat)) return failure("malformed_claims", "iat is not a number");
  if (exp + policy.leewaySecs <= now) return failure("expired");
  if (nbf !== undefined && nbf - policy.leewaySecs > now) return failure("not_yet_valid", "nbf");
  if (iat !== undefined && iat - policy.leewaySecs > now) return failure("not_yet_valid", "iat");
  return undefined;
}

/**
 * Checks `aud` and `sub` against the settings (RFC 7519, sections 4.1.2 and 4.1.3; stricter: the
 * audience has to be equal, not merely contained). What is not configured is not checked.
 */
export function checkIdentity(claims: Claims, policy: Policy): Failure | undefined {
  if (policy.audience !== undefined && !sameAudience(claims.aud, policy.audience)) {
    return failure("wrong_audience");
  }
  if (policy.subject !== undefined && claims.sub !== policy.subject) {
    return failure("wrong_subject");
  }
  return undefined;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function sameAudience(aud: unknown, expected: string | readonly string[]): boolean {
  if (typeof expected === "string") return aud === expected;
  if (!Array.isArray(aud) || aud.length !== expected.length) return false;
  const rest: unknown[] = [...aud];
  for (const member of expected) {
    const at = rest.indexOf(member);
    if (at === -1) return false;
    rest.splice(at, 1);
  }
  return true;
}
