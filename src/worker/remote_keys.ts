import {
  ChangeListeners,
  type KeySnapshot,
  type KeySource,
  type KeyWish,
  type NoKeys,
} from "../oidc/key_source.ts";
import { fail, ok, type Result } from "../result.ts";

/** A worker's wish for newer keys. */
export interface KeyQuestion {
  readonly id: number;
  readonly wish: KeyWish;
}

const REMOVED = fail<NoKeys>({ text: "a reload removed the provider", retryAfterSecs: 1 });

/** A worker's keys: the latest that the supervisor has sent, and a way to ask it for newer ones. */
export class RemoteKeys implements KeySource {
  readonly #ask: (question: KeyQuestion) => void;
  #keys: KeySnapshot | undefined;
  #nextId = 1;
  #closed = false;
  readonly #listeners = new ChangeListeners();
  readonly #waiting = new Map<number, (result: Result<null, NoKeys>) => void>();

  /** @param ask sends a question that `reply` will be called for. */
  constructor(ask: (question: KeyQuestion) => void) {
    this.#ask = ask;
  }

  current(): KeySnapshot | undefined {
    return this.#keys;
  }

  async fetch(wish: KeyWish): Promise<Result<KeySnapshot, NoKeys>> {
    if (this.#keys !== undefined && this.#keys.startedAt >= wish.sinceMs) return ok(this.#keys);
    if (this.#closed) return REMOVED;
    const id = this.#nextId++;
    const result = await new Promise<Result<null, NoKeys>>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#ask({ id, wish });
    });
    if (!result.ok) return result;
    // The supervisor may have dropped the keys meanwhile.
    if (this.#keys === undefined) {
      return fail({ text: "the cached keys were dropped", retryAfterSecs: 1 });
    }
    return ok(this.#keys);
  }

  /** Takes over what the supervisor has now; `undefined` when it has none any more. */
  set(keys: KeySnapshot | undefined): void {
    this.#keys = keys;
    this.#listeners.call();
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Ends all waits: the settings have this provider no longer, so that no reply finds its way here. */
  close(): void {
    this.#closed = true;
    for (const id of [...this.#waiting.keys()]) this.reply(id, REMOVED);
  }

  /** Takes the result of a question; the keys of a good one were sent before. */
  reply(id: number, result: Result<null, NoKeys>): void {
    this.#waiting.get(id)?.(result);
    this.#waiting.delete(id);
  }
}
