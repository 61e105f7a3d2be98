import type { KeyObject } from "node:crypto";
import { type Failure, failure } from "../failure.ts";
import type { PublicKeyAlgorithm } from "../jws/algorithms.ts";
import { fitsAlgorithm, type PublicKey } from "../jws/public_key.ts";
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
  /** The key for one algorithm; imported once and kept. Rejects when the platform refuses the key. */
  forAlgorithm(alg: PublicKeyAlgorithm): Promise<KeyObject>;
}

/** The keys of one generation, with the issuer that they belong to. */
export interface KeyRing {
  readonly generation: number;
  readonly issuer: string;
  /** Whether the provider gave no usable key at all, which is its fault and no token's. */
  readonly empty: boolean;
  /**
   * The keys that a token may be signed with: those of its `kid`, else those without one; only such
   * that are for its algorithm (RFC 7515, section 6; a key without `alg` serves every algorithm of its type).
   */
  candidates(alg: PublicKeyAlgorithm, kid: string | undefined): Candidates;
}

/** Keys that a token may be signed with. */
export interface Candidates {
  readonly keys: readonly VerificationKey[];
  /**
   * Whether newer keys could hold one that the token means and that is not here: no key has its
   * `kid` (then `keys` are those without one), or it has none and no key is for its algorithm.
   */
  readonly unknownKid: boolean;
}

/** What was found for a token. */
export interface Found extends Candidates {
  readonly ring: KeyRing;
}

/**
 * Looks keys up in what the source has, and asks the source for more where a token names a key that
 * is not there.
 */
export class KeyStore {
  readonly #source: KeySource;
  readonly #clock: Clock;
  readonly #cooldownMs: number;
  #ring: KeyRing | undefined;
  /** How many requests wait to see whether the key of their `kid` is another one by now. */
  #refreshWaiters = 0;
  /** What they all wait for. */
  #refreshing: Promise<void> | undefined;
  /** Until when the source has no newer keys, milliseconds of the clock that never jumps. */
  #coolingDownUntil = 0;
  /** Keys that a fetch did not bring, with the time at which that fetch began. */
  readonly #unknown = new Map<string, number>();

  /** @param cooldownMs for how long a key that a fetch did not bring is not asked for again. */
  constructor(source: KeySource, clock: Clock, cooldownMs: number) {
    this.#source = source;
    this.#clock = clock;
    this.#cooldownMs = cooldownMs;
  }

  /** The keys at hand, or those of the first fetch; waits for that fetch alone. */
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
   * The keys for a token's algorithm and `kid`. A key at hand is returned without waiting; for one
   * that is not, the next permitted fetch is waited for, unless the last one has already shown that
   * it is not there.
   *
   * @param arrivedAt when the request came in, milliseconds since the epoch.
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
   * The same for a token that no key at hand fits: `find` without a look at the keys at hand. To be
   * called only after `find`, for a token whose `kid` is unknown and that no key without one signed.
   *
   * @param arrivedAt when the request came in, milliseconds since the epoch.
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
    // A fetch that is under way may bring the key already; else it is the next one that will tell.
    const atHand = this.#source.current()?.startedAt ?? 0;
    let newer = await this.#source.since(Math.min(arrivedAt, atHand + 1));
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
   * The keys for a token that those at hand do not fit although they know its `kid`: the provider may
   * have put another key in their place. Waits only for a fetch that is in flight or may begin at once;
   * otherwise one is made when the cool-down is over, for the next token of that kind.
   *
   * @param arrivedAt when the request came in, milliseconds since the epoch.
   * @param tried the keys that do not fit, and the refusal where there are no others by now.
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
   * Has the source look for keys newer than a request, and waits while it does so. All who come
   * meanwhile wait for the same, and where no fetch is permitted the source is not asked again before
   * one is: a flood costs no more than a look at the clock.
   */
  async #refresh(arrivedAt: number): Promise<void> {
    if (!this.#mayRefresh(arrivedAt)) return;
    await (this.#refreshing ??= this.#askSource());
    // It had begun before the request came, so one more is made in time.
    if (this.#mayRefresh(arrivedAt)) void (this.#refreshing ??= this.#askSource());
  }

  /** Whether keys newer than a request are not at hand, and may be had. */
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
    // The same keys, fetched again, keep their generation: the imported ones stay.
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

function verificationKey({ kty, members }: PublicKey): VerificationKey {
  const imported = new Map<string, Promise<KeyObject>>();
  return {
    forAlgorithm(alg) {
      let key = imported.get(alg.name);
      if (key === undefined) {
        key = alg.importKey({ kty, ...members });
        imported.set(alg.name, key);
      }
      return key;
    },
  };
}
