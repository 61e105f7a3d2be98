import { setImmediate } from "node:timers";
import type { WaitingClient } from "../fair_places.ts";
import { FairQueue } from "../fair_queue.ts";
import { CHECKS_AT_A_TIME_MS, MAX_CHECK_WAITERS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";

/** Checks a signature. */
export type Check = () => Promise<boolean> | boolean;

/** One signature to be checked. */
export interface CheckRequest {
  readonly token: string;
  /** What it is checked with; the same token with other keys is another check. */
  readonly keys: unknown;
  readonly client: WaitingClient;
  readonly check: Check;
}

/**
 * Runs costly checks one at a time and yields to the event loop in between: after every failed check,
 * and every few milliseconds of successful ones. Requests with a cached token are served then, so that
 * a flood of bad tokens slows them down but does not starve them, while a burst of good tokens does not
 * pay for a yield each.
 *
 * Requests with the same token share one check. What waits is bounded and fair: see `FairQueue`.
 */
export class CheckQueue {
  readonly #clock: Clock;
  readonly #queue: FairQueue<boolean>;
  #running = false;

  /** @param max how many checks may wait at once. */
  constructor(max: number, clock: Clock) {
    this.#queue = new FairQueue(max, MAX_CHECK_WAITERS);
    this.#clock = clock;
  }

  /**
   * Queues a check, or joins the one that is queued for the same token and keys. `undefined` for one that
   * did not get, or lost, its place.
   */
  run({ token, keys, client, check }: CheckRequest): Promise<boolean | undefined> {
    const waiting = this.#queue.add({ name: token, using: keys, client, work: check });
    if (!this.#running) void this.#work();
    return waiting;
  }

  async #work(): Promise<void> {
    this.#running = true;
    let began = this.#clock.monotonic();
    for (let next = this.#queue.doNext(); next !== undefined; next = this.#queue.doNext()) {
      const wrong = await next === false;
      if (!wrong && this.#clock.monotonic() - began < CHECKS_AT_A_TIME_MS) continue;
      // Also with an empty queue: a check that is queued meanwhile has to wait for the yield.
      await new Promise<void>((done) => setImmediate(done));
      began = this.#clock.monotonic();
    }
    this.#running = false;
  }
}
