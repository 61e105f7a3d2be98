import type { PublicKey } from "../jws/public_key.ts";
import type { Result } from "../result.ts";

/** One successful fetch of the provider's keys. Plain data, sent between processes. */
export interface KeySnapshot {
  /**
   * Identifies the *contents*, unique in a process: it changes when issuer or keys change, not when the
   * same ones are fetched again.
   */
  readonly generation: number;
  /** When its fetch began, milliseconds since the epoch. */
  readonly startedAt: number;
  /** What `iss` must equal. */
  readonly issuer: string;
  readonly keys: readonly PublicKey[];
  /** Where opaque tokens can be asked about, where discovery names it. */
  readonly introspectionEndpoint?: string;
  /** Set on keys from `KEY_CACHE_FILE` that no fetch of this run has confirmed yet. */
  readonly restored?: true;
}

/** What newer keys are wanted for. Plain data, sent between processes. */
export interface KeyWish {
  /** Keys whose fetch began at or after this time are new enough, milliseconds since the epoch. */
  readonly sinceMs: number;
  /**
   * The key that is not among the cached ones, in a few words. Where a fetch has not brought it a moment
   * ago, none is made.
   */
  readonly missing?: string;
  /** Set where the keys that are there may do: see `FetchNeed`. */
  readonly guess?: true;
}

/** Why no newer keys are available now. */
export interface NoKeys {
  /** One sentence for the log. */
  readonly text: string;
  /** Seconds after which to retry. */
  readonly retryAfterSecs: number;
  /** Milliseconds until a fetch is permitted, where that is the reason. */
  readonly untilFetchMs?: number;
  /** Milliseconds for which no fetch is made for that key, where that is the reason. */
  readonly missingForMs?: number;
}

/** Where key sets come from: the provider itself, or the process that fetches for all workers. */
export interface KeySource {
  /** The cached keys, if any. Never waits. */
  current(): KeySnapshot | undefined;
  /**
   * Resolves with keys that are new enough, or else with the outcome of the fetch in flight (which may
   * have begun too early: ask again), or of one begun now. Where no fetch is permitted it fails at once,
   * and one is scheduled.
   */
  fetch(wish: KeyWish): Promise<Result<KeySnapshot, NoKeys>>;
  /**
   * Calls `listener` whenever the cached keys have been replaced or dropped.
   *
   * @returns a function that removes the listener.
   */
  onChange(listener: () => void): () => void;
}

/** The key sources of all providers, by their names. */
export type KeySources = ReadonlyMap<string, KeySource>;

/** A counter from 1, for the generations of key sets of one process. */
export function makeGenerations(): () => number {
  let last = 0;
  return () => ++last;
}

/** Listeners for a change of the cached keys. */
export class ChangeListeners {
  readonly #listeners = new Set<() => void>();

  /** Adds one; the returned function removes it. */
  add(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  call(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
