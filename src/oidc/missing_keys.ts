import { MAX_UNKNOWN_KIDS, UNKNOWN_KID_MEMORY_MS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";

/** Why no fetch is made for a key, for the log. */
export const NOT_BROUGHT = "the latest fetch for it did not bring that key";

/**
 * Remembers keys that a fetch did not bring, so that one client with a retired token does not cause
 * fetch after fetch. Bounded, since clients choose the names: the oldest is forgotten first.
 */
export class MissingKeys {
  readonly #clock: Clock;
  readonly #memoryMs: number;
  /** Until when each is remembered, milliseconds of the monotonic clock. */
  readonly #until = new Map<string, number>();

  /** @param cooldownMs that of key fetches: within one a second fetch for the same key is a waste. */
  constructor(cooldownMs: number, clock: Clock) {
    this.#clock = clock;
    this.#memoryMs = Math.max(UNKNOWN_KID_MEMORY_MS, cooldownMs);
  }

  /** Remembers a key, for a while or for as long as another process does. */
  remember(name: string, forMs: number = this.#memoryMs): void {
    this.#until.delete(name);
    this.#until.set(name, this.#clock.monotonic() + forMs);
    if (this.#until.size <= MAX_UNKNOWN_KIDS) return;
    for (const oldest of this.#until.keys()) {
      this.#until.delete(oldest);
      break;
    }
  }

  /** For how much longer a key is remembered, in milliseconds; 0 for one that is not. */
  remainingMs(name: string): number {
    return Math.max(0, (this.#until.get(name) ?? 0) - this.#clock.monotonic());
  }
}
