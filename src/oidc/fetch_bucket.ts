import { KEY_FETCH_BURST } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";

/** How well founded the wish for a fetch is. */
export type FetchNeed =
  /** No cached key can be the one that is needed. */
  | "needed"
  /** A key is there; that another has taken its place is a guess, which anyone can cause. */
  | "guess";

/**
 * A token bucket for the key fetches that clients cause: a few at once, one more each cool-down. A guess
 * takes from a full bucket only, so that guesses never use up what others need.
 */
export class FetchBucket {
  readonly #cooldownMs: number;
  readonly #clock: Clock;
  /** When it is full (again), milliseconds of the monotonic clock. */
  #fullAt = 0;

  /** @param cooldownMs time in which it gets one more, in milliseconds. */
  constructor(cooldownMs: number, clock: Clock) {
    this.#cooldownMs = cooldownMs;
    this.#clock = clock;
  }

  /** Milliseconds until there is one to take; 0 for now. */
  untilMs(need: FetchNeed): number {
    const untilFullMs = this.#fullAt - this.#clock.monotonic();
    const others = need === "guess" ? 0 : KEY_FETCH_BURST - 1;
    return Math.max(0, untilFullMs - others * this.#cooldownMs);
  }

  /** Takes one, which has to be there. */
  take(): void {
    this.#fullAt = Math.max(this.#fullAt, this.#clock.monotonic()) + this.#cooldownMs;
  }
}
