import { MAX_CLOCK_SKEW_SECS } from "../limits.ts";
import type { Log } from "../ops/log.ts";

/** Watches how far the provider's clock and ours are apart. */
export interface ClockSkewMonitor {
  /** How far the provider's is ahead at least, in seconds, as of its last answer that told. */
  readonly skewSecs: number | undefined;
  /** Takes what an answer told. Whatever differs too much is logged, and when it no longer does. */
  take(skewSecs: number | undefined): void;
}

/** Begins to watch; nothing is known yet. */
export function monitorClockSkew(log: Log): ClockSkewMonitor {
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
        log.warn("provider clock ahead, tokens may not be valid yet", {
          secs,
          hint: "set both clocks by NTP; a small difference can be allowed with LEEWAY",
        });
      } else if (state < 0) {
        log.warn("provider clock behind, tokens may expire early", {
          secs,
          hint: "set both clocks by NTP; a small difference can be allowed with LEEWAY",
        });
      } else {
        log.info("provider clock back in sync");
      }
    },
  };
}
