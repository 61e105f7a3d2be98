import { LOG_RETRY_MS, MAX_LOG_QUEUE_BYTES } from "../limits.ts";
import type { Clock } from "./clock.ts";

/** Where batches of finished lines go. */
export interface LogOutput {
  /**
   * Queues whole lines, or drops them where the queue is full. Never waits, never throws.
   *
   * @param text the lines with their line ends.
   * @param lines how many there are.
   */
  put(text: string, lines: number): void;
  /**
   * Resolves when everything put so far is written, or cannot be written, and after `ms` milliseconds in
   * any case. From now on nothing is tried again that failed.
   */
  end(ms: number): Promise<void>;
}

/** What a log output needs from outside. */
export interface LogOutputDeps {
  readonly clock: Clock;
  /** Writes some of the bytes; resolves with how many, whenever that has become possible, or rejects. */
  readonly write: (bytes: Uint8Array) => Promise<number>;
  /** Most bytes given to `write` at once: whole lines, unless a single one is longer. */
  readonly pieceBytes: number;
  /** Takes the number of lines that were dropped. */
  readonly onDropped: (lines: number) => void;
  /** The line, without its line end, that says how many lines are missing where it stands. */
  readonly droppedLine: (lines: number) => string;
}

const NEWLINE = 0x0a;

/**
 * The end of a log that must never hold up what is logged: lines wait in a bounded queue for a write
 * that may fail (full disk, reader gone) or take for ever (reader that does not read).
 *
 * What failed is tried again, a pause apart. Once lines were dropped, all are until the queue has been
 * written; then one line says how many, and the log goes on.
 */
export function makeLogOutput(deps: LogOutputDeps): LogOutput {
  const { clock, write, pieceBytes, onDropped, droppedLine } = deps;
  const queue: Uint8Array[] = [];
  let queuedBytes = 0;
  /** How much of the first batch is written. */
  let written = 0;
  let dropped = 0;
  let writing = false;
  let attempt = Promise.resolve();
  let cancelRetry: (() => void) | undefined;
  let ending = false;

  function put(text: string, lines: number): void {
    // No text has fewer bytes than characters: most of what does not fit is not even encoded.
    const fits = dropped === 0 && queuedBytes + text.length <= MAX_LOG_QUEUE_BYTES;
    if (!fits || !add(new TextEncoder().encode(text))) {
      dropped += lines;
      onDropped(lines);
    }
    if (cancelRetry === undefined) void start();
  }

  function add(bytes: Uint8Array): boolean {
    if (queuedBytes + bytes.length > MAX_LOG_QUEUE_BYTES) return false;
    queue.push(bytes);
    queuedBytes += bytes.length;
    return true;
  }

  /** Resolves when the queue has been written, or a write has failed. */
  function start(): Promise<void> {
    cancelRetry?.();
    cancelRetry = undefined;
    if (!writing && queue.length > 0) attempt = writeAll();
    return attempt;
  }

  async function writeAll(): Promise<void> {
    writing = true;
    for (let batch = queue[0]; batch !== undefined; batch = queue[0]) {
      // No bytes, as little as an error, mean that more can be written at once.
      const bytes = await write(batch.subarray(written, pieceEnd(batch))).catch(() => 0);
      if (bytes === 0) break;
      written += bytes;
      if (written === batch.length) advance(batch);
    }
    writing = false;
    if (queue.length > 0 && !ending) cancelRetry = clock.after(LOG_RETRY_MS, () => void start());
  }

  /** Where the next piece ends: at a line's end, if there is one within reach. */
  function pieceEnd(batch: Uint8Array): number {
    const most = written + pieceBytes;
    if (most >= batch.length) return batch.length;
    const lineEnd = batch.lastIndexOf(NEWLINE, most - 1);
    return lineEnd < written ? most : lineEnd + 1;
  }

  function advance(batch: Uint8Array): void {
    queue.shift();
    queuedBytes -= batch.length;
    written = 0;
    if (queue.length > 0 || dropped === 0) return;
    add(new TextEncoder().encode(`${droppedLine(dropped)}\n`));
    dropped = 0;
  }

  async function end(ms: number): Promise<void> {
    ending = true;
    const late = Promise.withResolvers<void>();
    const cancel = clock.after(ms, late.resolve);
    await Promise.race([start(), late.promise]);
    cancel();
  }

  return { put, end };
}
