import type { PublicKey } from "../jws/public_key.ts";
import type { Result } from "../result.ts";

/** One successful fetch of the provider's keys. Plain data: it crosses processes. */
export interface KeySnapshot {
  /**
   * Stands for the *contents*, unique in a process: it changes when issuer or keys change, not when they
   * are fetched again.
   */
  readonly generation: number;
  /** When its fetch began, milliseconds since the epoch. */
  readonly startedAt: number;
  /** What `iss` has to equal. */
  readonly issuer: string;
  readonly keys: readonly PublicKey[];
  /** Set on keys that an earlier run has fetched and no fetch of this one has confirmed yet. */
  readonly restored?: true;
}

/** Why no (newer) keys can be had now. */
export interface NoKeys {
  /** One sentence for the log. */
  readonly text: string;
  /** Seconds until it makes sense to ask again. */
  readonly retryAfterSecs: number;
  /** Milliseconds until a fetch may begin, where that is the reason: exactly, and not rounded up. */
  readonly untilFetchMs?: number;
}

/** Where key sets come from: the provider itself, or a process that asks it on behalf of many. */
export interface KeySource {
  /** The latest keys at hand. Never waits. */
  current(): KeySnapshot | undefined;
  /**
   * Resolves with keys whose fetch began at or after `sinceMs`, waiting for the next permitted fetch
   * where needed; the number of those who wait and their time are bounded.
   *
   * @param sinceMs milliseconds since the epoch; 0 takes any keys, and the outcome of a fetch that is
   * already in flight.
   */
  since(sinceMs: number): Promise<Result<KeySnapshot, NoKeys>>;
  /**
   * Resolves with the keys of the fetch that is in flight, or that may begin at once. Where none may,
   * fails at once, and a fetch is made as soon as one may.
   */
  newest(): Promise<Result<KeySnapshot, NoKeys>>;
  /**
   * Calls `listener` whenever what `current` gives has been replaced or dropped.
   *
   * @returns a function that ends that.
   */
  onChange(listener: () => void): () => void;
}

/** A counter from 1: the generations of the key sets of one process. */
export function makeGenerations(): () => number {
  let last = 0;
  return () => ++last;
}

/** Those who want to hear of a change. */
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
