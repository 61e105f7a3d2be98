import { type Failure, failure } from "../failure.ts";
import { LINGERING_CLOSE_MS, MAX_DISCARDED_BODY_BYTES } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import type { ReceivedFields } from "../proxy/headers.ts";
import { type Awaitable, fail, ok, type Result } from "../result.ts";
import type { ClientFaults, TransferWatch } from "./transfer_watch.ts";

type Body = ReadableStream<Uint8Array> | null;

/** What the head of a request says about its body. */
export type BodyKind =
  /** There is none, or the server hides it. */
  | "none"
  /** There is one. */
  | "framed"
  /** Only its first piece shows whether there is one. */
  | "unknown";

const NO_BODY = ok<BodyKind>("none");
const FRAMED = ok<BodyKind>("framed");
const UNKNOWN = ok<BodyKind>("unknown");

/**
 * A length that every parser reads alike (RFC 9112, section 6.2): no leading zero, which makes an octal
 * number for some; not the list that the server makes of a repeated one; small enough to count with.
 */
const LENGTH = /^(?:0|[1-9]\d{0,14})$/;

/** What is wrong with the framing that the head of a request announces; `undefined` if nothing is. */
function wrongFraming({ contentLength, transferEncoding }: ReceivedFields): string | undefined {
  if (contentLength !== null && !LENGTH.test(contentLength)) {
    return "a length that is not one plain number";
  }
  // The server removes only `chunked`: any coding below it would be forwarded undeclared.
  if (transferEncoding !== null && transferEncoding.toLowerCase() !== "chunked") {
    return "a coding besides chunked";
  }
  return undefined;
}

/** Methods whose body the server hides. */
const BODY_HIDDEN: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/**
 * Finds out whether a request has a body, without reading any of it. The body is not even looked at
 * before it is taken: the server waits for ever for the reader of one that was.
 *
 * The server hides the body of GET and HEAD, so such a request with one is refused rather than
 * forwarded without it. For the other methods the server always shows a body; where the framing does
 * not say (HTTP/1.1 without length and chunks has none, HTTP/2 may have one), the first piece does.
 *
 * Refused as well: a length that could be read in more than one way, and transfer codings other than
 * `chunked` (RFC 9112, sections 6.1 and 6.3). Does not see the body that HTTP/2 allows a GET or HEAD
 * without a length: it is not forwarded.
 *
 * @param maxBytes largest length that may be announced; one that is not announced is counted later.
 */
export function checkBody(
  method: string,
  fields: ReceivedFields,
  maxBytes = Infinity,
): Result<BodyKind, Failure> {
  const { framed, contentLength } = fields;
  const wrong = wrongFraming(fields);
  if (wrong !== undefined) return fail(failure("broken_body", wrong));
  if (BODY_HIDDEN.has(method)) return framed ? fail(failure("unexpected_body")) : NO_BODY;
  if (!framed && contentLength === "0") return NO_BODY;
  if (contentLength !== null && Number(contentLength) > maxBytes) {
    return fail(failure("content_too_large"));
  }
  return framed ? FRAMED : UNKNOWN;
}

/**
 * The body to forward, `null` without one. To be called only once the request may go on.
 *
 * @param kind what `checkBody` said.
 * @param transfers watches the body from then on.
 * @param faults is called when the client breaks a limit.
 */
export function takeBody(
  request: Request,
  kind: BodyKind,
  transfers: TransferWatch,
  faults: ClientFaults,
): Awaitable<Body> {
  if (kind === "none") return null;
  const { body } = request;
  if (body === null) return null;
  const watched = transfers.upload(body, faults);
  return kind === "framed" ? watched : unlessEmpty(watched);
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
    // The reader that follows sees it.
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
 * Whether a request announces a body that is not worth waiting for when it is not read. HTTP/2
 * (no `Host` field) can give up a body without its connection.
 */
export function isLongUpload({ host, framed, contentLength }: ReceivedFields): boolean {
  return host !== null && framed && !(Number(contentLength ?? NaN) <= MAX_DISCARDED_BODY_BYTES);
}

/**
 * A response after which the connection closes, so that the rest of the request is not taken in. The
 * server would read all of it, `Connection: close` or not, and has no other way to end a connection:
 * the response keeps its last byte, which is a line end, to itself.
 */
export async function lingeringClose(refusal: Response, clock: Clock): Promise<Response> {
  const { status, headers } = refusal;
  const bytes = await refusal.bytes();
  headers.set("content-length", String(bytes.length));
  let stop = () => {};
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(bytes.subarray(0, -1)),
    pull: (controller) =>
      new Promise((resolve) => {
        stop = clock.after(LINGERING_CLOSE_MS, () => {
          controller.error(new Error("this request is not read"));
          resolve();
        });
      }),
    cancel: () => stop(),
  });
  return new Response(body, { status, headers });
}
