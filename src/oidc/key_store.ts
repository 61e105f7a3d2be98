import { importJWK } from "jose";
import { type Failure, failure } from "../failure.ts";
import { MAX_KEYS_TRIED, MAX_UNKNOWN_KIDS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import type { PublicKey } from "./key_set.ts";
import type { KeySnapshot, KeySource } from "./key_source.ts";

/** One public key, ready for signature checks. */
export interface VerificationKey {
  /** The key for one algorithm; imported once and kept. Rejects when the platform refuses the key. */
  forAlgorithm(alg: string): Promise<CryptoKey>;
}

/** The keys of one generation, with the issuer that they belong to. */
export interface KeyRing {
  readonly generation: number;
  readonly issuer: string;
  /**
   * The keys that a token may be signed with: those of its `kid`, else those without one; only such
   * that are for its algorithm (RFC 7515, section 6; a key without `alg` serves every RS* algorithm).
   */
  candidates(alg: string, kid: string | undefined): readonly VerificationKey[];
}

/** What was found for a token. */
export interface Found {
  readonly ring: KeyRing;
  readonly keys: readonly VerificationKey[];
}

/**
 * Looks keys up in what the source has, and asks the source for more where a token names a key that
 * is not there.
 */
export class KeyStore {
  readonly #source: KeySource;
  readonly #clock: Clock;
  readonly #cooldownMs: number;
  #ring: KeyRing & { readonly startedAt: number } | undefined;
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
    if (current !== undefined) return ok(this.#ringOf(current));
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
    alg: string,
    kid: string | undefined,
    arrivedAt: number,
  ): Promise<Result<Found, Failure>> {
    const ring = await this.ring();
    if (!ring.ok) return ring;
    const keys = ring.value.candidates(alg, kid);
    if (keys.length > 0) return ok({ ring: ring.value, keys });
    const name = kid === undefined ? alg : `${alg} ${kid}`;
    const startedAt = this.#ring?.startedAt ?? 0;
    if (startedAt >= arrivedAt) {
      this.#remember(name, startedAt);
      return fail(failure("unknown_key"));
    }
    const missedAt = this.#unknown.get(name);
    if (missedAt !== undefined && this.#clock.now() < missedAt + this.#cooldownMs) {
      return fail(failure("unknown_key", "not in the latest key set"));
    }
    const newer = await this.#source.since(arrivedAt);
    if (!newer.ok) {
      return fail({
        reason: "keys_unavailable",
        detail: newer.failure.text,
        retryAfterSecs: newer.failure.retryAfterSecs,
      });
    }
    const newRing = this.#ringOf(newer.value);
    const found = newRing.candidates(alg, kid);
    if (found.length > 0) return ok({ ring: newRing, keys: found });
    this.#remember(name, newer.value.startedAt);
    return fail(failure("unknown_key"));
  }

  #ringOf(snapshot: KeySnapshot): KeyRing {
    if (this.#ring?.generation !== snapshot.generation) {
      this.#ring = { ...makeRing(snapshot), startedAt: snapshot.startedAt };
    } else if (this.#ring.startedAt !== snapshot.startedAt) {
      // The same keys, fetched again: the imported ones stay.
      this.#ring = { ...this.#ring, startedAt: snapshot.startedAt };
    }
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
  const byKid = new Map<string, KeyEntry[]>();
  const withoutKid: KeyEntry[] = [];
  for (const key of snapshot.keys) {
    const entry = { alg: key.alg, key: verificationKey(key) };
    if (key.kid === undefined) withoutKid.push(entry);
    else byKid.set(key.kid, [...(byKid.get(key.kid) ?? []), entry]);
  }
  const all = [...[...byKid.values()].flat(), ...withoutKid];
  return {
    generation: snapshot.generation,
    issuer: snapshot.issuer,
    candidates(alg, kid) {
      const named = kid === undefined ? all : byKid.get(kid);
      const fitting = fit(named ?? withoutKid, alg);
      return fitting.length > 0 || named === withoutKid ? fitting : fit(withoutKid, alg);
    },
  };
}

interface KeyEntry {
  readonly alg: string | undefined;
  readonly key: VerificationKey;
}

function fit(entries: readonly KeyEntry[], alg: string): VerificationKey[] {
  return entries.filter((entry) => entry.alg === undefined || entry.alg === alg)
    .slice(0, MAX_KEYS_TRIED).map((entry) => entry.key);
}

function verificationKey({ n, e }: PublicKey): VerificationKey {
  const imported = new Map<string, Promise<CryptoKey>>();
  return {
    forAlgorithm(alg) {
      let key = imported.get(alg);
      if (key === undefined) {
        key = importJWK({ kty: "RSA", n, e }, alg) as Promise<CryptoKey>;
        imported.set(alg, key);
      }
      return key;
    },
  };
}
