import {
  WEBSOCKET_FRAME_OVERHEAD_BYTES,
  WEBSOCKET_MASK_POOL_BYTES,
  WEBSOCKET_WRITE_BYTES,
} from "../../limits.ts";
import { type Wire, writeAll } from "../dial.ts";
import { encodeFrame } from "./frames.ts";

/** Frames on their way to the upstream, in order. */
export interface FrameWriter {
  /** Adds a frame behind those that wait. What cannot be written is dropped: the reading side notices. */
  send(opcode: number, payload: Uint8Array): void;
  /** Bytes that wait, each frame counted with its share of overhead. */
  readonly waiting: number;
  /** Resolves once nothing waits any more, or nothing can be written any more. */
  flushed(): Promise<void>;
}

const MASK_BYTES = 4;

/** Writes frames to a connection, small ones together. */
export function makeFrameWriter(wire: Wire): FrameWriter {
  const nextMask = makeMasks();
  let frames: Uint8Array[] = [];
  let waiting = 0;
  let broken = false;
  let running: Promise<void> | undefined;

  async function writeOut(): Promise<void> {
    try {
      while (frames.length > 0) {
        const taken = frames;
        frames = [];
        for (let at = 0; at < taken.length;) {
          const batch = nextBatch(taken, at);
          await writeAll(wire, batch.bytes);
          waiting -= batch.bytes.length + batch.count * WEBSOCKET_FRAME_OVERHEAD_BYTES;
          at += batch.count;
        }
      }
    } catch {
      broken = true;
      frames = [];
      waiting = 0;
    }
    running = undefined;
  }

  return {
    send(opcode, payload) {
      if (broken) return;
      const frame = encodeFrame(opcode, payload, nextMask());
      frames.push(frame);
      waiting += frame.length + WEBSOCKET_FRAME_OVERHEAD_BYTES;
      running ??= writeOut();
    },
    get waiting() {
      return waiting;
    },
    flushed: () => running ?? Promise.resolve(),
  };
}

/** As many frames from `at` on as fit into one write, at least one. */
function nextBatch(frames: readonly Uint8Array[], at: number) {
  let length = 0;
  let end = at;
  do length += frames[end++]?.length ?? 0; while (
    end < frames.length && length + (frames[end]?.length ?? 0) <= WEBSOCKET_WRITE_BYTES
  );
  const first = frames[at];
  if (end === at + 1 && first !== undefined) return { bytes: first, count: 1 };
  const bytes = new Uint8Array(length);
  let to = 0;
  for (const frame of frames.slice(at, end)) {
    bytes.set(frame, to);
    to += frame.length;
  }
  return { bytes, count: end - at };
}

/** Masks from a strong source (RFC 6455, section 5.3), made some at a time. */
function makeMasks(): () => Uint8Array {
  const pool = new Uint8Array(WEBSOCKET_MASK_POOL_BYTES);
  let at = pool.length;
  return () => {
    if (at === pool.length) {
      crypto.getRandomValues(pool);
      at = 0;
    }
    at += MASK_BYTES;
    return pool.subarray(at - MASK_BYTES, at);
  };
}
