import { setImmediate } from "node:timers";
import { CHECKS_AT_A_TIME_MS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";

/**
 * Runs costly checks one after the other and gives way to everything else every now and then: requests
 * that need none are answered in between. A flood of tokens that must be checked makes clients whose
 * token is known slower, but does not shut them out.
 */
export class CheckQueue {
  readonly #max: number;
  readonly #clock: Clock;
  readonly #waiting: (() => Promise<void>)[] = [];
  #running = false;

  /** @param max how many checks may be under way or waiting at once. */
  constructor(max: number, clock: Clock) {
    this.#max = max;
    this.#clock = clock;
  }

  /** Runs a check when its turn comes; `undefined`, at once, when too many wait already. */
  run<T>(check: () => Promise<T>): Promise<T> | undefined {
    if (this.#waiting.length + (this.#running ? 1 : 0) >= this.#max) return undefined;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push(() => check().then(resolve, reject));
    if (!this.#running) void this.#work();
    return promise;
  }

  async #work(): Promise<void> {
    this.#running = true;
    let began = this.#clock.monotonic();
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await next();
      if (this.#clock.monotonic() - began < CHECKS_AT_A_TIME_MS) continue;
      await new Promise<void>((done) => setImmediate(done));
      began = this.#clock.monotonic();
    }
    this.#running = false;
  }
}
