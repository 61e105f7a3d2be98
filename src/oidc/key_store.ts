import { type Failure, failure } from "../failure.ts";
import type { PublicKeyAlgorithm } from "../jws/algorithms.ts";
import type { WaitingClient } from "../fair_places.ts";
import type { Clock } from "../ops/clock.ts";
import { type Awaitable, fail, ok, type Result } from "../result.ts";
import { type Found, type KeyRing, makeRing } from "./key_ring.ts";
import type { KeySnapshot, KeySource } from "./key_source.ts";
import { KeyWaits, type NoNewerKeys, TOO_SLOW } from "./key_waits.ts";
import { MissingKeys, NOT_BROUGHT } from "./missing_keys.ts";

const NO_USABLE_KEY: Failure = {
  reason: "keys_unavailable",
  detail: "the provider's key set holds no usable key",
};

const OTHER_ALGORITHM = "the key of that kid is for another algorithm";

/** A token that needs a key, and whose request it is. */
export interface KeyNeed {
  readonly alg: PublicKeyAlgorithm;
  readonly kid: string | undefined;
  /** Arrival of the request, milliseconds since the epoch. */
  readonly arrivedAt: number;
  /** When it stops waiting for keys, milliseconds of the monotonic clock. */
  readonly deadline: number;
  readonly client: WaitingClient;
}

/** A token whatever its key. */
export type AnyKeyNeed = Pick<KeyNeed, "deadline" | "client">;

/** Keys that did not do, and the refusal to return where there are no newer ones. */
export interface Tried {
  readonly found: Found;
  readonly refused: Failure;
}

/**
 * Finds the keys for a token in the cached key set, and has the source refresh it where the token needs
 * a key that is missing or has been replaced.
 */
export class KeyStore {
  readonly #source: KeySource;
  readonly #clock: Clock;
  readonly #waits: KeyWaits;
  /** Keys that the latest fetch for them did not bring. */
  readonly #missing: MissingKeys;
  #ring: KeyRing | undefined;

  /** @param cooldownMs in which clients may cause one more fetch, in milliseconds. */
  constructor(source: KeySource, clock: Clock, cooldownMs: number) {
    this.#source = source;
    this.#clock = clock;
    this.#waits = new KeyWaits(source, clock);
    this.#missing = new MissingKeys(cooldownMs, clock);
  }

  /** The generation of the cached keys, `undefined` without any. */
  generation(): number | undefined {
    return this.#source.current()?.generation;
  }

  /**
   * The cached keys, or those of the first fetch; waits for the first fetch only.
   *
   * @returns fails with `keys_unavailable`, or with `client_gone` where the client left meanwhile.
   */
  ring(need: AnyKeyNeed): Awaitable<Result<KeyRing, Failure>> {
    const current = this.#source.current();
    if (current === undefined) return this.#firstRing(need);
    if (current.restored) this.#waits.prefetch({ sinceMs: this.#clock.now() });
    return ok(this.#ringOf(current));
  }

  /**
   * The keys for a token's algorithm and `kid`; without waiting where they are cached. For a missing one
   * it waits for the fetch in flight, or for one that may begin now; a `kid` that a fetch did not bring is
   * refused at once for a while.
   *
   * @returns fails with `unknown_key`; with `keys_unavailable` where no fetch is permitted (then with the
   * time of the next), where it failed or where too many requests wait; with `client_gone`.
   */
  find(need: KeyNeed): Awaitable<Result<Found, Failure>> {
    const ring = this.ring(need);
    if (ring instanceof Promise) {
      return ring.then((ring) => ring.ok ? this.#findIn(ring.value, need) : ring);
    }
    return ring.ok ? this.#findIn(ring.value, need) : ring;
  }

  /**
   * Like `find`, for a token that none of the keys found has signed. Under an unknown `kid` its key may
   * have been published since (only keys without a `kid` were tried); under a known one the provider may
   * have published another key, which is a guess: see `FetchNeed`.
   */
  findNewer(need: KeyNeed, tried: Tried): Promise<Result<Found, Failure>> {
    return tried.found.unknownKid
      ? this.#findUnknown(need, tried.found.ring)
      : this.#findReplaced(need, tried);
  }

  async #firstRing({ client, deadline }: AnyKeyNeed): Promise<Result<KeyRing, Failure>> {
    // Any keys will do: another worker's request may have had them fetched a moment ago.
    const first = await this.#waits.newer({ sinceMs: 0 }, client, deadline);
    return first.ok ? ok(this.#ringOf(first.value)) : fail(unavailable(first.failure));
  }

  #findIn(ring: KeyRing, need: KeyNeed): Awaitable<Result<Found, Failure>> {
    const found = { ring, ...ring.candidates(need.alg, need.kid) };
    if (found.keys.length > 0) return ok(found);
    if (ring.empty) return this.#findReplaced(need, { found, refused: NO_USABLE_KEY });
    return found.unknownKid
      ? this.#findUnknown(need, ring)
      : this.#findReplaced(need, { found, refused: failure("unknown_key", OTHER_ALGORITHM) });
  }

  /** Waits for newer keys until one of them is the missing one, or a fetch has shown that there is none. */
  async #findUnknown(need: KeyNeed, tried: KeyRing): Promise<Result<Found, Failure>> {
    const { alg, kid, arrivedAt, client, deadline } = need;
    const missing = kid === undefined ? `alg ${alg.name}` : `kid ${kid}`;
    // The fetch in flight may have begun before the key was published: then one more shows.
    for (let fetches = 0; fetches < 2; fetches++) {
      if (this.#missing.remainingMs(missing) > 0) return fail(failure("unknown_key", NOT_BROUGHT));
      const cached = this.#source.current();
      const newer = cached !== undefined && cached.startedAt >= arrivedAt
        ? ok(cached)
        : await this.#waits.newer({ sinceMs: arrivedAt, missing }, client, deadline);
      // Also where none was fetched for this request: another's fetch may have brought the key.
      const found = this.#foundNow(need);
      if (found?.unknownKid === false) return orOtherAlgorithm(found);
      if (!newer.ok) {
        if (newer.failure.missingForMs === undefined) return fail(unavailable(newer.failure));
        this.#missing.remember(missing, newer.failure.missingForMs);
        return fail(failure("unknown_key", NOT_BROUGHT));
      }
      if (newer.value.startedAt < arrivedAt) continue;
      this.#missing.remember(missing);
      // Keys without a `kid` that came with this fetch may have signed it.
      const maySign = found !== undefined && found.ring !== tried && found.keys.length > 0;
      return maySign ? ok(found) : fail(failure("unknown_key"));
    }
    return fail(unavailable(TOO_SLOW));
  }

  /** Waits for newer keys where the cached ones for that token did not do. */
  async #findReplaced(need: KeyNeed, { found, refused }: Tried): Promise<Result<Found, Failure>> {
    const wish = { sinceMs: need.arrivedAt, guess: true } as const;
    const newer = await this.#waits.newer(wish, need.client, need.deadline);
    if (!newer.ok && newer.failure.waited !== undefined) return fail(unavailable(newer.failure));
    const current = this.#source.current();
    // A fetch that had begun before the request says little: one more serves later tokens.
    if (current === undefined || current.startedAt < need.arrivedAt) this.#waits.prefetch(wish);
    const foundNow = this.#foundNow(need);
    const changed = foundNow !== undefined && foundNow.ring !== found.ring;
    return changed ? orOtherAlgorithm(foundNow) : fail(refused);
  }

  /** What the cached keys have for a token at this moment. */
  #foundNow({ alg, kid }: KeyNeed): Found | undefined {
    const current = this.#source.current();
    if (current === undefined) return undefined;
    const ring = this.#ringOf(current);
    return { ring, ...ring.candidates(alg, kid) };
  }

  #ringOf(snapshot: KeySnapshot): KeyRing {
    // Unchanged keys keep their generation, so the imported ones are reused.
    if (this.#ring?.generation !== snapshot.generation) this.#ring = makeRing(snapshot);
    return this.#ring;
  }
}

/** The keys found; where there are none, those of that `kid` are for another algorithm. */
function orOtherAlgorithm(found: Found): Result<Found, Failure> {
  return found.keys.length > 0 ? ok(found) : fail(failure("unknown_key", OTHER_ALGORITHM));
}

/** What it means for a request that keys cannot be had. */
function unavailable({ text, retryAfterSecs, waited }: NoNewerKeys): Failure {
  if (waited === "client gone") return failure("client_gone");
  return { reason: "keys_unavailable", detail: text, retryAfterSecs };
}
