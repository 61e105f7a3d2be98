import type { PublicKey } from "../jws/public_key.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { fail, ok, type Result } from "../result.ts";
import { fetchKeys, type ProviderAddress, type ProviderKeySet } from "./fetch_keys.ts";
import type { Fetcher } from "./fetch_json.ts";
import { FetchBucket, type FetchNeed } from "./fetch_bucket.ts";
import { type KeyReport, makeKeyReport } from "./key_report.ts";
import {
  ChangeListeners,
  type KeySnapshot,
  type KeySource,
  type KeyWish,
  type NoKeys,
} from "./key_source.ts";
import { MissingKeys, NOT_BROUGHT } from "./missing_keys.ts";
import { backoffMs, type KeyAges, refetchAgeMs } from "./backoff.ts";
import { describe, type KeyFetchError } from "./key_fetch_error.ts";

/** The provider's settings. */
export interface ProviderOptions extends ProviderAddress, KeyAges {
  /** Time in which clients may cause one more fetch, in milliseconds. */
  readonly cooldownMs: number;
}

/** Keys of an earlier run, from `KEY_CACHE_FILE`. */
export interface RestoredKeys {
  readonly issuer: string;
  readonly keys: readonly PublicKey[];
  readonly introspectionEndpoint?: string | undefined;
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
   * them has them confirmed with `fetch`.
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
 * At most one fetch is in flight. Those that clients cause come from a bucket (`FetchBucket`), with
 * back-off after failures; a refresh at expiry asks no bucket. While the provider fails, cached keys stay
 * in use up to `staleMs`; they are dropped then only if an attempt to confirm them has failed.
 */
export class ProviderKeys implements KeySource {
  readonly #options: ProviderOptions;
  readonly #deps: ProviderKeysDeps;
  readonly #report: KeyReport;
  readonly #bucket: FetchBucket;
  /** Keys that a fetch made for them did not bring. */
  readonly #missing: MissingKeys;
  #snapshot: KeySnapshot | undefined;
  /** When the provider last confirmed the cached keys, milliseconds of the monotonic clock. */
  #confirmedAt = 0;
  #attempt: Attempt | undefined;
  /** From the start of a failed attempt to that of the next, in milliseconds; 0 after a success. */
  #backoffMs = 0;
  /** How many attempts in a row have failed. */
  #failures = 0;
  #inFlight = false;
  /** What clients wait for that got no fetch yet. */
  #wanted: FetchNeed | undefined;
  /** Settles when the attempt in flight, or the next one, ends; without it on `close`. */
  #next = Promise.withResolvers<Attempt | undefined>();
  #cancelScheduled: (() => void) | undefined;
  #cancelAgeing: (() => void) | undefined;
  /** Whether failed fetches are retried without a request: the keys have reached their expiry, or there are none. */
  #due = false;
  #closed = false;
  /** Aborts a fetch in flight on `close`. */
  readonly #stop = new AbortController();
  readonly #listeners = new ChangeListeners();

  constructor(options: ProviderOptions, deps: ProviderKeysDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#report = makeKeyReport(deps.log);
    this.#bucket = new FetchBucket(options.cooldownMs, deps.clock);
    this.#missing = new MissingKeys(options.cooldownMs, deps.clock);
    if (deps.restored !== undefined) this.#restore(deps.restored);
  }

  current(): KeySnapshot | undefined {
    return this.#snapshot;
  }

  async fetch({ sinceMs, missing, guess }: KeyWish): Promise<Result<KeySnapshot, NoKeys>> {
    if (this.#snapshot !== undefined && this.#snapshot.startedAt >= sinceMs) {
      return ok(this.#snapshot);
    }
    const missingForMs = missing === undefined ? 0 : this.#missing.remainingMs(missing);
    if (missingForMs > 0) return fail({ ...this.#noKeys(missingForMs, NOT_BROUGHT), missingForMs });
    if (!this.#inFlight) {
      const need = guess ? "guess" : "needed";
      const untilFetchMs = this.#untilPermittedMs(need);
      if (untilFetchMs > 0 || this.#closed) {
        this.#want(need);
        const error = this.#attempt?.error;
        const text = error === undefined ? "no key fetch is permitted yet" : describe(error);
        return fail({ ...this.#noKeys(untilFetchMs, text), untilFetchMs });
      }
      this.#bucket.take();
      this.#fetchNow();
    }
    // Not the latest attempt: the next one may have begun by the time this goes on.
    const attempt = await this.#next.promise;
    if (attempt?.error !== undefined) {
      return fail(this.#noKeys(this.#untilPermittedMs("needed"), describe(attempt.error)));
    }
    if (attempt === undefined || this.#snapshot === undefined) {
      return fail(this.#noKeys(0, "no keys any more"));
    }
    if (missing !== undefined && attempt.startedAt >= sinceMs) this.#missing.remember(missing);
    return ok(this.#snapshot);
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
    this.#next.resolve(undefined);
  }

  #noKeys(untilMs: number, text: string): NoKeys {
    return { text, retryAfterSecs: Math.max(1, Math.ceil(untilMs / 1000)) };
  }

  /** Milliseconds until a fetch may begin for a client; 0 for now. */
  #untilPermittedMs(need: FetchNeed): number {
    return Math.max(this.#bucket.untilMs(need), this.#backoffLeftMs());
  }

  /** Milliseconds until the provider may be asked again after a failure. */
  #backoffLeftMs(): number {
    if (this.#attempt === undefined) return 0;
    const since = this.#deps.clock.monotonic() - this.#attempt.began;
    return Math.max(0, this.#backoffMs - since);
  }

  /** A client wants a fetch that is not permitted yet: it is made as soon as it is. */
  #want(need: FetchNeed): void {
    if (this.#wanted !== "needed") this.#wanted = need;
    this.#schedule();
  }

  /** Makes the fetch that is due or wanted, now or when it is permitted. */
  #schedule(): void {
    this.#cancelScheduled?.();
    this.#cancelScheduled = undefined;
    if (this.#closed || this.#inFlight) return;
    const dueMs = this.#due ? this.#backoffLeftMs() : Infinity;
    const wantedMs = this.#wanted === undefined ? Infinity : this.#untilPermittedMs(this.#wanted);
    const pause = Math.min(dueMs, wantedMs);
    if (pause > 0 && pause < Infinity) {
      this.#cancelScheduled = this.#deps.clock.after(pause, () => this.#schedule());
    } else if (pause === 0) {
      if (dueMs > 0) this.#bucket.take();
      this.#fetchNow();
    }
  }

  #fetchNow(): void {
    if (this.#closed || this.#inFlight) return;
    this.#cancelScheduled?.();
    this.#cancelScheduled = undefined;
    this.#wanted = undefined;
    void this.#fetch();
  }

  async #fetch(): Promise<void> {
    this.#inFlight = true;
    const { clock, onAttempt, onFetched } = this.#deps;
    const attempt = { startedAt: clock.now(), began: clock.monotonic() };
    this.#attempt = attempt;
    this.#backoffMs = 0;
    const outcome = await fetchKeys(this.#address(), this.#deps, this.#stop.signal);
    this.#inFlight = false;
    if (this.#closed) return;
    // What follows may begin the next attempt, for which others wait.
    const ended = this.#next;
    this.#next = Promise.withResolvers();
    if (outcome.ok) {
      const keys = this.#succeed(outcome.value, attempt.startedAt);
      onFetched?.(keys, outcome.value.skewSecs);
      ended.resolve(attempt);
    } else {
      const failed = { ...attempt, error: outcome.failure };
      this.#fail(failed);
      ended.resolve(failed);
    }
    onAttempt?.(outcome.ok ? "ok" : outcome.failure.kind);
  }

  /** A key set that becomes empty is an error even with a client secret: the cached keys stay in use. */
  #address(): ProviderAddress {
    const keysOptional = this.#options.keysOptional && !this.#snapshot?.keys.length;
    return { ...this.#options, keysOptional };
  }

  #succeed(fetched: ProviderKeySet, startedAt: number): KeySnapshot {
    const { issuer, keys, skipped, introspectionEndpoint: endpoint } = fetched;
    const before = this.#snapshot;
    const changed = before === undefined || before.issuer !== issuer ||
      before.introspectionEndpoint !== endpoint ||
      JSON.stringify(before.keys) !== JSON.stringify(keys);
    const generation = changed ? this.#deps.nextGeneration() : before.generation;
    const snapshot = { generation, startedAt, issuer, keys, ...withEndpoint(endpoint) };
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
    // Without keys nothing is ready, so that no request may come which would ask again.
    if (this.#snapshot === undefined) this.#due = true;
    if (this.#due) this.#schedule();
  }

  #restore({ issuer, keys, introspectionEndpoint, fetchedAt }: RestoredKeys): void {
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
      ...withEndpoint(introspectionEndpoint),
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

function withEndpoint(introspectionEndpoint: string | undefined) {
  return introspectionEndpoint === undefined ? {} : { introspectionEndpoint };
}
