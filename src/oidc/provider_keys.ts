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

/** What is known about the provider from the settings. */
export interface ProviderOptions extends ProviderAddress, KeyAges {
  /** Least time between two fetch attempts that callers cause, whether they succeed or not, in milliseconds. */
  readonly cooldownMs: number;
}

/** Keys of an earlier run. */
export interface RestoredKeys {
  readonly issuer: string;
  readonly keys: readonly PublicKey[];
  /** When they were fetched, milliseconds since the epoch. */
  readonly fetchedAt: number;
}

/** What the source of keys needs from outside. */
export interface ProviderParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly fetcher: Fetcher;
  /** Gives a number from 0 to 1, for the pauses between attempts. */
  readonly random?: () => number;
  /**
   * Keys to begin with. They are used like keys at hand, their age included; whoever needs them has
   * them confirmed with `newest`.
   */
  readonly restored?: RestoredKeys | undefined;
  /** Gives the generation of new contents: never the same number twice in a process. */
  readonly nextGeneration: () => number;
  /** Told of every attempt. */
  readonly onAttempt?: (result: "ok" | KeyFetchError["kind"]) => void;
  /** Told of the keys after every successful fetch, and how far the provider's clock is ahead. */
  readonly onFetched?: (keys: KeySnapshot, skewSecs: number | undefined) => void;
}

/** One attempt: when it began on both clocks, and how it failed, if it did. */
interface Attempt {
  readonly startedAt: number;
  readonly began: number;
  readonly error?: KeyFetchError;
}

/**
 * The keys of one provider, fetched by discovery when they are first needed, when a caller needs
 * newer ones, and when they have reached their age.
 *
 * One fetch is in flight at most; attempts that callers cause keep the cool-down apart, failed ones more
 * and more; keys that have reached their age are fetched again whatever the cool-down. Keys held stay in use while the provider fails, up to the age where they are dropped. They are never
 * dropped for their age alone: an attempt to have them confirmed must have failed.
 */
export class ProviderKeys implements KeySource {
  readonly #options: ProviderOptions;
  readonly #parts: ProviderParts;
  readonly #report: KeyReport;
  #snapshot: KeySnapshot | undefined;
  /** When the provider last gave the keys at hand, milliseconds of the clock that never jumps. */
  #confirmedAt = 0;
  #attempt: Attempt | undefined;
  /** From the beginning of the latest attempt to that of the next, in milliseconds. */
  #backoffMs = 0;
  /** How many attempts in a row have failed. */
  #failures = 0;
  #inFlight = false;
  #waiting = 0;
  /** Settles when the next attempt ends, well or not. */
  #next = Promise.withResolvers<void>();
  #cancelScheduled: (() => void) | undefined;
  #cancelAgeing: (() => void) | undefined;
  /** Whether keys are asked for again and again without anybody needing them: they have their age. */
  #due = false;
  #closed = false;
  /** Ends a fetch in flight when this is closed. */
  readonly #stop = new AbortController();
  readonly #listeners = new ChangeListeners();

  constructor(options: ProviderOptions, parts: ProviderParts) {
    this.#options = options;
    this.#parts = parts;
    this.#report = makeKeyReport(parts.log);
    if (parts.restored !== undefined) this.#restore(parts.restored);
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

  /** Ends a fetch in flight, all waiting and all timers; keys at hand can still be looked up. */
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
    const cancel = this.#parts.clock.after(MAX_KEY_WAIT_MS, () => {
      late = true;
      timeUp.resolve();
    });
    try {
      while (!this.#closed && !late) {
        const pause = this.#untilPermittedMs();
        // Without any keys nobody is kept waiting for an attempt that may fail like the last one.
        if (!this.#inFlight && pause > 0 && this.#snapshot === undefined) break;
        this.#schedule();
        if (!this.#inFlight && pause > MAX_KEY_WAIT_MS) break;
        await Promise.race([this.#next.promise, timeUp.promise]);
        if (this.#snapshot !== undefined && this.#snapshot.startedAt >= sinceMs) {
          return ok(this.#snapshot);
        }
        const { startedAt = 0, error } = this.#attempt ?? {};
        if (error !== undefined && startedAt >= sinceMs) break;
        // The fetch that just ended began before the caller asked: what it needs may be newer still.
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
    // A fetch in flight tells soon.
    const waitMs = this.#inFlight ? 0 : this.#untilPermittedMs();
    return { text, retryAfterSecs: Math.max(1, Math.ceil(waitMs / 1000)) };
  }

  /** Milliseconds until the next attempt may begin; 0 when it may at once. */
  #untilPermittedMs(): number {
    if (this.#attempt === undefined) return 0;
    const since = this.#parts.clock.monotonic() - this.#attempt.began;
    return Math.max(0, this.#backoffMs - since);
  }

  /** Sees to it that a fetch is in flight, or begins as soon as one is permitted. */
  #schedule(): void {
    if (this.#closed || this.#inFlight) return;
    const pause = this.#untilPermittedMs();
    if (pause === 0) return this.#fetchNow();
    this.#cancelScheduled ??= this.#parts.clock.after(pause, () => {
      this.#cancelScheduled = undefined;
      void this.#fetch();
    });
  }

  #fetchNow(): void {
    if (this.#closed || this.#inFlight) return;
    // A timer may be late where much else is going on.
    this.#cancelScheduled?.();
    this.#cancelScheduled = undefined;
    void this.#fetch();
  }

  async #fetch(): Promise<void> {
    this.#inFlight = true;
    const { clock, onAttempt, onFetched } = this.#parts;
    const attempt = { startedAt: clock.now(), began: clock.monotonic() };
    this.#attempt = attempt;
    this.#backoffMs = this.#options.cooldownMs;
    const outcome = await fetchKeys(this.#address(), this.#parts, this.#stop.signal);
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

  /** A key set that turns empty is a fault, also where a secret would do: the keys held stay in use. */
  #address(): ProviderAddress {
    const keysOptional = this.#options.keysOptional && !this.#snapshot?.keys.length;
    return { ...this.#options, keysOptional };
  }

  #succeed({ issuer, keys, skipped }: ProviderKeySet, startedAt: number): KeySnapshot {
    const before = this.#snapshot;
    const changed = before === undefined || before.issuer !== issuer ||
      JSON.stringify(before.keys) !== JSON.stringify(keys);
    const generation = changed ? this.#parts.nextGeneration() : before.generation;
    const snapshot = { generation, startedAt, issuer, keys };
    this.#snapshot = snapshot;
    this.#confirmedAt = this.#parts.clock.monotonic();
    this.#failures = 0;
    this.#report.fetched(snapshot, changed, skipped);
    this.#due = false;
    this.#watchAge();
    this.#listeners.call();
    return snapshot;
  }

  #fail(attempt: Attempt & { readonly error: KeyFetchError }): void {
    const { random = Math.random } = this.#parts;
    this.#attempt = attempt;
    this.#backoffMs = backoffMs(++this.#failures, this.#options.cooldownMs, random);
    this.#report.failed(attempt.error, this.#snapshot !== undefined);
    this.#watchAge();
    if (this.#due) this.#schedule();
  }

  #restore({ issuer, keys, fetchedAt }: RestoredKeys): void {
    const { clock } = this.#parts;
    // A time that is yet to come would make every request believe that nothing newer can be had.
    const startedAt = Math.min(fetchedAt, clock.now() - 1);
    const ageMs = clock.now() - startedAt;
    const used = ageMs < this.#options.staleMs;
    this.#report.restored(keys.length, ageMs, used);
    if (!used) return;
    this.#snapshot = {
      generation: this.#parts.nextGeneration(),
      startedAt,
      issuer,
      keys,
      restored: true,
    };
    this.#confirmedAt = clock.monotonic() - ageMs;
    this.#watchAge();
  }

  /** Has keys fetched again when they have the age for it, and drops them when they are too old. */
  #watchAge(): void {
    this.#cancelAgeing?.();
    if (this.#snapshot === undefined) return;
    const { clock } = this.#parts;
    const { staleMs } = this.#options;
    const refetchMs = refetchAgeMs(this.#options);
    const ageMs = clock.monotonic() - this.#confirmedAt;
    const unconfirmed = this.#failures > 0 || this.#snapshot.restored === true;
    if (ageMs >= staleMs && unconfirmed) return this.#drop(ageMs);
    // Restored keys are confirmed when they are first needed; until then no request is sent.
    if (ageMs >= refetchMs && this.#attempt !== undefined) {
      this.#due = true;
      // The operator chose the age; the cool-down bounds what clients cause, and what fails.
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
