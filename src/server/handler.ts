/**
 * One request, one screen: target → who is it → upstream → answer → log.
 */
import type { Authenticate } from "../auth/authenticate.ts";
import type { VerifiedToken } from "../auth/verify.ts";
import {
  type Failure,
  failure,
  failureResponse,
  isUpstreamFailure,
  type Reason,
  statusOf,
} from "../failure.ts";
import { MAX_LOGGED_PATH } from "../limits.ts";
import type { AccessLog, AccessRecord } from "../ops/access_log.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import type { Decision, Meter } from "../ops/metrics.ts";
import { type HeaderList, requestHeaders, responseHeaders } from "../proxy/headers.ts";
import { readTarget } from "../proxy/target.ts";
import type { BodyEnd, Upstream, UpstreamRequest } from "../proxy/upstream.ts";
import type { WebSocketRelays } from "../proxy/websocket.ts";
import { isWebSocketUpgrade } from "../proxy/websocket_handshake.ts";
import { fail, ok, type Result } from "../result.ts";
import { isFramed, isLongUpload, lastWord, requestBody } from "./request_body.ts";
import { makeRequestIds, type RequestIds } from "./request_id.ts";

/** What a handler is built from. */
export interface HandlerParts {
  readonly authenticate: Authenticate;
  readonly upstream: Upstream;
  readonly webSockets: WebSocketRelays;
  /** When a WebSocket has to end because its token does, milliseconds since the epoch. */
  readonly endsAtMs: (caller: VerifiedToken) => number | undefined;
  /** The path of the upstream URL, "" without one. */
  readonly prefix: string;
  /** Called for each request, once its answer is over; `undefined` where requests are not told of. */
  readonly accessLog: AccessLog | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
}

/** What a handler needs to know about the connection a request came on. */
export interface Connection {
  /** Address of the peer. */
  readonly address: string;
  readonly secure: boolean;
}

/** Answers one request. Never rejects. */
export type Handler = (request: Request, connection: Connection) => Promise<Response>;

/** Protection space named in challenges. */
const REALM = "ooproxy";

/** Methods that are never forwarded: one opens tunnels, the others echo credentials. */
const REFUSED_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);

/** Builds the handler of all requests. */
export function makeHandler(parts: HandlerParts): Handler {
  const ids = makeRequestIds();
  return async function handle(request, connection) {
    const story = new Story(request, connection, ids, parts);
    let outcome: Result<Response, Failure>;
    try {
      outcome = await answer(request, connection, story, parts);
    } catch (error) {
      parts.log.error("a request met a bug", {
        requestId: story.requestId,
        error: error instanceof Error ? error.stack : String(error),
      });
      outcome = fail(failure("internal"));
    }
    if (outcome.ok) {
      story.answered(outcome.value.status);
      return outcome.value;
    }
    const { reason } = outcome.failure;
    story.ended({ bytes: 0, failure: outcome.failure });
    story.answered(statusOf(reason));
    // A body that nobody will read must not be waited for: the connection ends with the answer.
    const refusal = failureResponse(outcome.failure, REALM, isFramed(request.headers));
    return isLongUpload(request.headers) ? await lastWord(refusal, parts.clock) : refusal;
  };
}

/** The way of a good request; every early return is a failure. */
async function answer(
  request: Request,
  connection: Connection,
  story: Story,
  parts: HandlerParts,
): Promise<Result<Response, Failure>> {
  const { method, headers } = request;
  // Over HTTP/2 (no `Host` field) the runtime never tells that a client left if nobody had asked before.
  if (connection.secure && !headers.has("host")) void request.signal;
  const target = readTarget(
    { method, url: request.url, host: headers.get("host"), http2: connection.secure },
    parts.prefix,
  );
  if (!target.ok) return target;
  story.path = target.value.path;
  if (REFUSED_METHODS.has(method)) return fail(failure("method_not_allowed"));
  const body = requestBody(request);
  if (!body.ok) return body;

  const caller = await parts.authenticate(headers.get("authorization"));
  if (!caller.ok) return caller;
  story.caller = caller.value;

  const fieldsSent = requestHeaders(headers, {
    address: connection.address,
    protocol: connection.secure ? "https" : "http",
    host: target.value.host,
    requestId: story.requestId,
  });
  const { pathAndQuery } = target.value;
  if (isWebSocketUpgrade(method, headers)) {
    const upgraded = await parts.webSockets.connect({
      request,
      pathAndQuery,
      headers: fieldsSent,
      expiresAtMs: parts.endsAtMs(caller.value),
      onEnd: (end) => story.ended(end),
    });
    if (upgraded.ok) upgraded.value.headers.append("x-request-id", story.requestId);
    return upgraded;
  }
  const outgoing = new Outgoing(request, pathAndQuery, fieldsSent, await body.value(), story);
  const sentAt = parts.clock.monotonic();
  const answered = await parts.upstream.send(outgoing);
  story.upstreamMs = parts.clock.monotonic() - sentAt;
  if (!answered.ok) return answered;
  const { status } = answered.value;
  const fields = responseHeaders(answered.value.headers);
  // An upstream that names the request itself, usually by the id it was sent, has the last word.
  if (!fields.some(([name]) => name === "x-request-id")) {
    fields.push(["x-request-id", story.requestId]);
  }
  return ok(new Response(answered.value.body, { status, headers: fields }));
}

/**
 * A request on its way to the upstream. A class, since the signal must not be touched unless it is
 * needed: the runtime makes one at the first touch, which costs more than all else about a quick
 * request; and since a getter in an object literal would cost nearly as much.
 */
class Outgoing implements UpstreamRequest {
  readonly method: string;
  readonly pathAndQuery: string;
  readonly headers: HeaderList;
  readonly body: ReadableStream<Uint8Array> | null;
  readonly #request: Request;
  readonly #story: Story;

  constructor(
    request: Request,
    pathAndQuery: string,
    headers: HeaderList,
    body: ReadableStream<Uint8Array> | null,
    story: Story,
  ) {
    this.method = request.method;
    this.pathAndQuery = pathAndQuery;
    this.headers = headers;
    this.body = body;
    this.#request = request;
    this.#story = story;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }

  onEnd(end: BodyEnd): void {
    this.#story.ended(end);
  }
}

/** What is known about a request while it is answered; counted and told once, when all is over. */
class Story {
  readonly requestId: string;
  path = "";
  caller: VerifiedToken | undefined;
  upstreamMs: number | undefined;
  readonly #parts: HandlerParts;
  readonly #method: string;
  readonly #client: string;
  readonly #timeMs: number;
  readonly #began: number;
  #status: number | undefined;
  #end: BodyEnd | undefined;

  constructor(request: Request, connection: Connection, ids: RequestIds, parts: HandlerParts) {
    this.requestId = ids(request.headers.get("x-request-id"));
    this.#parts = parts;
    this.#method = request.method;
    this.#client = connection.address;
    this.#timeMs = parts.clock.now();
    this.#began = parts.clock.monotonic();
    parts.meter.add("inFlight");
  }

  /** The head of the answer is there. */
  answered(status: number): void {
    this.#status = status;
    this.#tellIfOver();
  }

  /** The body of the answer is over; small ones are before their head goes out. */
  ended(end: BodyEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#tellIfOver();
  }

  #tellIfOver(): void {
    if (this.#status === undefined || this.#end === undefined) return;
    const { meter, accessLog, clock } = this.#parts;
    const durationMs = clock.monotonic() - this.#began;
    meter.add("inFlight", 0, -1);
    const reason = this.#end.failure?.reason;
    meter.countRequest(decisionOf(reason), this.#status, reason, durationMs / 1000);
    if (this.upstreamMs !== undefined) meter.observe("upstreamDuration", this.upstreamMs / 1000);
    accessLog?.(this.#record(this.#status, this.#end, durationMs));
  }

  #record(status: number, { bytes, failure }: BodyEnd, durationMs: number): AccessRecord {
    const { subject, clientId } = this.caller ?? {};
    return {
      timeMs: this.#timeMs,
      requestId: this.requestId,
      client: this.#client,
      method: this.#method,
      path: this.path.slice(0, MAX_LOGGED_PATH),
      status,
      ...(failure === undefined ? {} : { reason: failure.reason }),
      ...(failure?.detail === undefined ? {} : { detail: failure.detail }),
      ...(subject === undefined ? {} : { subject }),
      ...(clientId === undefined ? {} : { clientId }),
      bytes,
      durationMs,
      ...(this.upstreamMs === undefined ? {} : { upstreamMs: this.upstreamMs }),
    };
  }
}

function decisionOf(reason: Reason | undefined): Decision {
  if (reason === undefined) return "allowed";
  return isUpstreamFailure(reason) ? "failed" : "refused";
}
