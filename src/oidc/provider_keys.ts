import { MAX_KEY_WAITERS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { fail, ok, type Result } from "../result.ts";
import { askProvider, type ProviderAddress, type ProviderKeySet } from "./ask_provider.ts";
import type { Fetcher } from "./fetch_json.ts";
import type { KeySnapshot, KeySource, NoKeys } from "./key_source.ts";
import type { ProviderTrouble } from "./trouble.ts";

/** What is known about the provider from the settings. */
export interface ProviderOptions extends ProviderAddress {
  /** Least time between two fetch attempts, whether they succeed or not, in milliseconds. */
  readonly cooldownMs: number;
  /** Age at which keys are fetched again, in milliseconds; `undefined` for never. */
  readonly expiryMs: number | undefined;
}

/** What the source of keys needs from outside. */
export interface ProviderParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly fetcher: Fetcher;
  /** Told of every attempt, and of the keys at hand after it. */
  readonly onAttempt?: (result: "ok" | ProviderTrouble["kind"], keys?: KeySnapshot) => void;
}

/**
 * The keys of one provider, fetched by discovery when they are first needed, when a caller needs
 * newer ones, and when they have reached their expiry age.
 *
 * One fetch is in flight at most; attempts keep the cool-down apart, failed ones too. Keys at hand
 * stay in use whatever happens to the provider.
 */
export class ProviderKeys implements KeySource {
  readonly #options: ProviderOptions;
  readonly #parts: ProviderParts;
  #snapshot: KeySnapshot | undefined;
  /** The latest attempt: when it began on both clocks, and how it failed, if it did. */
  #attempt: { startedAt: number; began: number; trouble?: ProviderTrouble } | undefined;
  #inFlight = false;
  #waiting = 0;
  /** Settles when the next attempt ends, well or not. */
  #next = Promise.withResolvers<void>();
  #cancelScheduled: (() => void) | undefined;
  #cancelExpiry: (() => void) | undefined;
  /** Whether the keys at hand have reached their expiry age. */
  #expired = false;
  #reported = "";
  #closed = false;
  /** Ends a fetch in flight when this is closed. */
  readonly #stop = new AbortController();

  constructor(options: ProviderOptions, parts: ProviderParts) {
    this.#options = options;
    this.#parts = parts;
  }

  current(): KeySnapshot | undefined {
    return this.#snapshot;
  }

  async since(sinceMs: number): Promise<Result<KeySnapshot, NoKeys>> {
    if (this.#snapshot !== undefined && this.#snapshot.startedAt >= sinceMs) {
      return ok(this.#snapshot);
    }
    if (this.#waiting >= MAX_KEY_WAITERS) {
      this.#schedule();
      return fail(this.#noKeys("too many requests wait for the next key fetch"));
    }
    this.#waiting++;
    try {
      return await this.#wait(sinceMs);
    } finally {
      this.#waiting--;
    }
  }

  /** Ends a fetch in flight, all waiting and all timers; keys at hand can still be looked up. */
  close(): void {
    this.#closed = true;
    this.#stop.abort();
    this.#cancelScheduled?.();
    this.#cancelExpiry?.();
    this.#next.resolve();
  }

  async #wait(sinceMs: number): Promise<Result<KeySnapshot, NoKeys>> {
    while (!this.#closed) {
      const pause = this.#untilPermittedMs();
      // Without any keys nobody is kept waiting for an attempt that may fail like the last one.
      if (!this.#inFlight && pause > 0 && this.#snapshot === undefined) break;
      this.#schedule();
      await this.#next.promise;
      if (this.#snapshot !== undefined && this.#snapshot.startedAt >= sinceMs) {
        return ok(this.#snapshot);
      }
      const { startedAt = 0, trouble } = this.#attempt ?? {};
      if (trouble !== undefined && startedAt >= sinceMs) break;
      // The fetch that just ended began before the caller asked: what it needs may be newer still.
    }
    const trouble = this.#attempt?.trouble;
    return fail(
      this.#noKeys(trouble === undefined ? "no key fetch is possible now" : tell(trouble)),
    );
  }

  #noKeys(text: string): NoKeys {
    return { text, retryAfterSecs: Math.max(1, Math.ceil(this.#untilPermittedMs() / 1000)) };
  }

  /** Milliseconds until the next attempt may begin; 0 when it may at once. */
  #untilPermittedMs(): number {
    if (this.#attempt === undefined) return 0;
    const since = this.#parts.clock.monotonic() - this.#attempt.began;
    return Math.max(0, this.#options.cooldownMs - since);
  }

  /** Sees to it that a fetch is in flight, or begins as soon as one is permitted. */
  #schedule(): void {
    if (this.#closed || this.#inFlight || this.#cancelScheduled !== undefined) return;
    const pause = this.#untilPermittedMs();
    if (pause === 0) {
      void this.#fetch();
      return;
    }
    this.#cancelScheduled = this.#parts.clock.after(pause, () => {
      this.#cancelScheduled = undefined;
      void this.#fetch();
    });
  }

  async #fetch(): Promise<void> {
    this.#inFlight = true;
    const { clock } = this.#parts;
    const attempt = { startedAt: clock.now(), began: clock.monotonic() };
    this.#attempt = attempt;
    const outcome = await askProvider(this.#options, this.#parts, this.#stop.signal);
    this.#inFlight = false;
    if (this.#closed) return;
    if (outcome.ok) this.#succeed(outcome.value, attempt.startedAt);
    else this.#fail({ ...attempt, trouble: outcome.failure });
    this.#parts.onAttempt?.(outcome.ok ? "ok" : outcome.failure.kind, this.#snapshot);
    const ended = this.#next;
    this.#next = Promise.withResolvers<void>();
    ended.resolve();
  }

  #succeed({ issuer, keys, skipped }: ProviderKeySet, startedAt: number): void {
    const { log } = this.#parts;
    const before = this.#snapshot;
    const same = before !== undefined && before.issuer === issuer &&
      JSON.stringify(before.keys) === JSON.stringify(keys);
    const generation = same ? before.generation : (before?.generation ?? 0) + 1;
    this.#snapshot = { generation, startedAt, issuer, keys };
    if (this.#reported !== "") log.info("the provider answers again");
    this.#reported = "";
    if (!same) {
      log.info("keys fetched", { issuer, keys: keys.length, skipped: skipped.length });
      for (const text of skipped) log.warn("a key of the provider is not used", { why: text });
    } else {
      log.debug("keys fetched, unchanged", { issuer, keys: keys.length });
    }
    const { expiryMs } = this.#options;
    this.#expired = false;
    if (expiryMs === undefined) return;
    this.#cancelExpiry?.();
    this.#cancelExpiry = this.#parts.clock.after(expiryMs, () => {
      this.#expired = true;
      this.#schedule();
    });
  }

  #fail(attempt: { startedAt: number; began: number; trouble: ProviderTrouble }): void {
    const { log } = this.#parts;
    this.#attempt = attempt;
    const text = tell(attempt.trouble);
    if (text !== this.#reported) {
      this.#reported = text;
      const fields = {
        url: attempt.trouble.url,
        trouble: attempt.trouble.text,
        todo: attempt.trouble.todo,
      };
      if (this.#snapshot === undefined) {
        log.error("no keys: the provider gave none, requests are answered with 503", fields);
      } else {
        log.warn("keys could not be fetched again, those at hand stay in use", fields);
      }
    }
    // Keys past their expiry are asked for again and again, at the pace of the cool-down.
    if (this.#expired) this.#schedule();
  }
}

function tell(trouble: ProviderTrouble): string {
  return `${trouble.url} ${trouble.text}`;
}
