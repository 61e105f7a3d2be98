import { MAX_KEY_WAITERS } from "../limits.ts";
import type { KeySnapshot, KeySource, NoKeys } from "../oidc/key_source.ts";
import { fail, ok, type Result } from "../result.ts";

/** A worker's keys: the latest that the supervisor has told of, and a way to ask it for newer ones. */
export class SupervisorKeys implements KeySource {
  readonly #ask: (id: number, sinceMs: number) => void;
  #keys: KeySnapshot | undefined;
  #nextId = 1;
  readonly #waiting = new Map<number, (answer: Result<KeySnapshot, NoKeys>) => void>();

  /** @param ask sends a question that `answer` will be called for. */
  constructor(ask: (id: number, sinceMs: number) => void) {
    this.#ask = ask;
  }

  current(): KeySnapshot | undefined {
    return this.#keys;
  }

  since(sinceMs: number): Promise<Result<KeySnapshot, NoKeys>> {
    if (this.#keys !== undefined && this.#keys.startedAt >= sinceMs) {
      return Promise.resolve(ok(this.#keys));
    }
    // Nobody asks over the pipe for those who would not be let wait at the other end either.
    if (this.#waiting.size >= MAX_KEY_WAITERS) {
      return Promise.resolve(fail({
        text: "too many requests wait for the next key fetch",
        retryAfterSecs: 1,
      }));
    }
    return new Promise((resolve) => {
      const id = this.#nextId++;
      this.#waiting.set(id, resolve);
      this.#ask(id, sinceMs);
    });
  }

  /** Takes the keys over that the supervisor has now; `undefined` after a change of provider. */
  set(keys: KeySnapshot | undefined): void {
    this.#keys = keys;
  }

  /** Takes the answer to a question. */
  answer(id: number, answer: Result<KeySnapshot, NoKeys>): void {
    if (answer.ok) this.#keys = answer.value;
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }
}
