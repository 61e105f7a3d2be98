import { cacheable, type Failure, failure } from "../failure.ts";
import type { WaitingClient } from "../fair_places.ts";
import { MAX_CACHED_TOKEN_LENGTH, MAX_REMEMBERED_REFUSALS, REFUSAL_MEMORY_MS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import { type Awaitable, fail, ok, type Result } from "../result.ts";
import type { Identity } from "./identity.ts";
import type { Verified } from "./provider.ts";

/** How a cache is set up. */
export interface TokenCacheOptions {
  /** Most tokens kept; 0 keeps none. */
  readonly size: number;
  /** Longest time a token is kept, in milliseconds. */
  readonly ttlMs: number;
  /** Clock skew allowed for, in seconds. */
  readonly leewaySecs: number;
  /**
   * Longest time a wrong signature is cached, in milliseconds: the provider may have replaced the key
   * under the same `kid`, and the next check fetches it.
   */
  readonly keyCooldownMs: number;
}

/** What a cache needs from outside. */
export interface TokenCacheDeps {
  readonly clock: Clock;
  /** The generation of the keys in use, `undefined` without keys. A change empties the cache. */
  readonly generation: () => number | undefined;
  /** Called for each lookup. */
  readonly onLookup?: (hit: boolean) => void;
}

/** A verified token, and how long it stays cached. */
interface Entry {
  /** The string that is the map's key: moving the entry keeps it, not the copy of a later request. */
  readonly token: string;
  readonly identity: Identity;
  /** When the entry ends, milliseconds since the epoch. */
  readonly until: number;
  /** Its place in the order of use: how many entries had been appended before it. */
  place: number;
}

interface Refusal {
  readonly failed: Failure;
  /** When the token is checked again, milliseconds since the epoch. */
  readonly until: number;
}

/** Verifies a token that is not cached. */
export type AuthenticateToken = (
  token: string,
  client: WaitingClient,
) => Awaitable<Result<Verified, Failure>>;

/** The most recent part of the cache, within which a hit does not move the entry. */
const LAST_PART = 1 / 4;

/**
 * A cache in front of authentication, keyed by the exact token (its form is checked strictly, so one
 * token has one spelling).
 *
 * Only identities of fully verified tokens are kept; their times are checked again on every use. All
 * entries are dropped when the generation of the keys changes, so that a removed key is refused at once.
 * What a rule requires of the caller is decided anew for each request, and no refusal that depends on a
 * rule is cached.
 *
 * The time of a lookup depends on the token's text but reveals nothing: a miss is followed by a whole
 * signature check, and the runtime compares seeded hashes before any text, so that no token can be
 * guessed byte by byte. Eviction is approximately LRU. A smaller cache of
 * refused tokens keeps repeated use of a dead token cheap.
 */
export class TokenCache {
  readonly #options: TokenCacheOptions;
  readonly #deps: TokenCacheDeps;
  readonly #authenticate: AuthenticateToken;
  readonly #entries = new Map<string, Entry>();
  readonly #refusals = new Map<string, Refusal>();
  #generation: number | undefined;
  /** How many entries have been appended to the map so far. */
  #places = 0;

  constructor(
    authenticate: AuthenticateToken,
    options: TokenCacheOptions,
    deps: TokenCacheDeps,
  ) {
    this.#authenticate = authenticate;
    this.#options = options;
    this.#deps = deps;
  }

  /** How many tokens are kept. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * The cached outcome for a token, `undefined` for a miss.
   *
   * Fails with `expired` or `not_yet_valid` by the current time, and with the reason of a cached
   * refusal.
   */
  lookUp(token: string): Result<Identity, Failure> | undefined {
    if (this.#options.size === 0) return undefined;
    this.#dropOldKeys();
    const known = this.#known(token) ?? this.#refused(token);
    this.#deps.onLookup?.(known !== undefined);
    return known;
  }

  /** Authenticates a token that `lookUp` missed, and caches the outcome. */
  async authenticate(token: string, client: WaitingClient): Promise<Result<Identity, Failure>> {
    const generation = this.#generation;
    const outcome = await this.#authenticate(token, client);
    if (this.#options.size > 0 && token.length <= MAX_CACHED_TOKEN_LENGTH) {
      this.#remember(token, outcome, generation);
    }
    return outcome.ok ? ok(outcome.value.identity) : outcome;
  }

  #known(token: string): Result<Identity, Failure> | undefined {
    const entry = this.#entries.get(token);
    if (entry === undefined) return undefined;
    const { leewaySecs } = this.#options;
    const nowMs = this.#deps.clock.now();
    const now = nowMs / 1000;
    if (entry.identity.validUntil + leewaySecs <= now) {
      this.#entries.delete(token);
      return fail(failure("expired"));
    }
    if ((entry.identity.validFrom ?? now) - leewaySecs > now) return fail(failure("not_yet_valid"));
    if (entry.until <= nowMs) {
      this.#entries.delete(token);
      return undefined;
    }
    // The map's order is approximately the order of use: moving an entry costs more than finding it.
    if (this.#places - entry.place > this.#options.size * LAST_PART) {
      this.#entries.delete(token);
      this.#putAtEnd(entry);
    }
    return ok(entry.identity);
  }

  #refused(token: string): Result<Identity, Failure> | undefined {
    const refusal = this.#refusals.get(token);
    if (refusal === undefined) return undefined;
    if (refusal.until > this.#deps.clock.now()) return fail(refusal.failed);
    this.#refusals.delete(token);
    return undefined;
  }

  #remember(
    token: string,
    outcome: Result<Verified, Failure>,
    generation: number | undefined,
  ): void {
    this.#dropOldKeys();
    const now = this.#deps.clock.now();
    if (!outcome.ok) {
      // A refusal by the previous keys says nothing about the current ones.
      const kept = cacheable(outcome.failure.reason);
      if (kept === undefined || generation !== this.#generation) return;
      const mostMs = kept === "always" ? Infinity : this.#options.keyCooldownMs;
      const until = now + Math.min(mostMs, REFUSAL_MEMORY_MS);
      this.#refusals.set(token, { failed: outcome.failure, until });
      dropOldest(this.#refusals, MAX_REMEMBERED_REFUSALS);
      return;
    }
    // A check by keys that have been replaced meanwhile proves nothing about the current ones.
    if (outcome.value.generation !== this.#generation) return;
    const until = now + this.#options.ttlMs;
    this.#putAtEnd({ token, identity: outcome.value.identity, until, place: 0 });
    dropOldest(this.#entries, this.#options.size);
  }

  #putAtEnd(entry: Entry): void {
    entry.place = ++this.#places;
    this.#entries.set(entry.token, entry);
  }

  #dropOldKeys(): void {
    const generation = this.#deps.generation();
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#entries.clear();
    this.#refusals.clear();
  }
}

/** Removes the oldest entries until no more than `size` are left. */
function dropOldest(map: Map<string, unknown>, size: number): void {
  for (const key of map.keys()) {
    if (map.size <= size) return;
    map.delete(key);
  }
}
