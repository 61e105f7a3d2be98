/**
 * One request, one screen: target → who is it → upstream → answer → log.
 */
import type { Authenticate } from "../auth/authenticate.ts";
import type { VerifiedToken } from "../auth/verify.ts";
import { type Failure, failure, failureResponse, statusOf } from "../failure.ts";
import type { AccessLog } from "../ops/access_log.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import type { Meter } from "../ops/metrics.ts";
import {
  type HeaderList,
  ReceivedFields,
  requestHeaders,
  responseHeaders,
} from "../proxy/headers.ts";
import { readTarget } from "../proxy/target.ts";
import type { BodyEnd, Upstream, UpstreamRequest, UpstreamResponse } from "../proxy/upstream.ts";
import type { WebSocketRelays } from "../proxy/websocket/relays.ts";
import { isWebSocketUpgrade } from "../proxy/websocket/handshake.ts";
import { BUSY, type ClientLimits, headTooLarge } from "./client_limits.ts";
import type { ClientWatch } from "./client_watch.ts";
import { isLongUpload, lastWord, requestBody } from "./request_body.ts";
import { makeRequestIds } from "./request_id.ts";
import { Story } from "./story.ts";

/** What a handler is built from. */
export interface HandlerParts {
  readonly authenticate: Authenticate;
  readonly upstream: Upstream;
  readonly webSockets: WebSocketRelays;
  /** When a WebSocket has to end because its token does, milliseconds since the epoch. */
  readonly endsAtMs: (caller: VerifiedToken) => number | undefined;
  /** The path of the upstream URL, "" without one. */
  readonly prefix: string;
  readonly limits: ClientLimits;
  /** Watches the bodies on their way. */
  readonly clients: ClientWatch;
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
  const { authenticate, upstream, webSockets, endsAtMs, prefix, limits, clients } = parts;
  const { clock, meter } = parts;
  const { maxBodyBytes, maxRequests } = limits;
  const ids = makeRequestIds();
  // One function without a step that is not needed: whatever is at hand is not waited for.
  return async function handle(request, connection) {
    const { method, headers } = request;
    const fields = new ReceivedFields(headers);
    const story = new Story(method, connection, ids(fields.requestId), parts);
    const refuse = (why: Failure) => refusal(why, story, fields, parts);
    try {
      // Whatever is too much is refused before anybody's time or memory goes into it, token or not.
      if (meter.value("inFlight") > maxRequests) return refuse(BUSY);
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
      const tooLarge = headTooLarge(pathAndQuery, fields.all, limits);
      if (tooLarge !== undefined) return refuse(tooLarge);
      if (REFUSED_METHODS.has(method.toUpperCase())) return refuse(failure("method_not_allowed"));
      const takeBody = requestBody(request, fields, maxBodyBytes);
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
      const taken = takeBody.value(clients, story);
      const body = taken instanceof Promise ? await taken : taken;
      if (story.blamed !== undefined) return refuse(story.blamed);
      const sentAt = clock.monotonic();
      const answered = await upstream.send(new Outgoing(request, pathAndQuery, sent, body, story));
      const answeredAt = clock.monotonic();
      story.upstreamMs = answeredAt - sentAt;
      if (!answered.ok) return refuse(story.blamed ?? answered.failure);
      const response = responseOf(answered.value, story, clients);
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
  // One that has stalled cannot be cut off: its client is to get at least the whole answer.
  const stalled = why.reason === "client_timeout";
  return isLongUpload(fields) && !stalled ? lastWord(response, clock) : response;
}

/** The upstream's answer for the client. */
function responseOf(
  { status, headers, body: answer }: UpstreamResponse,
  story: Story,
  clients: ClientWatch,
): Response {
  const body = answer instanceof ReadableStream ? clients.download(answer, story) : answer;
  const response = status === 200 ? new Response(body) : new Response(body, { status });
  const sent = response.headers;
  let named = false;
  for (const [name, value] of responseHeaders(headers)) {
    // Added one by one: given to the constructor they cost half as much again.
    sent.append(name, value);
    named ||= name === "x-request-id";
  }
  // An upstream that names the request itself, usually by the id it was sent, has the last word.
  if (!named) sent.append("x-request-id", story.requestId);
  return response;
}

/** How many bytes an answer has that has come whole; `undefined` for one that is still to come. */
function wholeBytes(body: UpstreamResponse["body"]): number | undefined {
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
