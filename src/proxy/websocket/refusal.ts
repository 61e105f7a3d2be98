import { failure } from "../../failure.ts";
import type { Clock } from "../../ops/clock.ts";
import {
  type BodyDecoder,
  ChunkedDecoder,
  CloseDecoder,
  LengthDecoder,
} from "../http1/body_decoder.ts";
import { responseHeaders } from "../headers.ts";
import type { ResponseHead } from "../http1/response_head.ts";
import type { BodyEnd } from "../upstream.ts";
import type { Opened } from "./opening.ts";

/** Bytes read at once from the body of a refusal. */
const READ_BYTES = 16 * 1024;

/**
 * The answer of an upstream that does not switch to WebSocket, passed on like any other answer: its
 * status, its fields without those for one hop, its body as it arrives. The connection is closed
 * behind it.
 *
 * @param idleTimeoutMs how long a piece of the body may be awaited, in milliseconds.
 * @param onEnd called once, when the body has been handed over whole, or why it was not.
 */
export function refusalResponse(
  { wire, head, rest }: Opened,
  idleTimeoutMs: number,
  clock: Clock,
  onEnd: (end: BodyEnd) => void,
): Response {
  const init = { status: head.status, headers: responseHeaders(head.headers) };
  const decoder = bodyDecoder(head);
  if (decoder === undefined || decoder.done) {
    wire.close();
    onEnd({ bytes: 0 });
    return new Response(null, init);
  }
  let bytes = 0;
  let over = false;
  const end = (failed?: BodyEnd["failure"]) => {
    if (over) return;
    over = true;
    wire.close();
    onEnd(failed === undefined ? { bytes } : { bytes, failure: failed });
  };

  let arrived = rest;
  /** What is wrong with the body, or nothing; hands over what there is of it in `arrived`. */
  function decode(controller: ReadableStreamDefaultController<Uint8Array>): string | undefined {
    if (decoder === undefined || arrived.length === 0) return undefined;
    const wrong = decoder.decode(arrived, 0, arrived.length);
    if (wrong !== undefined || decoder.start === decoder.end) return wrong;
    bytes += decoder.end - decoder.start;
    controller.enqueue(arrived.subarray(decoder.start, decoder.end));
    return undefined;
  }

  async function pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const before = bytes;
    for (;;) {
      const wrong = decode(controller);
      arrived = new Uint8Array();
      if (wrong !== undefined) return breakOff(controller, wrong);
      if (decoder?.done) return finish(controller);
      if (bytes > before) return;
      const read = await readWithin(idleTimeoutMs);
      if (over) return;
      if (read !== null) arrived = read;
      else if (decoder?.closed()) return finish(controller);
      else return breakOff(controller, "the connection broke during the answer");
    }
  }

  function finish(controller: ReadableStreamDefaultController<Uint8Array>): void {
    end();
    controller.close();
  }

  function breakOff(controller: ReadableStreamDefaultController<Uint8Array>, why: string): void {
    end(failure("upstream_broken", why));
    controller.error(new Error(why));
  }

  /** The next bytes, `null` where there are none. */
  async function readWithin(ms: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const room = new Uint8Array(READ_BYTES);
    let late = false;
    const cancelTimer = clock.after(ms, () => {
      late = true;
      wire.close();
    });
    try {
      const count = await wire.read(room);
      return count === null ? null : room.subarray(0, count);
    } catch (error) {
      end(failure(late ? "upstream_timeout" : "upstream_broken"));
      throw error;
    } finally {
      cancelTimer();
    }
  }

  const cancel = () => end(failure("client_gone"));
  return new Response(new ReadableStream({ pull, cancel }, { highWaterMark: 0 }), init);
}

/** Statuses whose answers have no body (RFC 9110, section 15). */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** How the body of the answer to a GET is to be read; `undefined` where there is none. */
function bodyDecoder({ status, length, chunked }: ResponseHead): BodyDecoder | undefined {
  if (WITHOUT_BODY.has(status)) return undefined;
  if (chunked) return new ChunkedDecoder();
  return length === undefined ? new CloseDecoder() : new LengthDecoder(length);
}
