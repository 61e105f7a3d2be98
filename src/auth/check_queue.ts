import { setImmediate } from "node:timers";
import { CHECKS_AT_A_TIME_MS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";

/** Looks whether a signature is right. */
export type Check = () => Promise<boolean>;

/**
 * Runs costly checks one after the other and gives way to everything else in between: after each that
 * was in vain, and after a few that were not. Requests that need none are answered then, so that a
 * flood of tokens that must be checked makes clients whose token is known slower, but does not shut
 * them out; and many good tokens at once are not made to pay for it.
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

  /** Runs a check when its turn comes; `undefined`, at once, when too many wait already. */
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
      // Also with nobody waiting: who comes meanwhile has to wait for the turn.
      await new Promise<void>((done) => setImmediate(done));
      began = this.#clock.monotonic();
    }
    this.#running = false;
  }
}
