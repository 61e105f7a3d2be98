import { type Failure, failure } from "../failure.ts";

/** Claims of a token; only the caller knows whether they have been verified. */
export type Claims = Readonly<Record<string, unknown>>;

/**
 * Checks the time claims (RFC 7519, sections 4.1.4 to 4.1.6): `exp` is required and must lie ahead,
 * `nbf` and `iat`, where present, must not. All are finite numbers of seconds.
 *
 * @param leewaySecs clock skew allowed for, in seconds.
 * @param nowMs milliseconds since the epoch.
 */
export function checkTimes(claims: Claims, leewaySecs: number, nowMs: number): Failure | undefined {
  const now = nowMs / 1000;
  const { exp, nbf, iat } = claims;
  if (!isTime(exp)) return failure("malformed_claims", "exp is missing or not a number");
  if (nbf !== undefined && !isTime(nbf)) return failure("malformed_claims", "nbf is not a number");
  if (iat !== undefined && !isTime(iat)) return failure("malformed_claims", "iat is not a number");
  if (exp + leewaySecs <= now) return failure("expired");
  if (nbf !== undefined && nbf - leewaySecs > now) return failure("not_yet_valid", "nbf");
  if (iat !== undefined && iat - leewaySecs > now) return failure("not_yet_valid", "iat");
  return undefined;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
