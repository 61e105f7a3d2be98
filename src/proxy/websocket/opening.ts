import { Buffer } from "node:buffer";
import { type Failure, failure } from "../../failure.ts";
import { WEBSOCKET_MAX_HEAD_BYTES } from "../../limits.ts";
import type { Clock } from "../../ops/clock.ts";
import { fail, ok, type Result } from "../../result.ts";
import { type Dial, type Wire, writeAll } from "../dial.ts";
import type { HeaderList } from "../headers.ts";
import { writeRequestHead } from "../http1/request_head.ts";
import { findHeadEnd, parseResponseHead, type ResponseHead } from "../http1/response_head.ts";
import { acceptFor, handshakeHeaders, wrongWithHandshake } from "./handshake.ts";

/** What is asked of the upstream. */
export interface Opening {
  /** The whole target in origin-form. */
  readonly target: string;
  /** As they go on, without hop-by-hop fields. */
  readonly headers: HeaderList;
  /** The subprotocols that the client offers. */
  readonly protocols: readonly string[];
  /** How long the upstream may take to answer once it is connected, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

/** What came of it: a good 101, or a refusal whose body is still to be read. */
export interface Opened {
  readonly wire: Wire;
  readonly head: ResponseHead;
  /** What came behind the head. */
  readonly rest: Uint8Array<ArrayBuffer>;
}

/** Status of the answer that switches to WebSocket. */
export const SWITCHING_PROTOCOLS = 101;

/** Bytes read at once while a head is awaited. */
const HEAD_READ_BYTES = 4 * 1024;

const KEY_BYTES = 16;

/**
 * Connects to the upstream and performs the opening handshake (RFC 6455, section 4.1), with a key of
 * our own. Interim answers are skipped.
 *
 * Failures: those of `dial`, `upstream_timeout`, `client_gone`, `upstream_broken` for an answer that
 * is not HTTP or a 101 that is not the one asked for, `bad_target` for fields that cannot be sent.
 * The connection is closed in all of them.
 */
export async function openUpstream(
  dial: Dial,
  opening: Opening,
  clock: Clock,
): Promise<Result<Opened, Failure>> {
  const { target, protocols, signal } = opening;
  const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toBase64();
  const request = writeRequestHead({
    method: "GET",
    target,
    headers: handshakeHeaders(opening.headers, key, protocols),
    chunked: false,
  }, new Uint8Array());
  if (request === undefined) return fail(failure("bad_target", "a field that cannot be sent"));
  const dialled = await dial();
  if (!dialled.ok) return dialled;
  const wire = closedOnce(dialled.value);

  let cause: Failure | undefined;
  const giveUp = (why: Failure) => {
    cause ??= why;
    wire.close();
  };
  const clientGone = () => giveUp(failure("client_gone"));
  const cancelTimer = clock.after(opening.timeoutMs, () => giveUp(failure("upstream_timeout")));
  signal.addEventListener("abort", clientGone, { once: true });
  if (signal.aborted) clientGone();
  let answered: Result<Opened, string>;
  try {
    await writeAll(wire, request);
    answered = await readHead(wire);
  } catch {
    answered = fail("the connection broke during the handshake");
  } finally {
    cancelTimer();
    signal.removeEventListener("abort", clientGone);
  }
  const wrong = cause !== undefined ? "" : await wrongWith(answered, key, protocols);
  if (answered.ok && wrong === undefined) return answered;
  wire.close();
  return fail(cause ?? failure("upstream_broken", wrong));
}

async function wrongWith(
  answered: Result<Opened, string>,
  key: string,
  protocols: readonly string[],
): Promise<string | undefined> {
  if (!answered.ok) return answered.failure;
  const { head } = answered.value;
  if (head.status !== SWITCHING_PROTOCOLS) return undefined;
  return wrongWithHandshake(head, await acceptFor(key), protocols);
}

/** Reads up to the end of the first head that is not an interim answer's. */
async function readHead(wire: Wire): Promise<Result<Opened, string>> {
  let bytes = new Uint8Array(HEAD_READ_BYTES);
  let length = 0;
  let from = 0;
  let scanned = 0;
  for (;;) {
    const end = findHeadEnd(bytes, scanned, length);
    if (end !== -1) {
      const head = parseResponseHead(Buffer.from(bytes.buffer), from, end);
      if (typeof head === "string") return fail(head);
      const { status } = head;
      if (status >= 200 || status === SWITCHING_PROTOCOLS) {
        return ok({ wire, head, rest: bytes.slice(end, length) });
      }
      from = scanned = end;
      continue;
    }
    scanned = Math.max(from, length - 3);
    if (length === bytes.length) {
      // Interim answers count too, so that they cannot go on for ever.
      if (length >= WEBSOCKET_MAX_HEAD_BYTES) return fail("a head that is too long");
      const larger = new Uint8Array(2 * length);
      larger.set(bytes);
      bytes = larger;
    }
    const count = await wire.read(bytes.subarray(length));
    if (count === null) return fail("closed during the handshake");
    length += count;
  }
}

/** A connection whose `close` may be called again. */
function closedOnce(wire: Wire): Wire {
  let closed = false;
  return {
    read: (into) => wire.read(into),
    write: (from) => wire.write(from),
    close() {
      if (closed) return;
      closed = true;
      wire.close();
    },
  };
}
