import type { Failure } from "../failure.ts";
import type { Awaitable, Result } from "../result.ts";
import type { Identity } from "./identity.ts";

/** An identity with the key set that it was verified with. */
export interface Verified {
  readonly identity: Identity;
  /** The generation of that key set. */
  readonly generation: number;
}

/** One OpenID provider, as far as its tokens are concerned. */
export interface Provider {
  /** Names it in identities, logs and metrics. */
  readonly name: string;
  /** The issuer of its tokens, but for a trailing slash, which discovery settles. */
  readonly issuer: string;
  /**
   * Finds out who calls with a token that nothing is remembered of.
   *
   * Does not check what a rule may demand of the caller.
   */
  authenticate(token: string): Awaitable<Result<Verified, Failure>>;
}
