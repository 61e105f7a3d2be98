import type { Failure } from "../failure.ts";
import type { Awaitable, Result } from "../result.ts";
import { readCredentials } from "./credentials.ts";
import type { Identity } from "./identity.ts";
import type { TokenCache } from "./token_cache.ts";

/** Finds out from an `Authorization` value who calls, at once where the token is known. */
export type Authenticate = (authorization: string | null) => Awaitable<Result<Identity, Failure>>;

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
    const credentials = readCredentials(authorization);
    if (!credentials.ok) return credentials;
    const { token } = credentials.value;
    // In the usual spelling it was looked up above.
    const usual = authorization === BEARER + token;
    return (usual ? undefined : cache.lookUp(token)) ?? cache.authenticate(token);
  };
}
