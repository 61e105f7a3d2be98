import { MAX_CLOCK_SKEW_SECS } from "../limits.ts";
import type { Log } from "../ops/log.ts";

/** Watches how far the provider's clock and ours are apart. */
export interface ClockWatch {
  /** How far the provider's is ahead at least, in seconds, as of its last answer that told. */
  readonly skewSecs: number | undefined;
  /** Takes what an answer told. Whatever differs too much is logged, and when it no longer does. */
  take(skewSecs: number | undefined): void;
}

/** Begins to watch; nothing is known yet. */
export function watchClock(log: Log): ClockWatch {
  let known: number | undefined;
  let told = 0;
  return {
    get skewSecs() {
      return known;
    },
    take(skewSecs) {
      if (skewSecs === undefined) return;
      known = skewSecs;
      const state = Math.abs(skewSecs) > MAX_CLOCK_SKEW_SECS ? Math.sign(skewSecs) : 0;
      if (state === told) return;
      told = state;
      const secs = Math.round(Math.abs(skewSecs));
      if (state > 0) {
        log.warn("the provider's clock is ahead of ours: its tokens may be not yet valid here", {
          secs,
          todo: "set both clocks by NTP; a small difference can be allowed with LEEWAY",
        });
      } else if (state < 0) {
        log.warn("the provider's clock is behind ours: its tokens may end early here", {
          secs,
          todo: "set both clocks by NTP; a small difference can be allowed with LEEWAY",
        });
      } else {
        log.info("the provider's clock and ours agree again");
      }
    },
  };
}
