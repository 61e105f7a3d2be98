import { type Failure, failure } from "../failure.ts";
import type { Clock } from "../ops/clock.ts";
import type { ReceivedFields } from "../proxy/headers.ts";
import { fail, ok, type Result } from "../result.ts";

/** Longest request body that is let in to be thrown away, in bytes: it is on its way already. */
const MAX_UNREAD_BYTES = 64 * 1024;

/**
 * Time for an answer to reach the client before its connection is broken, in milliseconds: a few round
 * trips, and not much of an upload.
 */
const LAST_WORD_MS = 150;

type Body = ReadableStream<Uint8Array> | null;

/** Gives the body to forward, `null` without one. Called only once the request may go on. */
export type TakeBody = () => Body | Promise<Body>;

const NO_BODY = ok<TakeBody>(() => null);

/** Methods whose body the server hides. */
const BODY_HIDDEN: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/**
 * Finds out whether a request has a body, without reading any of it. The body is not even looked at
 * before it is taken: the server waits for ever for the reader of one that was.
 *
 * The server hides the body of GET and HEAD, so such a request with one is refused rather than
 * forwarded without it. For the other methods the server always shows a body; where the framing does
 * not tell (HTTP/1.1 without length and chunks has none, HTTP/2 may have one), the first piece does.
 */
export function requestBody(
  request: Request,
  { framed, contentLength }: ReceivedFields,
): Result<TakeBody, Failure> {
  if (BODY_HIDDEN.has(request.method)) return framed ? fail(failure("unexpected_body")) : NO_BODY;
  if (!framed && contentLength === "0") return NO_BODY;
  return ok(() => {
    const { body } = request;
    return body === null || framed ? body : unlessEmpty(body);
  });
}

/** The body, or `null` if it ends before it has brought anything. */
async function unlessEmpty(body: ReadableStream<Uint8Array>): Promise<Body> {
  const reader = body.getReader();
  let first: ReadableStreamReadResult<Uint8Array> | undefined;
  try {
    // The server begins a body that has nothing in it with an empty piece.
    do first = await reader.read(); while (!first.done && first.value.length === 0);
    if (first.done) return null;
  } catch {
    // Told to whoever reads on.
    first = undefined;
  }
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = first ?? await reader.read();
      first = undefined;
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/**
 * Whether a request announces a body that is not worth waiting for when nobody will read it. HTTP/2
 * (no `Host` field) can give up a body without its connection.
 */
export function isLongUpload({ host, framed, contentLength }: ReceivedFields): boolean {
  return host !== null && framed && !(Number(contentLength ?? NaN) <= MAX_UNREAD_BYTES);
}

/**
 * An answer after which the connection breaks, so that the rest of the request is not taken in. The
 * server would read all of it, `Connection: close` or not, and has no other way to end a connection:
 * the answer keeps its last byte, which is a line end, to itself.
 */
export async function lastWord(answer: Response, clock: Clock): Promise<Response> {
  const { status, headers } = answer;
  const bytes = await answer.bytes();
  headers.set("content-length", String(bytes.length));
  let stop = () => {};
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(bytes.subarray(0, -1)),
    pull: (controller) =>
      new Promise((resolve) => {
        stop = clock.after(LAST_WORD_MS, () => {
          controller.error(new Error("nobody reads this request"));
          resolve();
        });
      }),
    cancel: () => stop(),
  });
  return new Response(body, { status, headers });
}
