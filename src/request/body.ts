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
 * The body to forward, `null` without one, as soon as its first byte is there: nothing is to wait for
 * the others together with it. To be called only once the request may go on.
 *
 * Fails with the limit that the client broke, or with `broken_body`.
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
): Awaitable<Result<Body, Failure>> {
  if (kind === "none") return WITHOUT_BODY;
  const { body } = request;
  if (body === null) return WITHOUT_BODY;
  const taken = transfers.upload(body, faults);
  return kind === "framed" ? taken.then(orEmpty) : taken;
}

const WITHOUT_BODY = ok<Body>(null);

/** Chunks that bring nothing are a body all the same. */
function orEmpty(taken: Result<Body, Failure>): Result<Body, Failure> {
  return taken.ok && taken.value === null ? ok(new Blob().stream()) : taken;
}

/** What becomes of the connection of a request that is refused. */
export type ConnectionEnd =
  /** It may carry the next request. */
  | "kept"
  /** The client is asked to close it: nothing else could. */
  | "asked"
  /** It is closed after the response. */
  | "closed"
  /** It is closed before the last byte of the response. */
  | "aborted";

/**
 * Decides by the body, which is not to be waited for, how a connection ends after a refusal.
 *
 * A body that has arrived whole is no reason to end it. Whether it has shows in its stream: the server
 * makes a byte stream only of one that is still to come. That look has the server give the connection up
 * with the end of the response; otherwise it reads the whole body, however long it takes, `Connection:
 * close` or not, and only a response that is aborted ends it. So it goes with a body that the server
 * hides (its stream is `null`), that has been read in part, or whose framing is not to be trusted.
 *
 * Over HTTP/2 (no `Host` field) a body can be given up without its connection. HEAD has no way at all:
 * its response has no body that could be aborted.
 */
export function endAfterRefusal(
  { reason }: Failure,
  request: Request,
  { host, framed, contentLength }: ReceivedFields,
): ConnectionEnd {
  if (host === null || !framed) return "kept";
  if (reason === "broken_body") return "aborted";
  // The server is still reading, and keeps the connection for that.
  if (reason === "client_timeout") return "asked";
  const { body } = request;
  if (body === null) return "aborted";
  if (body.locked) {
    return Number(contentLength ?? NaN) <= MAX_DISCARDED_BODY_BYTES ? "asked" : "aborted";
  }
  try {
    body.getReader({ mode: "byob" }).releaseLock();
    return "closed";
  } catch {
    return "kept";
  }
}

/**
 * A response after which the connection closes. Its last byte, which is a line end, is kept back for a
 * moment, in which the server takes in what the client sends: otherwise the end of the connection
 * could cost the client the response.
 *
 * @param end whether that byte is sent then.
 */
export async function lingeringClose(
  refusal: Response,
  end: "closed" | "aborted",
  clock: Clock,
): Promise<Response> {
  const { status, headers } = refusal;
  const bytes = await refusal.bytes();
  headers.set("content-length", String(bytes.length));
  let stop = () => {};
  const kept = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(bytes.subarray(0, -1)),
    async pull(controller) {
      await new Promise<void>((resolve) => stop = clock.after(LINGERING_CLOSE_MS, resolve));
      if (end === "aborted") throw new Error("this request is not read");
      // Throws when the connection has gone meanwhile, which ends the stream as well.
      controller.enqueue(bytes.subarray(-1));
      controller.close();
    },
    cancel: () => stop(),
  });
  return new Response(kept, { status, headers });
}
