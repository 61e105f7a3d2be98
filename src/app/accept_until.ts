import type { Config } from "../config/schema.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { DEPRECATED, type Deprecated } from "../ops/metrics.ts";

/** Something that is accepted until a date only. */
export interface Window {
  readonly provider: string;
  readonly what: Deprecated;
  /** Milliseconds since the epoch. */
  readonly untilMs: number;
}

/** The windows that settings open. */
export function windowsOf({ providers }: Pick<Config, "providers">): readonly Window[] {
  return providers.flatMap((config) => {
    const secretEnds = [config.clientSecretAcceptUntil, config.previousClientSecretAcceptUntil];
    const ends: Readonly<Record<Deprecated, readonly (number | undefined)[]>> = {
      provider: [config.acceptUntil],
      secret: secretEnds,
      audience: [config.previousAudienceAcceptUntil],
    };
    return DEPRECATED.flatMap((what) =>
      ends[what].flatMap((untilMs) =>
        untilMs === undefined ? [] : [{ provider: config.name, what, untilMs }]
      )
    );
  });
}

const DAY_MS = 86_400_000;

/** How many days before its end a window is warned of. */
const WARNING_DAYS = [14, 7, 1];

/** Warns of windows that end soon, and says when one has ended. */
export interface WindowWatch {
  /** Watches these from now on; says at once what is near its end or over. */
  use(windows: readonly Window[]): void;
  close(): void;
}

/**
 * Makes a watch that has no windows yet.
 *
 * @param logFor the log for what concerns one provider.
 */
export function watchWindows(clock: Clock, logFor: (provider: string) => Log): WindowWatch {
  const ends = new Map<Window, () => void>();

  /** Reports a window that is near its end, and returns when there is more to report. */
  function report({ provider, what, untilMs }: Window): number {
    const now = clock.now();
    const until = new Date(untilMs).toISOString();
    const log = logFor(provider);
    if (now >= untilMs) {
      log.warn("migration window over, tokens refused", { what, until });
      return Infinity;
    }
    const moments = [...WARNING_DAYS.map((days) => untilMs - days * DAY_MS), untilMs];
    if (moments.some((moment) => moment <= now)) {
      log.warn("migration window ends soon, tokens will be refused", {
        what,
        until,
        daysLeft: Math.ceil((untilMs - now) / DAY_MS),
        hint: "ooproxy_deprecated_tokens_total shows whether some are still in use",
      });
    }
    return moments.find((moment) => moment > now) ?? Infinity;
  }

  function watch(at: number, window: Window): void {
    const leftMs = at - clock.now();
    if (leftMs === Infinity) return;
    // The platform's timers hold 24 days at most.
    const end = clock.after(
      Math.min(Math.max(leftMs, 0), DAY_MS),
      () => watch(clock.now() >= at ? report(window) : at, window),
    );
    ends.set(window, end);
  }

  function close(): void {
    for (const end of ends.values()) end();
    ends.clear();
  }

  return {
    use(windows) {
      close();
      for (const window of windows) watch(report(window), window);
    },
    close,
  };
}
