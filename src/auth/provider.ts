import type { Failure } from "../failure.ts";
import type { WaitingClient } from "../fair_places.ts";
import type { Awaitable, Result } from "../result.ts";
import type { Identity } from "./identity.ts";

/** An identity and the key set it was verified with. */
export interface Verified {
  readonly identity: Identity;
  /** The generation of that key set. */
  readonly generation: number;
}

/** One OpenID provider, as far as its tokens are concerned. */
export interface Provider {
  /** Names it in identities, logs and metrics. */
  readonly name: string;
  /** The issuer of its tokens; discovery decides whether it ends in a slash. */
  readonly issuer: string;
  /**
   * Verifies a token that is not cached.
   *
   * @param client may have to wait for keys or for its turn; with too many others one or the other fails.
   *
   * Does not check what a rule may require of the caller.
   */
  authenticate(token: string, client: WaitingClient): Awaitable<Result<Verified, Failure>>;
}
