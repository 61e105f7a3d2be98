import type { Failure } from "../failure.ts";
import type { Result } from "../result.ts";
import { bearerToken } from "./bearer.ts";
import type { TokenCache } from "./token_cache.ts";
import type { VerifiedToken } from "./verify.ts";

/** Decides from an `Authorization` value who is calling, or why nobody is let in. */
export type Authenticate = (
  authorization: string | null,
) => Result<VerifiedToken, Failure> | Promise<Result<VerifiedToken, Failure>>;

/** The usual spelling of the scheme, with the one blank that has to follow. */
const BEARER = "Bearer ";

/** Puts the steps in order: what is known already, else take the token out and check it. */
export function makeAuthenticator(cache: TokenCache): Authenticate {
  return function authenticate(authorization) {
    if (authorization?.startsWith(BEARER)) {
      // Whatever is found here was a well-formed token when it was put in.
      const known = cache.lookUp(authorization.slice(BEARER.length));
      if (known !== undefined) return known;
    }
    const token = bearerToken(authorization);
    if (!token.ok) return token;
    // In the usual spelling it was looked up above.
    const usual = authorization === BEARER + token.value;
    return (usual ? undefined : cache.lookUp(token.value)) ?? cache.verify(token.value);
  };
}
