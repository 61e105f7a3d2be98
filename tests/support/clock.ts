import type { Clock } from "../../src/ops/clock.ts";

interface Timer {
  readonly due: number;
  readonly action: () => void;
}

/** A clock that stands still until `advance` moves it; timers fire in order of their due time. */
export class FakeClock implements Clock {
  #now: number;
  #monotonic = 0;
  readonly #timers = new Set<Timer>();

  /** Starts at `startMs`, milliseconds since the epoch. */
  constructor(startMs = Date.parse("2026-01-01T00:00:00Z")) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, action: () => void): () => void {
    const timer = { due: this.#monotonic + Math.max(ms, 0), action };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers wait: a test can see that nothing was left behind. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves the time on by `ms` milliseconds, firing what falls due and letting promises settle. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    for (;;) {
      const next = [...this.#timers].filter((timer) => timer.due <= end)
        .sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#moveTo(next.due);
      next.action();
      await settle();
    }
    this.#moveTo(end);
    await settle();
  }

  #moveTo(monotonic: number): void {
    this.#now += monotonic - this.#monotonic;
    this.#monotonic = monotonic;
  }
}

/** Lets every promise that is already decided run its continuations, and one round of I/O pass. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
}
