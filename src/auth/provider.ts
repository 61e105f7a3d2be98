import type { Failure } from "../failure.ts";
import type { WaitingClient } from "../fair_places.ts";
import type { Awaitable, Result } from "../result.ts";
import type { UnverifiedToken } from "./decode_jwt.ts";
import type { Identity } from "./identity.ts";

/** An identity and the key set it was verified with. */
export interface Verified {
  readonly identity: Identity;
  /** The generation of that key set; 0 where the provider itself was asked. */
  readonly generation: number;
  /** When it must be verified anew, milliseconds since the epoch, where that is before its end. */
  readonly cacheUntilMs?: number;
}

/** What outcomes of a provider depend on besides the token. */
export interface KeysInUse {
  /** The generation of its keys, `undefined` without keys; 0 where it has none that matter. */
  generation(): number | undefined;
}

/** A JWT as it came, and what it says. */
export interface ReceivedJwt {
  readonly token: string;
  readonly decoded: UnverifiedToken;
}

/** One issuer of JWTs. */
export interface JwtProvider extends KeysInUse {
  /** Names it in identities, logs and metrics. */
  readonly name: string;
  /** The issuer of its tokens; discovery decides whether it ends in a slash. */
  readonly issuer: string;
  /** The trust domain of their subjects, for JWT-SVIDs, which need not name an issuer. */
  readonly trustDomain?: string | undefined;
  /**
   * Verifies a token that is not cached.
   *
   * @param client may have to wait for keys or for its turn; with too many others one or the other fails.
   *
   * Does not check what a rule may require of the caller.
   */
  authenticate(jwt: ReceivedJwt, client: WaitingClient): Awaitable<Result<Verified, Failure>>;
}

/** One provider whose opaque tokens only it can check. */
export interface OpaqueProvider {
  readonly name: string;
  /** How its tokens begin; `undefined` for every token that no other prefix fits. */
  readonly prefix: string | undefined;
  /** Asks it about a token. Does not check what a rule may require of the caller. */
  authenticate(token: string, client: WaitingClient): Awaitable<Result<Verified, Failure>>;
}

/** The provider that a token belongs to, ready to verify it. */
export interface Chosen {
  readonly keys: KeysInUse;
  /** Whether the token is opaque: then it is a secret that must not be kept. */
  readonly opaque: boolean;
  authenticate(client: WaitingClient): Awaitable<Result<Verified, Failure>>;
}

/** Finds the provider of a token. Nothing in it has been verified. */
export type ChooseProvider = (token: string) => Result<Chosen, Failure>;
