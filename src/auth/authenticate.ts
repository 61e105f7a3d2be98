import type { Failure } from "../failure.ts";
import type { Result } from "../result.ts";
import { bearerToken } from "./bearer.ts";
import type { VerifiedToken, Verify } from "./verify.ts";

/** Decides from an `Authorization` value who is calling, or why nobody is let in. */
export type Authenticate = (
  authorization: string | null,
) => Promise<Result<VerifiedToken, Failure>>;

/** Puts the steps in order: take the token out, then check it. */
export function makeAuthenticator(verify: Verify): Authenticate {
  return async function authenticate(authorization) {
    const token = bearerToken(authorization);
    return token.ok ? await verify(token.value) : token;
  };
}
