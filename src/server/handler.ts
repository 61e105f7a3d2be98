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
import {
  type HeaderList,
  ReceivedFields,
  requestHeaders,
  responseHeaders,
} from "../proxy/headers.ts";
import { readTarget } from "../proxy/target.ts";
import type { BodyEnd, Upstream, UpstreamAnswer, UpstreamRequest } from "../proxy/upstream.ts";
import type { WebSocketRelays } from "../proxy/websocket.ts";
import { isWebSocketUpgrade } from "../proxy/websocket_handshake.ts";
import { isLongUpload, lastWord, requestBody } from "./request_body.ts";
import { makeRequestIds } from "./request_id.ts";

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

/**
 * Methods that are never forwarded: one opens tunnels, the others echo credentials. Compared in upper
 * case: there are upstreams that do so.
 */
const REFUSED_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);

/** Builds the handler of all requests. */
export function makeHandler(parts: HandlerParts): Handler {
  const { authenticate, upstream, webSockets, endsAtMs, prefix, clock } = parts;
  const ids = makeRequestIds();
  // One function without a step that is not needed: whatever is at hand is not waited for.
  return async function handle(request, connection) {
    const { method, headers } = request;
    const fields = new ReceivedFields(headers);
    const story = new Story(method, connection, ids(fields.requestId), parts);
    const refuse = (why: Failure) => refusal(why, story, fields, parts);
    try {
      const { secure } = connection;
      // Over HTTP/2 (no `Host` field) the runtime never tells that a client left if nobody had asked before.
      if (secure && fields.host === null) void request.signal;
      const target = readTarget(
        { method, url: request.url, host: fields.host, http2: secure },
        prefix,
      );
      if (!target.ok) return refuse(target.failure);
      const { pathAndQuery, path, host } = target.value;
      story.path = path;
      if (REFUSED_METHODS.has(method.toUpperCase())) return refuse(failure("method_not_allowed"));
      const takeBody = requestBody(request, fields);
      if (!takeBody.ok) return refuse(takeBody.failure);

      const decided = authenticate(fields.authorization);
      const caller = decided instanceof Promise ? await decided : decided;
      if (!caller.ok) return refuse(caller.failure);
      story.caller = caller.value;

      const sent = requestHeaders(fields, {
        address: connection.address,
        protocol: secure ? "https" : "http",
        host,
        requestId: story.requestId,
      });
      if (fields.upgrade !== null && isWebSocketUpgrade(method, headers)) {
        const upgraded = await webSockets.connect({
          request,
          pathAndQuery,
          headers: sent,
          expiresAtMs: endsAtMs(caller.value),
          onEnd: (end) => story.ended(end),
        });
        if (!upgraded.ok) return refuse(upgraded.failure);
        upgraded.value.headers.append("x-request-id", story.requestId);
        story.answered(upgraded.value.status);
        return upgraded.value;
      }
      const taken = takeBody.value();
      const body = taken instanceof Promise ? await taken : taken;
      const sentAt = clock.monotonic();
      const answered = await upstream.send(new Outgoing(request, pathAndQuery, sent, body, story));
      const answeredAt = clock.monotonic();
      story.upstreamMs = answeredAt - sentAt;
      if (!answered.ok) return refuse(answered.failure);
      const response = responseOf(answered.value, story.requestId);
      story.answered(answered.value.status, wholeBytes(answered.value.body), answeredAt);
      return response;
    } catch (error) {
      parts.log.error("a request met a bug", {
        requestId: story.requestId,
        error: error instanceof Error ? error.stack : String(error),
      });
      return refuse(failure("internal"));
    }
  };
}

/** The answer to a request that goes no further. */
function refusal(
  why: Failure,
  story: Story,
  fields: ReceivedFields,
  { clock }: HandlerParts,
): Response | Promise<Response> {
  story.ended({ bytes: 0, failure: why });
  story.answered(statusOf(why.reason));
  // A body that nobody will read must not be waited for: the connection ends with the answer.
  const response = failureResponse(why, REALM, fields.framed);
  return isLongUpload(fields) ? lastWord(response, clock) : response;
}

/** The upstream's answer for the client. */
function responseOf({ status, headers, body }: UpstreamAnswer, requestId: string): Response {
  const response = status === 200 ? new Response(body) : new Response(body, { status });
  const sent = response.headers;
  let named = false;
  for (const [name, value] of responseHeaders(headers)) {
    // Added one by one: given to the constructor they cost twice as much.
    sent.append(name, value);
    named ||= name === "x-request-id";
  }
  // An upstream that names the request itself, usually by the id it was sent, has the last word.
  if (!named) sent.append("x-request-id", requestId);
  return response;
}

/** How many bytes an answer has that has come whole; `undefined` for one that is still to come. */
function wholeBytes(body: UpstreamAnswer["body"]): number | undefined {
  if (body === null) return 0;
  return body instanceof Uint8Array ? body.length : undefined;
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
  readonly #client: Connection;
  readonly #timeMs: number;
  readonly #began: number;
  #status: number | undefined;
  #end: BodyEnd | undefined;

  constructor(method: string, connection: Connection, requestId: string, parts: HandlerParts) {
    this.requestId = requestId;
    this.#parts = parts;
    this.#method = method;
    this.#client = connection;
    this.#timeMs = parts.clock.now();
    this.#began = parts.clock.monotonic();
    parts.meter.add("inFlight");
  }

  /**
   * The head of the answer is there.
   *
   * @param bytes of its body, where that has come whole.
   * @param now on the clock that never jumps, where it is known.
   */
  answered(status: number, bytes?: number, now?: number): void {
    this.#status = status;
    if (bytes !== undefined) this.#end ??= { bytes };
    this.#tellIfOver(now);
  }

  /** The body of the answer is over. */
  ended(end: BodyEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#tellIfOver();
  }

  #tellIfOver(now?: number): void {
    if (this.#status === undefined || this.#end === undefined) return;
    const { meter, accessLog, clock } = this.#parts;
    const durationMs = (now ?? clock.monotonic()) - this.#began;
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
      client: this.#client.address,
      method: this.#method,
      path: this.path.slice(0, MAX_LOGGED_PATH),
      status,
      reason: failure?.reason,
      detail: failure?.detail,
      subject,
      clientId,
      bytes,
      durationMs,
      upstreamMs: this.upstreamMs,
    };
  }
}

function decisionOf(reason: Reason | undefined): Decision {
  if (reason === undefined) return "allowed";
  return isUpstreamFailure(reason) ? "failed" : "refused";
}
