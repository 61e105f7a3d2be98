import { WATCH_INTERVAL_MS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";

/**
 * Calls `onChange` whenever the contents of one of the files have changed and then stayed the same
 * for one interval: a file that is just being written must not be taken for a finished one. Reading
 * them from time to time also notices the ways of replacing a file that watches miss: renames, links,
 * network volumes.
 *
 * @param read the contents of a file in a comparable form, `undefined` where it cannot be read.
 * @returns a function that stops watching.
 */
export function watchFiles(
  files: () => readonly string[],
  read: (path: string) => string | undefined,
  onChange: () => void,
  clock: Clock,
): () => void {
  const contents = () => JSON.stringify(files().map((file) => [file, read(file)]));
  let settled = contents();
  let last = settled;
  let cancel = clock.after(WATCH_INTERVAL_MS, look);
  function look(): void {
    const now = contents();
    const changed = now === last && now !== settled;
    if (changed) settled = now;
    last = now;
    cancel = clock.after(WATCH_INTERVAL_MS, look);
    if (changed) onChange();
  }
  return () => cancel();
}
