import { type Failure, failure } from "../../failure.ts";
import { MAX_COPIED_CHUNK_BYTES } from "../../limits.ts";
import { type Wire, writeAll } from "../dial.ts";

/** A request with a body on its way to the upstream. */
export interface Upload {
  /** Whether everything that was announced has been sent. */
  readonly whole: boolean;
  /** Stops reading and sending. */
  stop(): void;
}

/** How an upload failed. */
export interface UploadEvents {
  /** The client's body was aborted or is not as long as announced. */
  broken(why: Failure): void;
}

/** `ffffffff` and two line ends. */
const CHUNK_FRAME_BYTES = 12;

const encoder = new TextEncoder();

/**
 * Sends the head of a request and then its body at the pace of the upstream: as it is where its
 * length was announced, in chunks otherwise (RFC 9112, sections 6.2 and 7.1).
 *
 * When the upstream takes no more, the upload stops silently: its response, or that it has
 * closed, shows on the reading side of the connection.
 *
 * @param length announced by `content-length`, in bytes; `undefined` for chunks.
 */
export function startUpload(
  wire: Wire,
  head: Uint8Array,
  body: ReadableStream<Uint8Array>,
  length: number | undefined,
  events: UploadEvents,
): Upload {
  const reader = body.getReader();
  const upload = { whole: false, stop };
  let stopped = false;

  function stop(): void {
    if (stopped) return;
    stopped = true;
    // Rejects where the body has failed already.
    reader.cancel().catch(() => {});
  }

  function abort(detail: string): void {
    if (stopped) return;
    stop();
    events.broken(failure("broken_body", detail));
  }

  /** The next piece; `undefined` at the end, or once the upload has stopped. */
  async function next(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await reader.read();
      return done || stopped ? undefined : value;
    } catch {
      abort("the client's body was aborted");
      return undefined;
    }
  }

  async function send(): Promise<void> {
    let sent = 0;
    await writeAll(wire, head);
    for (let piece = await next(); piece !== undefined; piece = await next()) {
      if (piece.length === 0) continue;
      sent += piece.length;
      if (length === undefined) await writeChunk(wire, piece);
      else if (sent > length) return abort("more than the announced length");
      else await writeAll(wire, piece);
      if (sent === length) upload.whole = true;
    }
    if (stopped) return;
    if (length === undefined) await writeAll(wire, encoder.encode("0\r\n\r\n"));
    else if (sent < length) return abort("less than the announced length");
    upload.whole = true;
  }

  send().catch(stop);
  return upload;
}

async function writeChunk(wire: Wire, piece: Uint8Array): Promise<void> {
  const line = `${piece.length.toString(16)}\r\n`;
  if (piece.length > MAX_COPIED_CHUNK_BYTES) {
    await writeAll(wire, encoder.encode(line));
    await writeAll(wire, piece);
    await writeAll(wire, encoder.encode("\r\n"));
    return;
  }
  const framed = new Uint8Array(piece.length + CHUNK_FRAME_BYTES);
  const { written } = encoder.encodeInto(line, framed);
  framed.set(piece, written);
  framed.set(encoder.encode("\r\n"), written + piece.length);
  await writeAll(wire, framed.subarray(0, written + piece.length + 2));
}
