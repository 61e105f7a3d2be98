import { LOG_BATCH_CHARACTERS, LOG_BATCH_MS } from "../limits.ts";
import type { Clock } from "./clock.ts";

/** Where finished lines go. */
export interface LineWriter {
  /** Adds one line (without its line end); it is written with others, soon. */
  write(line: string): void;
  /** Writes everything that is kept back. */
  flush(): void;
}

/**
 * Writes lines in batches: one system call for many lines, none kept back longer than a tenth of a
 * second, none lost as long as `flush` is called at the end.
 *
 * @param output writes text at once and whole.
 * @param batch whether lines may wait; a person at a terminal wants each at once.
 */
export function makeLineWriter(
  output: (text: string) => void,
  clock: Clock,
  batch: boolean,
): LineWriter {
  let kept = "";
  let cancelTimer: (() => void) | undefined;

  function flush(): void {
    cancelTimer?.();
    cancelTimer = undefined;
    if (kept === "") return;
    const text = kept;
    kept = "";
    output(text);
  }

  return {
    write(line) {
      kept += `${line}\n`;
      if (!batch || kept.length >= LOG_BATCH_CHARACTERS) flush();
      else cancelTimer ??= clock.after(LOG_BATCH_MS, flush);
    },
    flush,
  };
}
