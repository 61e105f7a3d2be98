import { setImmediate } from "node:timers";
import { CHECKS_AT_A_TIME_MS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";

/** Checks a signature. */
export type Check = () => Promise<boolean>;

/**
 * Runs costly checks one at a time and yields to the event loop in between: after every failed check,
 * and every few milliseconds of successful ones. Requests with a cached token are served then, so that
 * a flood of bad tokens slows them down but does not starve them, while a burst of good tokens does not
 * pay for a yield each.
 */
export class CheckQueue {
  readonly #max: number;
  readonly #clock: Clock;
  readonly #waiting: (() => Promise<boolean>)[] = [];
  #running = false;

  /** @param max how many checks may be under way or waiting at once. */
  constructor(max: number, clock: Clock) {
    this.#max = max;
    this.#clock = clock;
  }

  /** Queues a check; `undefined`, at once, when the queue is full. */
  run(check: Check): Promise<boolean> | undefined {
    if (this.#waiting.length + (this.#running ? 1 : 0) >= this.#max) return undefined;
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    this.#waiting.push(async () => {
      try {
        const right = await check();
        resolve(right);
        return right;
      } catch (error) {
        reject(error);
        return false;
      }
    });
    if (!this.#running) void this.#work();
    return promise;
  }

  async #work(): Promise<void> {
    this.#running = true;
    let began = this.#clock.monotonic();
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const right = await next();
      if (right && this.#clock.monotonic() - began < CHECKS_AT_A_TIME_MS) continue;
      // Also with an empty queue: a check that is queued meanwhile has to wait for the yield.
      await new Promise<void>((done) => setImmediate(done));
      began = this.#clock.monotonic();
    }
    this.#running = false;
  }
}
