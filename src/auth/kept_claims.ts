import { MAX_SHARED_CLAIMS } from "../limits.ts";
import type { Claims } from "./claims.ts";

/**
 * Builds the function that takes the claims an identity keeps out of all claims of a token.
 *
 * Tokens of one provider mostly have the same values, such as one audience: equal claims are one
 * object. With 6,000 cached tokens, an object for each made every request 7 % slower.
 *
 * @param names the claims to keep.
 */
export function makeKeptClaims(names: readonly string[]): (claims: Claims) => Claims {
  const shared = new Map<string, Claims>();
  return function keptClaims(claims) {
    const kept = Object.fromEntries(
      names.filter((name) => Object.hasOwn(claims, name)).map((name) => [name, claims[name]]),
    );
    const key = JSON.stringify(kept);
    const known = shared.get(key);
    if (known !== undefined) return known;
    if (shared.size >= MAX_SHARED_CLAIMS) shared.clear();
    shared.set(key, kept);
    return kept;
  };
}
