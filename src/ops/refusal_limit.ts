import { REFUSAL_WINDOW_MS } from "../limits.ts";
import type { AccessLog } from "./access_log.ts";
import type { Clock } from "./clock.ts";

/** How many refused requests were not logged, by reason. */
export type Unlogged = ReadonlyMap<string, number>;

/**
 * Bounds what somebody without a token can have logged: lines of requests that were refused, or failed,
 * before a token was verified. Those beyond the limit are counted by reason.
 *
 * One for a process, so that a reload does not begin a second count beside the first.
 */
export class RefusalLimit {
  readonly #clock: Clock;
  readonly #report: (unlogged: Unlogged) => void;
  #logged = 0;
  /** Bounded, since there is a fixed set of reasons. */
  #unlogged = new Map<string, number>();
  #cancel: (() => void) | undefined;

  /** @param report takes the counts of a second that had more than were logged. */
  constructor(clock: Clock, report: (unlogged: Unlogged) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** The same access log, with at most so many lines a second of requests without a verified token. */
  limit(accessLog: AccessLog, perSec: number | "unlimited"): AccessLog {
    if (perSec === "unlimited") return accessLog;
    return (record) => {
      const { verified, reason } = record;
      if (verified || reason === undefined || this.#admits(reason, perSec)) accessLog(record);
    };
  }

  #admits(reason: string, perSec: number): boolean {
    this.#cancel ??= this.#clock.after(REFUSAL_WINDOW_MS, () => this.flush());
    if (this.#logged < perSec) {
      this.#logged++;
      return true;
    }
    this.#unlogged.set(reason, (this.#unlogged.get(reason) ?? 0) + 1);
    return false;
  }

  /** Ends the running second: reports what was not logged in it. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#logged = 0;
    if (this.#unlogged.size === 0) return;
    const unlogged = this.#unlogged;
    this.#unlogged = new Map();
    this.#report(unlogged);
  }
}
