import { WATCH_INTERVAL_MS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";

/**
 * Calls `onChange` whenever the contents of one of the files have changed and then stayed the same
 * for one interval: a file that is just being written must not be taken for a finished one. Reading
 * them from time to time also notices the ways of replacing a file that watches miss: renames, links,
 * network volumes.
 */
export class FileWatch {
  readonly #files: () => readonly string[];
  readonly #onChange: () => void;
  readonly #clock: Clock;
  readonly #read: (path: string) => string | undefined;
  #settled = "";
  #last = "";
  #cancel: (() => void) | undefined;

  /**
   * Nothing is read yet.
   *
   * @param read the contents of a file in a comparable form, `undefined` where it cannot be read.
   */
  constructor(
    files: () => readonly string[],
    onChange: () => void,
    clock: Clock,
    read: (path: string) => string | undefined = readContents,
  ) {
    this.#files = files;
    this.#onChange = onChange;
    this.#clock = clock;
    this.#read = read;
  }

  /** Watches from now on, or no longer. */
  use(wanted: boolean): void {
    if (wanted === (this.#cancel !== undefined)) return;
    this.#cancel?.();
    this.#cancel = undefined;
    if (!wanted) return;
    this.#settled = this.#last = this.#contents();
    this.#lookLater();
  }

  #lookLater(): void {
    this.#cancel = this.#clock.after(WATCH_INTERVAL_MS, () => this.#look());
  }

  #look(): void {
    const now = this.#contents();
    const changed = now === this.#last && now !== this.#settled;
    if (changed) this.#settled = now;
    this.#last = now;
    this.#lookLater();
    if (changed) this.#onChange();
  }

  #contents(): string {
    return JSON.stringify(this.#files().map((file) => [file, this.#read(file)]));
  }
}

function readContents(path: string): string | undefined {
  try {
    return Deno.readFileSync(path).toBase64();
  } catch {
    return undefined;
  }
}
