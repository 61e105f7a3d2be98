/**
 * The messages between supervisor and workers: JSON, one message a line, over the worker's standard
 * input and output. Secrets travel here and nowhere else.
 */
import type { KeySnapshot, KeyWish, NoKeys } from "../oidc/key_source.ts";
import type { MeterData } from "../ops/meter.ts";
import type { Result } from "../result.ts";
import type { DrainOutcome, DrainTimes, WorkerSettings } from "./workers.ts";

/** From the supervisor. */
export type ToWorker =
  | {
    readonly type: "serve";
    readonly id: number;
    readonly settings: WorkerSettings;
    /** The keys of each provider that has any, by its name. */
    readonly keys: Readonly<Record<string, KeySnapshot>>;
  }
  | {
    readonly type: "keys";
    readonly provider: string;
    readonly keys?: KeySnapshot | undefined;
  }
  /** To an "ask": after a good result the keys that were sent last are the ones asked for. */
  | {
    readonly type: "reply";
    readonly provider: string;
    readonly id: number;
    readonly result: Result<null, NoKeys>;
  }
  | { readonly type: "report"; readonly id: number }
  | { readonly type: "drain"; readonly times: DrainTimes };

/** From a worker. */
export type FromWorker =
  | { readonly type: "served"; readonly id: number; readonly urls: readonly string[] }
  | { readonly type: "refused"; readonly id: number; readonly text: string }
  /** For newer keys. */
  | {
    readonly type: "ask";
    readonly provider: string;
    readonly id: number;
    readonly wish: KeyWish;
  }
  | { readonly type: "reported"; readonly id: number; readonly meter: MeterData }
  | { readonly type: "drained"; readonly outcome: DrainOutcome; readonly meter: MeterData };

/** One end of the pipe. */
export interface Channel<Sent> {
  /** Sends in order; what the other end no longer reads is dropped. */
  send(message: Sent): void;
  /** Closes the sending side, when the other end has exited. */
  close(): void;
  /** Resolves when everything sent so far has been written, or cannot be written any more. */
  flushed(): Promise<void>;
  /**
   * Resolves when the other end has closed, once everything it sent has been passed on. Rejects when
   * something is not a message, or when handling one has failed.
   */
  readonly ended: Promise<void>;
}

/** Opens one end over a pair of byte streams. */
export function openChannel<Sent, Received>(
  readable: ReadableStream<Uint8Array>,
  writable: WritableStream<Uint8Array>,
  receive: (message: Received) => void,
): Channel<Sent> {
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  let last: Promise<void> = Promise.resolve();
  return {
    send(message) {
      // The other process may have just exited, which shows elsewhere.
      last = writer.write(encoder.encode(`${JSON.stringify(message)}\n`)).catch(() => {});
    },
    close: () => void writer.close().catch(() => {}),
    flushed: () => last,
    ended: readLines(readable, (line) => receive(JSON.parse(line) as Received)),
  };
}

async function readLines(
  readable: ReadableStream<Uint8Array>,
  take: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  const reader = readable.getReader();
  // A broken pipe is an end like any other.
  const read = () => reader.read().catch(() => ({ done: true as const }));
  let rest = "";
  try {
    for (let piece = await read(); !piece.done; piece = await read()) {
      const lines = (rest + decoder.decode(piece.value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(take);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
