import { hash } from "node:crypto";
import { cacheable, type Failure, failure } from "../failure.ts";
import type { WaitingClient } from "../fair_places.ts";
import { MAX_CACHED_TOKEN_LENGTH, MAX_REMEMBERED_REFUSALS, REFUSAL_MEMORY_MS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Identity } from "./identity.ts";
import type { ChooseProvider, Chosen, KeysInUse, Verified } from "./provider.ts";

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
  /** Whether opaque tokens are cached as well. */
  readonly opaque: boolean;
}

/** What a cache needs from outside. */
export interface TokenCacheDeps {
  readonly clock: Clock;
  /** Called for each lookup. */
  readonly onLookup?: (hit: boolean) => void;
}

/** What an outcome depends on: another generation of these keys, and it says nothing any more. */
interface Basis {
  readonly keys: KeysInUse;
  readonly generation: number | undefined;
}

/** A verified token, and how long it stays cached. */
interface Entry extends Basis {
  /** The string that is the map's key: moving the entry keeps it, not the copy of a later request. */
  readonly key: string;
  readonly identity: Identity;
  /** When the entry ends, milliseconds since the epoch. */
  readonly until: number;
  /** Its place in the order of use: how many entries had been appended before it. */
  place: number;
}

interface Refusal {
  /** `undefined` where no provider was chosen. */
  readonly basis: Basis | undefined;
  readonly failed: Failure;
  /** When the token is checked again, milliseconds since the epoch. */
  readonly until: number;
}

/** The most recent part of the cache, within which a hit does not move the entry. */
const LAST_PART = 1 / 4;

/**
 * A cache in front of authentication, keyed by the exact token (its form is checked strictly, so one
 * token has one spelling); by its SHA-256 where it is opaque, since such a token is a secret as it stands.
 *
 * Only identities of fully verified tokens are kept; their times are checked again on every use. An entry
 * holds as long as the generation of its provider's keys, so that a removed key is refused at once and
 * other providers' tokens stay.
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
  readonly #choose: ChooseProvider;
  readonly #entries = new Map<string, Entry>();
  readonly #refusals = new Map<string, Refusal>();
  /** How many entries have been appended to the map so far. */
  #places = 0;

  constructor(
    choose: ChooseProvider,
    options: TokenCacheOptions,
    deps: TokenCacheDeps,
  ) {
    this.#choose = choose;
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
    const known = this.#known(token) ?? this.#refused(token) ??
      (this.#options.opaque ? this.#lookUpOpaque(token) : undefined);
    this.#deps.onLookup?.(known !== undefined);
    return known;
  }

  /** Authenticates a token that `lookUp` missed, and caches the outcome. */
  async authenticate(token: string, client: WaitingClient): Promise<Result<Identity, Failure>> {
    const chosen = this.#choose(token);
    const basis = chosen.ok ? basisOf(chosen.value) : undefined;
    const outcome = chosen.ok ? await chosen.value.authenticate(client) : chosen;
    if (this.#options.size > 0 && token.length <= MAX_CACHED_TOKEN_LENGTH) {
      const key = chosen.ok && chosen.value.opaque ? digest(token) : token;
      this.#remember(key, outcome, basis);
    }
    return outcome.ok ? ok(outcome.value.identity) : outcome;
  }

  #lookUpOpaque(token: string): Result<Identity, Failure> | undefined {
    const key = digest(token);
    return this.#known(key) ?? this.#refused(key);
  }

  #known(key: string): Result<Identity, Failure> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (!isCurrent(entry)) {
      this.#entries.delete(key);
      return undefined;
    }
    const { leewaySecs } = this.#options;
    const nowMs = this.#deps.clock.now();
    const now = nowMs / 1000;
    // First of the two: a window that is over has a reason of its own.
    if (entry.until <= nowMs) {
      this.#entries.delete(key);
      return undefined;
    }
    if (entry.identity.validUntil + leewaySecs <= now) {
      this.#entries.delete(key);
      return fail(failure("expired"));
    }
    if ((entry.identity.validFrom ?? now) - leewaySecs > now) return fail(failure("not_yet_valid"));
    // The map's order is approximately the order of use: moving an entry costs more than finding it.
    if (this.#places - entry.place > this.#options.size * LAST_PART) {
      this.#entries.delete(key);
      this.#putAtEnd(entry);
    }
    return ok(entry.identity);
  }

  #refused(key: string): Result<Identity, Failure> | undefined {
    const refusal = this.#refusals.get(key);
    if (refusal === undefined) return undefined;
    const { basis, failed, until } = refusal;
    const holds = until > this.#deps.clock.now() && (basis === undefined || isCurrent(basis));
    if (holds) return fail(failed);
    this.#refusals.delete(key);
    return undefined;
  }

  #remember(key: string, outcome: Result<Verified, Failure>, basis: Basis | undefined): void {
    const now = this.#deps.clock.now();
    if (!outcome.ok) {
      // A refusal by the previous keys says nothing about the current ones.
      const kept = cacheable(outcome.failure.reason);
      if (kept === undefined || (basis !== undefined && !isCurrent(basis))) return;
      const mostMs = kept === "always" ? Infinity : this.#options.keyCooldownMs;
      const until = now + Math.min(mostMs, REFUSAL_MEMORY_MS);
      this.#refusals.set(key, { basis, failed: outcome.failure, until });
      dropOldest(this.#refusals, MAX_REMEMBERED_REFUSALS);
      return;
    }
    // A check by keys that have been replaced meanwhile proves nothing about the current ones.
    const { identity, generation, cacheUntilMs = Infinity } = outcome.value;
    if (basis === undefined || basis.keys.generation() !== generation) return;
    const until = Math.min(now + this.#options.ttlMs, cacheUntilMs);
    if (until <= now) return;
    this.#putAtEnd({ key, identity, keys: basis.keys, generation, until, place: 0 });
    dropOldest(this.#entries, this.#options.size);
  }

  #putAtEnd(entry: Entry): void {
    entry.place = ++this.#places;
    this.#entries.set(entry.key, entry);
  }
}

function basisOf({ keys }: Chosen): Basis {
  return { keys, generation: keys.generation() };
}

function isCurrent({ keys, generation }: Basis): boolean {
  return keys.generation() === generation;
}

/**
 * What an opaque token is kept by. A token has no colon (`credentials.ts`): sent as one, the digest of a
 * token, which other systems may log, finds nothing.
 */
function digest(token: string): string {
  return `sha256:${hash("sha256", token, "base64url")}`;
}

/** Removes the oldest entries until no more than `size` are left. */
function dropOldest(map: Map<string, unknown>, size: number): void {
  for (const key of map.keys()) {
    if (map.size <= size) return;
    map.delete(key);
  }
}
