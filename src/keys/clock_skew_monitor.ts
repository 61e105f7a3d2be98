import { MAX_CLOCK_SKEW_SECS } from "../limits.ts";
import type { Log } from "../ops/log.ts";

/** Watches the skew between the provider's clock and ours. */
export interface ClockSkewMonitor {
  /** How far the provider's clock is ahead at least, in seconds, by its latest dated response. */
  readonly skewSecs: number | undefined;
  /** Takes the skew of a response, if known. Logs when it exceeds the limit, and when it recovers. */
  take(skewSecs: number | undefined): void;
}

/** Starts without a known skew. */
export function monitorClockSkew(log: Log): ClockSkewMonitor {
  let known: number | undefined;
  let logged = 0;
  return {
    get skewSecs() {
      return known;
    },
    take(skewSecs) {
      if (skewSecs === undefined) return;
      known = skewSecs;
      const state = Math.abs(skewSecs) > MAX_CLOCK_SKEW_SECS ? Math.sign(skewSecs) : 0;
      if (state === logged) return;
      logged = state;
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
