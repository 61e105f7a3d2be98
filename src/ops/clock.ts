/**
 * Time as an argument: everything that needs the time or a timer takes a `Clock`, so that tests
 * can pass one that they move by hand.
 */
export interface Clock {
  /** Wall clock, milliseconds since the epoch: for claims and for log lines. */
  now(): number;
  /** Milliseconds from an arbitrary start that never jump: for intervals and ages. */
  monotonic(): number;
  /** Runs `action` once after `ms` milliseconds; the returned function cancels it. */
  after(ms: number, action: () => void): () => void;
}

/** Longest delay a timer takes, in milliseconds; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, Math.min(Math.max(ms, 0), LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};
