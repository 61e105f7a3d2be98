import type { Claims } from "./claims.ts";
import { makeKeptClaims } from "./kept_claims.ts";

/** The caller: what later steps need of a verified token. Small, since many are cached. */
export interface Identity {
  /** Name of the provider that issued the token. */
  readonly provider: string;
  /** `sub`, where it is a string. */
  readonly subject: string | undefined;
  /** `client_id`, else `azp`, where it is a string. */
  readonly clientId: string | undefined;
  /** Its scopes, where some requirement needs scopes; else none. */
  readonly scopes: ReadonlySet<string>;
  /** Only the claims that a requirement names. */
  readonly claims: Claims;
  /** The later of `nbf` and `iat`, seconds since the epoch. */
  readonly validFrom: number | undefined;
  /** `exp`, seconds since the epoch; `Infinity` where there is none, which only introspection permits. */
  readonly validUntil: number;
  /** What verified it and is accepted for a while only. */
  readonly deprecated?: "provider" | "secret";
}

/** Makes the identity of one verified token. */
export type MakeIdentity = (claims: Claims, deprecated?: Identity["deprecated"]) => Identity;

/**
 * Builds the function that keeps of a verified token what later steps need. Times have been checked before.
 *
 * @param provider the name of the provider that issued the tokens.
 * @param claimNames the claims to keep for requirements; with those of `scopes.ts` the scopes as well.
 */
export function makeIdentities(provider: string, claimNames: readonly string[]): MakeIdentity {
  const keptClaims = makeKeptClaims(claimNames);
  return (claims, deprecated) => {
    const { exp, nbf, iat } = claims;
    const starts = [nbf, iat].filter((time) => typeof time === "number");
    const kept = keptClaims(claims);
    const identity = {
      provider,
      subject: subjectOf(claims),
      clientId: clientIdOf(claims),
      scopes: kept.scopes,
      claims: kept.claims,
      validFrom: starts.length === 0 ? undefined : Math.max(...starts),
      validUntil: endOf(exp),
    };
    return deprecated === undefined ? identity : { ...identity, deprecated };
  };
}

/** `sub`, where it is a string (RFC 7519, section 4.1.2). */
export function subjectOf({ sub }: Claims): string | undefined {
  return typeof sub === "string" ? sub : undefined;
}

/** The client that the token was issued to: `client_id` (RFC 9068, section 2.2), else `azp`, where it is a string. */
export function clientIdOf({ client_id, azp }: Claims): string | undefined {
  return [client_id, azp].find((id) => typeof id === "string");
}

function endOf(exp: unknown): number {
  if (exp === undefined) return Infinity;
  // Everything else was refused before; here it must not make a token that never ends.
  return typeof exp === "number" ? exp : 0;
}
