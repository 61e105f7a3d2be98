import type { PublicKey } from "../jws/public_key.ts";
import { MAX_KEY_WAIT_MS, MAX_KEY_WAITERS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { fail, ok, type Result } from "../result.ts";
import { fetchKeys, type ProviderAddress, type ProviderKeySet } from "./fetch_keys.ts";
import type { Fetcher } from "./fetch_json.ts";
import { type KeyReport, makeKeyReport } from "./key_report.ts";
import { ChangeListeners, type KeySnapshot, type KeySource, type NoKeys } from "./key_source.ts";
import { backoffMs, type KeyAges, refetchAgeMs } from "./backoff.ts";
import { describe, type KeyFetchError } from "./key_fetch_error.ts";

/** The provider's settings. */
export interface ProviderOptions extends ProviderAddress, KeyAges {
  /** Least time between two fetches that requests cause, successful or not, in milliseconds. */
  readonly cooldownMs: number;
}

/** Keys of an earlier run, from `KEY_CACHE_FILE`. */
export interface RestoredKeys {
  readonly issuer: string;
  readonly keys: readonly PublicKey[];
  /** When they were fetched, milliseconds since the epoch. */
  readonly fetchedAt: number;
}

/** What it depends on. */
export interface ProviderKeysDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly fetcher: Fetcher;
  /** Gives a number from 0 to 1, for the back-off. */
  readonly random?: () => number;
  /**
   * Keys to start with. They are used like fetched ones of the same age; the first caller that needs
   * them has them confirmed with `newest`.
   */
  readonly restored?: RestoredKeys | undefined;
  /** Gives the generation of new contents, unique in a process. */
  readonly nextGeneration: () => number;
  /** Called after every attempt. */
  readonly onAttempt?: (result: "ok" | KeyFetchError["kind"]) => void;
  /** Called after every successful fetch, with the provider's clock skew in seconds. */
  readonly onFetched?: (keys: KeySnapshot, skewSecs: number | undefined) => void;
}

/** One attempt: its start on both clocks, and its error, if it failed. */
interface Attempt {
  readonly startedAt: number;
  readonly began: number;
  readonly error?: KeyFetchError;
}

/**
 * The keys of one provider, fetched when they are first needed, when a caller needs newer ones, and when
 * they reach their expiry.
 *
 * At most one fetch is in flight. Fetches that requests cause are a cool-down apart, with back-off after
 * failures; a refresh at expiry ignores the cool-down. While the provider fails, cached keys stay in use
 * up to `staleMs`; they are dropped then only if an attempt to confirm them has failed.
 */
export class ProviderKeys implements KeySource {
  readonly #options: ProviderOptions;
  readonly #deps: ProviderKeysDeps;
  readonly #report: KeyReport;
  #snapshot: KeySnapshot | undefined;
  /** When the provider last confirmed the cached keys, milliseconds of the monotonic clock. */
  #confirmedAt = 0;
  #attempt: Attempt | undefined;
  /** From the start of the latest attempt to that of the next, in milliseconds. */
  #backoffMs = 0;
  /** How many attempts in a row have failed. */
  #failures = 0;
  #inFlight = false;
  #waiting = 0;
  /** Settles when the next attempt ends, successful or not. */
  #next = Promise.withResolvers<void>();
  #cancelScheduled: (() => void) | undefined;
  #cancelAgeing: (() => void) | undefined;
  /** Whether failed fetches are retried without a request, because the keys have reached their expiry. */
  #due = false;
  #closed = false;
  /** Aborts a fetch in flight on `close`. */
  readonly #stop = new AbortController();
  readonly #listeners = new ChangeListeners();

  constructor(options: ProviderOptions, deps: ProviderKeysDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#report = makeKeyReport(deps.log);
    if (deps.restored !== undefined) this.#restore(deps.restored);
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
    const waited = await this.#wait(sinceMs);
    this.#waiting--;
    return waited;
  }

  async newest(): Promise<Result<KeySnapshot, NoKeys>> {
    this.#schedule();
    if (this.#inFlight && this.#attempt !== undefined) {
      return await this.#wait(this.#attempt.startedAt);
    }
    const refused = this.#noKeys("no key fetch is permitted yet");
    return fail({ ...refused, untilFetchMs: this.#untilPermittedMs() });
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Aborts a fetch in flight, ends all waits and timers; cached keys remain available. */
  close(): void {
    this.#closed = true;
    this.#stop.abort();
    this.#cancelScheduled?.();
    this.#cancelAgeing?.();
    this.#next.resolve();
  }

  async #wait(sinceMs: number): Promise<Result<KeySnapshot, NoKeys>> {
    const timeUp = Promise.withResolvers<void>();
    let late = false;
    const cancel = this.#deps.clock.after(MAX_KEY_WAIT_MS, () => {
      late = true;
      timeUp.resolve();
    });
    try {
      while (!this.#closed && !late) {
        const pause = this.#untilPermittedMs();
        // Without cached keys, fail now rather than wait for a retry that may fail like the last one.
        if (!this.#inFlight && pause > 0 && this.#snapshot === undefined) break;
        this.#schedule();
        if (!this.#inFlight && pause > MAX_KEY_WAIT_MS) break;
        await Promise.race([this.#next.promise, timeUp.promise]);
        if (this.#snapshot !== undefined && this.#snapshot.startedAt >= sinceMs) {
          return ok(this.#snapshot);
        }
        const { startedAt = 0, error } = this.#attempt ?? {};
        if (error !== undefined && startedAt >= sinceMs) break;
        // That fetch began before `sinceMs`: the key may have been published since.
      }
    } finally {
      cancel();
    }
    const error = this.#attempt?.error;
    return fail(
      this.#noKeys(error === undefined ? "no key fetch is possible in time" : describe(error)),
    );
  }

  #noKeys(text: string): NoKeys {
    // A fetch in flight ends soon.
    const waitMs = this.#inFlight ? 0 : this.#untilPermittedMs();
    return { text, retryAfterSecs: Math.max(1, Math.ceil(waitMs / 1000)) };
  }

  /** Milliseconds until the next attempt may begin; 0 for now. */
  #untilPermittedMs(): number {
    if (this.#attempt === undefined) return 0;
    const since = this.#deps.clock.monotonic() - this.#attempt.began;
    return Math.max(0, this.#backoffMs - since);
  }

  /** Makes sure that a fetch is in flight or scheduled for the end of the back-off. */
  #schedule(): void {
    if (this.#closed || this.#inFlight) return;
    const pause = this.#untilPermittedMs();
    if (pause === 0) return this.#fetchNow();
    this.#cancelScheduled ??= this.#deps.clock.after(pause, () => {
      this.#cancelScheduled = undefined;
      void this.#fetch();
    });
  }

  #fetchNow(): void {
    if (this.#closed || this.#inFlight) return;
    // The timer may be late under load.
    this.#cancelScheduled?.();
    this.#cancelScheduled = undefined;
    void this.#fetch();
  }

  async #fetch(): Promise<void> {
    this.#inFlight = true;
    const { clock, onAttempt, onFetched } = this.#deps;
    const attempt = { startedAt: clock.now(), began: clock.monotonic() };
    this.#attempt = attempt;
    this.#backoffMs = this.#options.cooldownMs;
    const outcome = await fetchKeys(this.#address(), this.#deps, this.#stop.signal);
    this.#inFlight = false;
    if (this.#closed) return;
    if (outcome.ok) {
      const keys = this.#succeed(outcome.value, attempt.startedAt);
      onFetched?.(keys, outcome.value.skewSecs);
    } else {
      this.#fail({ ...attempt, error: outcome.failure });
    }
    onAttempt?.(outcome.ok ? "ok" : outcome.failure.kind);
    const ended = this.#next;
    this.#next = Promise.withResolvers<void>();
    ended.resolve();
  }

  /** A key set that becomes empty is an error even with a client secret: the cached keys stay in use. */
  #address(): ProviderAddress {
    const keysOptional = this.#options.keysOptional && !this.#snapshot?.keys.length;
    return { ...this.#options, keysOptional };
  }

  #succeed({ issuer, keys, skipped }: ProviderKeySet, startedAt: number): KeySnapshot {
    const before = this.#snapshot;
    const changed = before === undefined || before.issuer !== issuer ||
      JSON.stringify(before.keys) !== JSON.stringify(keys);
    const generation = changed ? this.#deps.nextGeneration() : before.generation;
    const snapshot = { generation, startedAt, issuer, keys };
    this.#snapshot = snapshot;
    this.#confirmedAt = this.#deps.clock.monotonic();
    this.#failures = 0;
    this.#report.fetched(snapshot, changed, skipped);
    this.#due = false;
    this.#watchAge();
    this.#listeners.call();
    return snapshot;
  }

  #fail(attempt: Attempt & { readonly error: KeyFetchError }): void {
    const { random = Math.random } = this.#deps;
    this.#attempt = attempt;
    this.#backoffMs = backoffMs(++this.#failures, this.#options.cooldownMs, random);
    this.#report.failed(attempt.error, this.#snapshot !== undefined);
    this.#watchAge();
    if (this.#due) this.#schedule();
  }

  #restore({ issuer, keys, fetchedAt }: RestoredKeys): void {
    const { clock } = this.#deps;
    // A start in the future would make every request take these keys for the newest.
    const startedAt = Math.min(fetchedAt, clock.now() - 1);
    const ageMs = clock.now() - startedAt;
    const used = ageMs < this.#options.staleMs;
    this.#report.loaded(keys.length, ageMs, used);
    if (!used) return;
    this.#snapshot = {
      generation: this.#deps.nextGeneration(),
      startedAt,
      issuer,
      keys,
      restored: true,
    };
    this.#confirmedAt = clock.monotonic() - ageMs;
    this.#watchAge();
  }

  /** Refreshes keys at their expiry, and drops stale ones that cannot be confirmed. */
  #watchAge(): void {
    this.#cancelAgeing?.();
    if (this.#snapshot === undefined) return;
    const { clock } = this.#deps;
    const { staleMs } = this.#options;
    const refetchMs = refetchAgeMs(this.#options);
    const ageMs = clock.monotonic() - this.#confirmedAt;
    const unconfirmed = this.#failures > 0 || this.#snapshot.restored === true;
    if (ageMs >= staleMs && unconfirmed) return this.#drop(ageMs);
    // Restored keys are confirmed when first needed; until then nothing is fetched.
    if (ageMs >= refetchMs && this.#attempt !== undefined) {
      this.#due = true;
      // The cool-down bounds what clients cause and failed fetches, not the configured expiry.
      if (this.#failures === 0) this.#fetchNow();
      else this.#schedule();
    }
    const nextMs = [refetchMs, staleMs].find((age) => age > ageMs);
    if (nextMs === undefined) return;
    this.#cancelAgeing = clock.after(nextMs - ageMs, () => this.#watchAge());
  }

  #drop(ageMs: number): void {
    this.#snapshot = undefined;
    this.#report.dropped(ageMs);
    this.#listeners.call();
  }
}
