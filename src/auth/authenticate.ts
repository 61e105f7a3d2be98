import type { Failure } from "../failure.ts";
import type { WaitingClient } from "../fair_places.ts";
import type { Awaitable, Result } from "../result.ts";
import { readCredentials } from "./credentials.ts";
import type { Identity } from "./identity.ts";
import type { TokenCache } from "./token_cache.ts";

/** Identifies the caller from an `Authorization` value; synchronously where the token is cached. */
export type Authenticate = (
  authorization: string | null,
  client: WaitingClient,
) => Awaitable<Result<Identity, Failure>>;

/** The usual spelling of the scheme, with the one blank that has to follow. */
const BEARER = "Bearer ";

/** Puts the steps in order: cache lookup, else parse the credentials and check the token. */
export function makeAuthenticator(cache: TokenCache): Authenticate {
  return function authenticate(authorization, client) {
    if (authorization?.startsWith(BEARER)) {
      // Anything cached was a well-formed token when it was stored.
      const known = cache.lookUp(authorization.slice(BEARER.length));
      if (known !== undefined) return known;
    }
    const credentials = readCredentials(authorization);
    if (!credentials.ok) return credentials;
    const { token } = credentials.value;
    // In the usual spelling it was already looked up above.
    const usual = authorization === BEARER + token;
    return (usual ? undefined : cache.lookUp(token)) ?? cache.authenticate(token, client);
  };
}
