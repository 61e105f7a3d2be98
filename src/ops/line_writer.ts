import { LOG_BATCH_CHARACTERS, LOG_BATCH_MS } from "../limits.ts";
import type { Clock } from "./clock.ts";

/** Where finished lines go. */
export interface LineWriter {
  /** Adds one line (without its line end); it is handed on with others, soon. */
  write(line: string): void;
  /** Hands on everything that is kept back. */
  flush(): void;
}

/**
 * Hands lines on in batches: one write for many lines, none kept back longer than a tenth of a second,
 * none lost as long as `flush` is called at the end.
 *
 * @param output takes a batch of whole lines, and how many there are.
 * @param batch whether lines may wait; a person at a terminal wants each at once.
 */
export function makeLineWriter(
  output: (text: string, lines: number) => void,
  clock: Clock,
  batch: boolean,
): LineWriter {
  let kept = "";
  let lines = 0;
  let cancelTimer: (() => void) | undefined;

  function flush(): void {
    cancelTimer?.();
    cancelTimer = undefined;
    if (lines === 0) return;
    const [text, count] = [kept, lines];
    kept = "";
    lines = 0;
    output(text, count);
  }

  return {
    write(line) {
      kept += `${line}\n`;
      lines++;
      if (!batch || kept.length >= LOG_BATCH_CHARACTERS) flush();
      else cancelTimer ??= clock.after(LOG_BATCH_MS, flush);
    },
    flush,
  };
}
