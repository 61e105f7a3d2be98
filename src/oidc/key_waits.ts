import { addressGroup, FairPlaces, type Occupant, type WaitingClient } from "../fair_places.ts";
import { MAX_KEY_WAITERS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, type Result } from "../result.ts";
import type { FetchNeed } from "./fetch_bucket.ts";
import type { KeySnapshot, KeySource, KeyWish, NoKeys } from "./key_source.ts";

/** Why a request got no newer keys. */
export interface NoNewerKeys extends NoKeys {
  /** Set where its own wait ended, not the fetch. */
  readonly waited?: "client gone" | "too long" | "too many";
}

/** A fetch that takes longer than a request may wait. */
export const TOO_SLOW: NoNewerKeys = {
  text: "the key fetch in flight takes too long",
  retryAfterSecs: 1,
  waited: "too long",
};

const TOO_MANY: NoNewerKeys = {
  text: "too many requests wait for the key fetch in flight",
  retryAfterSecs: 1,
  waited: "too many",
};

const CLIENT_GONE: NoNewerKeys = { text: "", retryAfterSecs: 1, waited: "client gone" };

type Outcome = Result<KeySnapshot, NoNewerKeys>;

/** Ends the wait of one request. */
type End = (outcome: Outcome) => void;

/**
 * The requests of one worker that wait for newer keys. Each is counted, whatever its token; there are at
 * most `MAX_KEY_WAITERS`, shared fairly between addresses. A wait ends with the fetch, after its time, or
 * when its client leaves.
 *
 * All who wait share one question to the source. While no fetch is permitted the source is not asked.
 */
export class KeyWaits {
  readonly #source: KeySource;
  readonly #clock: Clock;
  readonly #places = new FairPlaces(MAX_KEY_WAITERS);
  /** Those who wait for the question that is under way. */
  readonly #asked: Record<FetchNeed, Set<End> | undefined> = {
    needed: undefined,
    guess: undefined,
  };
  /** Why the source was of no use, and until when that holds, milliseconds of the monotonic clock. */
  readonly #refused: Record<FetchNeed, { until: number; why: NoKeys } | undefined> = {
    needed: undefined,
    guess: undefined,
  };

  constructor(source: KeySource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /**
   * What `KeySource.fetch` would resolve with, or why the wait for it has ended before.
   *
   * @param deadline when the wait ends, milliseconds of the monotonic clock.
   */
  async newer(wish: KeyWish, client: WaitingClient, deadline: number): Promise<Outcome> {
    const need = needOf(wish);
    for (;;) {
      const shared = this.#asked.needed ?? (need === "guess" ? this.#asked.guess : undefined);
      const refused = shared === undefined ? this.#refusedNow(need) : undefined;
      if (refused !== undefined) return fail(refused);
      const outcome = await this.#wait(shared ?? this.#ask(wish), client, deadline);
      const othersKey = shared !== undefined && !outcome.ok &&
        outcome.failure.missingForMs !== undefined;
      if (!othersKey) return outcome;
    }
  }

  /** Asks for newer keys that no request waits for, unless that is under way or not permitted. */
  prefetch(wish: KeyWish): void {
    const need = needOf(wish);
    if (this.#asked[need] === undefined && this.#refusedNow(need) === undefined) this.#ask(wish);
  }

  #refusedNow(need: FetchNeed): NoKeys | undefined {
    const refused = this.#refused[need];
    const leftMs = refused === undefined ? 0 : refused.until - this.#clock.monotonic();
    if (refused === undefined || leftMs <= 0) return undefined;
    return { ...refused.why, retryAfterSecs: Math.ceil(leftMs / 1000) };
  }

  /** Puts a question to the source; returns the set of those who wait for its outcome. */
  #ask(wish: KeyWish): Set<End> {
    const need = needOf(wish);
    const waiting = new Set<End>();
    this.#asked[need] = waiting;
    void this.#source.fetch(wish).then((outcome) => {
      this.#asked[need] = undefined;
      const untilMs = outcome.ok ? undefined : outcome.failure.untilFetchMs;
      if (!outcome.ok && untilMs !== undefined) {
        const { text, retryAfterSecs } = outcome.failure;
        const until = this.#clock.monotonic() + untilMs;
        this.#refused[need] = { until, why: { text, retryAfterSecs } };
      }
      for (const end of [...waiting]) end(outcome);
    });
    return waiting;
  }

  #wait(waiting: Set<End>, client: WaitingClient, deadline: number): Promise<Outcome> {
    return new Promise((resolve) => {
      let stop = () => {};
      const end = (outcome: Outcome) => {
        this.#places.leave(occupant);
        waiting.delete(end);
        stop();
        resolve(outcome);
      };
      const occupant: Occupant = {
        group: addressGroup(client.peer.address),
        yields: () => end(fail(TOO_MANY)),
      };
      if (!this.#places.enter(occupant)) return resolve(fail(TOO_MANY));
      waiting.add(end);
      const { signal } = client;
      const leave = () => end(fail(CLIENT_GONE));
      const leftMs = deadline - this.#clock.monotonic();
      const cancelTimer = this.#clock.after(leftMs, () => end(fail(TOO_SLOW)));
      signal.addEventListener("abort", leave);
      stop = () => {
        cancelTimer();
        signal.removeEventListener("abort", leave);
      };
      if (signal.aborted) leave();
    });
  }
}

function needOf({ guess }: KeyWish): FetchNeed {
  return guess ? "guess" : "needed";
}
