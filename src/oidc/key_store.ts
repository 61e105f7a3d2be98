import { type Failure, failure } from "../failure.ts";
import type { PublicKeyAlgorithm } from "../jws/algorithms.ts";
import { fitsAlgorithm, type PublicKey } from "../jws/public_key.ts";
import type { TokenCheck } from "../jws/signature.ts";
import { MAX_KEY_WAITERS, MAX_KEYS_TRIED, MAX_UNKNOWN_KIDS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import type { KeySnapshot, KeySource } from "./key_source.ts";

const NO_USABLE_KEY: Failure = {
  reason: "keys_unavailable",
  detail: "the provider's key set holds no usable key",
};

const OTHER_ALGORITHM = "the key of that kid is for another algorithm";

/** One public key, ready for signature checks. */
export interface VerificationKey {
  /** The check of tokens by this key and one algorithm; made once and kept. */
  checkFor(alg: PublicKeyAlgorithm): TokenCheck;
}

/** The keys of one generation, with their issuer. */
export interface KeyRing {
  readonly generation: number;
  readonly issuer: string;
  /** Whether the provider published no usable key: its fault, not the token's. */
  readonly empty: boolean;
  /**
   * The keys to try for a token: those with its `kid`, else those without one; only keys for its
   * algorithm (RFC 7515, section 6). A key without `alg` serves every algorithm of its type.
   */
  candidates(alg: PublicKeyAlgorithm, kid: string | undefined): Candidates;
}

/** Keys to try for a token. */
export interface Candidates {
  readonly keys: readonly VerificationKey[];
  /**
   * Whether a refresh could bring the token's key: no key has its `kid` (then `keys` are those without
   * one), or it has no `kid` and no key is for its algorithm.
   */
  readonly unknownKid: boolean;
}

/** The keys to try, and the ring they are from. */
export interface Found extends Candidates {
  readonly ring: KeyRing;
}

/**
 * Finds the keys for a token in the cached key set, and has the source refresh it where the token needs
 * a key that is missing or has been replaced.
 */
export class KeyStore {
  readonly #source: KeySource;
  readonly #clock: Clock;
  readonly #cooldownMs: number;
  #ring: KeyRing | undefined;
  /** Requests that wait for a refresh because the key of their `kid` may have been rotated. */
  #refreshWaiters = 0;
  /** The refresh in flight, shared by all waiters. */
  #refreshing: Promise<void> | undefined;
  /** No refresh before this time, in milliseconds of the monotonic clock. */
  #coolingDownUntil = 0;
  /** Keys missing from the latest fetch, with the start of that fetch (negative cache). */
  readonly #unknown = new Map<string, number>();

  /** @param cooldownMs how long a missing key is not fetched again, in milliseconds. */
  constructor(source: KeySource, clock: Clock, cooldownMs: number) {
    this.#source = source;
    this.#clock = clock;
    this.#cooldownMs = cooldownMs;
  }

  /** The cached keys, or those of the first fetch; waits for the first fetch only. */
  async ring(): Promise<Result<KeyRing, Failure>> {
    const current = this.#source.current();
    if (current !== undefined) {
      if (current.restored) void this.#refresh(this.#clock.now());
      return ok(this.#ringOf(current));
    }
    const first = await this.#source.since(0);
    return first.ok ? ok(this.#ringOf(first.value)) : fail({
      reason: "keys_unavailable",
      detail: first.failure.text,
      retryAfterSecs: first.failure.retryAfterSecs,
    });
  }

  /**
   * The keys for a token's algorithm and `kid`. A cached key is returned without waiting; for a missing
   * one it waits for the next permitted fetch, unless the latest one has already shown that there is no
   * such key.
   *
   * @param arrivedAt arrival of the request, milliseconds since the epoch.
   * @returns fails with `unknown_key` or, where the keys cannot be fetched, `keys_unavailable`.
   */
  async find(
    alg: PublicKeyAlgorithm,
    kid: string | undefined,
    arrivedAt: number,
  ): Promise<Result<Found, Failure>> {
    const ring = await this.ring();
    if (!ring.ok) return ring;
    const found = { ring: ring.value, ...ring.value.candidates(alg, kid) };
    if (found.keys.length > 0) return ok(found);
    if (ring.value.empty) {
      return await this.findAfterRotation(alg, kid, arrivedAt, {
        ring: found.ring,
        refused: NO_USABLE_KEY,
      });
    }
    if (!found.unknownKid) {
      return await this.findAfterRotation(alg, kid, arrivedAt, {
        ring: found.ring,
        refused: failure("unknown_key", OTHER_ALGORITHM),
      });
    }
    return await this.findAfterRefresh(alg, kid, arrivedAt);
  }

  /**
   * Like `find`, but skips the cached keys. Call it only after `find`, for a token whose `kid` is unknown
   * and which no key without a `kid` has signed.
   *
   * @param arrivedAt arrival of the request, milliseconds since the epoch.
   */
  async findAfterRefresh(
    alg: PublicKeyAlgorithm,
    kid: string | undefined,
    arrivedAt: number,
  ): Promise<Result<Found, Failure>> {
    const name = kid === undefined ? `alg ${alg.name}` : `kid ${kid}`;
    const missedAt = this.#unknown.get(name);
    if (missedAt !== undefined && this.#clock.now() < missedAt + this.#cooldownMs) {
      return fail(failure("unknown_key", "not in the latest key set"));
    }
    // A fetch already in flight may bring the key; otherwise wait for one that begins after the request.
    const cachedAt = this.#source.current()?.startedAt ?? 0;
    let newer = await this.#source.since(Math.min(arrivedAt, cachedAt + 1));
    if (newer.ok && newer.value.startedAt < arrivedAt) {
      const { unknownKid } = this.#ringOf(newer.value).candidates(alg, kid);
      if (unknownKid) newer = await this.#source.since(arrivedAt);
    }
    if (!newer.ok) {
      return fail({
        reason: "keys_unavailable",
        detail: newer.failure.text,
        retryAfterSecs: newer.failure.retryAfterSecs,
      });
    }
    const ring = this.#ringOf(newer.value);
    const found = { ring, ...ring.candidates(alg, kid) };
    if (found.unknownKid) this.#remember(name, newer.value.startedAt);
    return found.keys.length > 0 ? ok(found) : fail(failure("unknown_key"));
  }

  /**
   * The keys for a token that the cached ones fail although they have its `kid`: the provider may have
   * rotated the key under the same `kid`. Waits only for a fetch in flight or one that may begin now;
   * during the cool-down it fails at once, and a fetch at its end serves later tokens.
   *
   * @param arrivedAt arrival of the request, milliseconds since the epoch.
   * @param tried the ring whose keys failed, and the refusal to return where it is still the latest.
   */
  async findAfterRotation(
    alg: PublicKeyAlgorithm,
    kid: string | undefined,
    arrivedAt: number,
    tried: { readonly ring: KeyRing; readonly refused: Failure },
  ): Promise<Result<Found, Failure>> {
    if (this.#refreshWaiters >= MAX_KEY_WAITERS) {
      const detail = "too many requests wait for the key fetch in flight";
      return fail({ reason: "keys_unavailable", detail, retryAfterSecs: 1 });
    }
    this.#refreshWaiters++;
    await this.#refresh(arrivedAt);
    this.#refreshWaiters--;
    const current = this.#source.current();
    if (current === undefined || current.generation === tried.ring.generation) {
      return fail(tried.refused);
    }
    const ring = this.#ringOf(current);
    const found = { ring, ...ring.candidates(alg, kid) };
    return found.keys.length > 0 ? ok(found) : fail(failure("unknown_key"));
  }

  /**
   * Refreshes keys older than a request. Concurrent calls share one refresh; during the cool-down it is
   * a no-op, so that a flood of bad tokens costs one clock reading each.
   */
  async #refresh(arrivedAt: number): Promise<void> {
    if (!this.#mayRefresh(arrivedAt)) return;
    await (this.#refreshing ??= this.#askSource());
    // That fetch had begun before the request arrived: start another without waiting for it.
    if (this.#mayRefresh(arrivedAt)) void (this.#refreshing ??= this.#askSource());
  }

  /** Whether the cached keys are older than a request and the cool-down is over. */
  #mayRefresh(arrivedAt: number): boolean {
    const { startedAt = 0 } = this.#source.current() ?? {};
    return startedAt < arrivedAt && this.#clock.monotonic() >= this.#coolingDownUntil;
  }

  async #askSource(): Promise<void> {
    const newest = await this.#source.newest();
    this.#refreshing = undefined;
    if (newest.ok) return;
    const { untilFetchMs, retryAfterSecs } = newest.failure;
    this.#coolingDownUntil = this.#clock.monotonic() + (untilFetchMs ?? retryAfterSecs * 1000);
  }

  #ringOf(snapshot: KeySnapshot): KeyRing {
    // Unchanged keys keep their generation, so the imported ones are reused.
    if (this.#ring?.generation !== snapshot.generation) this.#ring = makeRing(snapshot);
    return this.#ring;
  }

  #remember(name: string, startedAt: number): void {
    this.#unknown.delete(name);
    this.#unknown.set(name, startedAt);
    if (this.#unknown.size <= MAX_UNKNOWN_KIDS) return;
    for (const oldest of this.#unknown.keys()) {
      this.#unknown.delete(oldest);
      break;
    }
  }
}

function makeRing(snapshot: KeySnapshot): KeyRing {
  const byKid = new Map<string, RingKey[]>();
  const withoutKid: RingKey[] = [];
  for (const key of snapshot.keys) {
    const entry = { key, verification: verificationKey(key) };
    if (key.kid === undefined) withoutKid.push(entry);
    else byKid.set(key.kid, [...(byKid.get(key.kid) ?? []), entry]);
  }
  const all = [...[...byKid.values()].flat(), ...withoutKid];
  return {
    generation: snapshot.generation,
    issuer: snapshot.issuer,
    empty: all.length === 0,
    candidates(alg, kid) {
      if (kid === undefined) {
        const keys = fitting(all, alg);
        return { keys, unknownKid: keys.length === 0 };
      }
      const named = fitting(byKid.get(kid) ?? [], alg);
      const keys = named.length > 0 ? named : fitting(withoutKid, alg);
      return { keys, unknownKid: !byKid.has(kid) };
    },
  };
}

interface RingKey {
  readonly key: PublicKey;
  readonly verification: VerificationKey;
}

function fitting(keys: readonly RingKey[], alg: PublicKeyAlgorithm): VerificationKey[] {
  return keys.filter(({ key }) => fitsAlgorithm(key, alg))
    .slice(0, MAX_KEYS_TRIED).map(({ verification }) => verification);
}

function verificationKey({ members }: PublicKey): VerificationKey {
  const checks = new Map<string, TokenCheck>();
  return {
    checkFor(alg) {
      let check = checks.get(alg.name);
      if (check === undefined) {
        check = alg.makeCheck(members);
        checks.set(alg.name, check);
      }
      return check;
    },
  };
}
