import { type Failure, failure } from "../failure.ts";
import { fail, ok, type Result } from "../result.ts";

/** Gives the body to forward, `null` without one. Called only once the request may go on. */
export type TakeBody = () => Promise<ReadableStream<Uint8Array> | null>;

/** Whether the head of a request announces a body (RFC 9112, section 6). */
export function isFramed(headers: Headers): boolean {
  const length = headers.get("content-length");
  return headers.has("transfer-encoding") || (length !== null && length !== "0");
}

/**
 * Finds out whether a request has a body, without reading any of it.
 *
 * The server hides the body of GET and HEAD, so such a request with one is refused rather than
 * forwarded without it. For the other methods the server always shows a body; where the framing does
 * not tell (HTTP/1.1 without length and chunks has none, HTTP/2 may have one), the first piece does.
 */
export function requestBody(request: Request): Result<TakeBody, Failure> {
  const { body, headers } = request;
  const framed = isFramed(headers);
  if (body === null) {
    return framed ? fail(failure("unexpected_body")) : ok(() => Promise.resolve(null));
  }
  if (headers.get("content-length") === "0") return ok(() => Promise.resolve(null));
  return ok(framed ? () => Promise.resolve(body) : () => unlessEmpty(body));
}

/** The body, or `null` if it ends before it has brought anything. */
async function unlessEmpty(
  body: ReadableStream<Uint8Array>,
): Promise<ReadableStream<Uint8Array> | null> {
  const reader = body.getReader();
  let first: ReadableStreamReadResult<Uint8Array> | undefined;
  try {
    first = await reader.read();
    if (first.done) return null;
  } catch {
    // Told to whoever reads on.
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
