import type { Claims } from "./claims.ts";

/** The claims that providers put scopes into: RFC 9068, section 2.2.3, Microsoft and Okta, others. */
export const SCOPE_CLAIMS: readonly string[] = ["scope", "scp", "scopes"];

/**
 * The scopes of a token: of all three claims together, each a text with blanks between scopes (RFC 6749,
 * section 3.3) or a list of scopes. What is no text says nothing.
 */
export function scopesOf(claims: Claims): ReadonlySet<string> {
  const scopes = new Set<string>();
  for (const name of SCOPE_CLAIMS) {
    if (!Object.hasOwn(claims, name)) continue;
    const claim = claims[name];
    const members: readonly unknown[] = typeof claim === "string"
      ? claim.split(" ")
      : Array.isArray(claim)
      ? claim
      : [];
    for (const scope of members) if (typeof scope === "string" && scope !== "") scopes.add(scope);
  }
  return scopes;
}
