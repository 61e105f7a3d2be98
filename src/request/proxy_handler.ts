/**
 * One request, one screen: facts → decision → upstream → response.
 */
import type { Identity } from "../auth/identity.ts";
import { type Failure, failure, failureResponse, statusOf } from "../failure.ts";
import type { Connection, Handler } from "../listen/connection.ts";
import type { Log } from "../ops/log.ts";
import type { Decide } from "../policy/decide.ts";
import type { RequestFacts } from "../policy/facts.ts";
import {
  type HeaderList,
  ReceivedFields,
  requestHeaders,
  responseHeaders,
} from "../proxy/headers.ts";
import { readTarget, type Target } from "../proxy/target.ts";
import type { BodyEnd, Upstream, UpstreamRequest, UpstreamResponse } from "../proxy/upstream.ts";
import type { WebSocketRelays } from "../proxy/websocket/relays.ts";
import { isWebSocketUpgrade } from "../proxy/websocket/handshake.ts";
import { checkBody, endAfterRefusal, lingeringClose, takeBody } from "./body.ts";
import { BUSY, type ClientLimits, headTooLarge } from "./limits.ts";
import { makeRequestIds } from "./request_id.ts";
import { type RecordSinks, RequestRecord } from "./request_record.ts";
import type { TransferWatch } from "./transfer_watch.ts";

/** What the handler needs to carry decisions out. */
export interface ProxyHandlerOptions extends RecordSinks {
  readonly decide: Decide;
  readonly upstream: Upstream;
  readonly webSockets: WebSocketRelays;
  /** When a WebSocket has to end because its token does, milliseconds since the epoch. */
  readonly endsAtMs: (identity: Identity) => number | undefined;
  /** The path of the upstream URL, "" without one. */
  readonly prefix: string;
  readonly limits: ClientLimits;
  /** Watches the bodies on their way. */
  readonly transfers: TransferWatch;
  readonly log: Log;
}

/** Protection space named in challenges. */
const REALM = "ooproxy";

/**
 * Methods that are never forwarded: one opens tunnels, the others echo credentials. Compared in upper
 * case: there are upstreams that do so.
 */
const REFUSED_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);

/** Builds the handler that forwards what is allowed. */
export function makeProxyHandler(options: ProxyHandlerOptions): Handler {
  const { decide, upstream, webSockets, endsAtMs, prefix, limits, transfers } = options;
  const { clock, meter, log } = options;
  const { maxBodyBytes, maxRequests } = limits;
  const ids = makeRequestIds();
  // One async function, and no await on values that are there already: each costs time.
  return async function handle(request, connection) {
    const { method, headers } = request;
    const fields = new ReceivedFields(headers);
    const record = new RequestRecord(method, connection, ids(fields.requestId), options);
    const refuse = (why: Failure) => refusal(why, request, record, fields, options);
    try {
      const { secure } = connection;
      // Over HTTP/2 the runtime never reports that a client left unless the signal was read before. It looks
      // like HTTP/1.1 to us where it has a `Host` field.
      if (secure) void request.signal;
      const target = readTarget(
        { method, url: request.url, host: fields.host, http2: secure },
        prefix,
      );
      if (!target.ok) return refuse(target.failure);
      const { pathAndQuery, path, host } = target.value;
      record.asksFor(path);
      const tooLarge = headTooLarge(pathAndQuery, fields.all, limits);
      if (tooLarge !== undefined) return refuse(tooLarge);
      if (REFUSED_METHODS.has(method.toUpperCase())) return refuse(failure("method_not_allowed"));
      const bodyKind = checkBody(method, fields, maxBodyBytes);
      if (!bodyKind.ok) return refuse(bodyKind.failure);

      const facts = new Facts(record.requestId, request, target.value, connection, fields);
      const decided = decide(facts);
      const { identity, refused, deprecated } = decided instanceof Promise
        ? await decided
        : decided;
      if (identity !== undefined) record.calledBy(identity, deprecated);
      if (refused !== undefined) return refuse(refused);
      if (meter.value("allowedInFlight") >= maxRequests) return refuse(BUSY);
      record.allowed();

      const sent = requestHeaders(fields, {
        address: connection.address,
        protocol: secure ? "https" : "http",
        host,
        requestId: record.requestId,
      });
      if (fields.upgrade !== null && isWebSocketUpgrade(method, headers)) {
        const upgraded = await webSockets.connect({
          request,
          pathAndQuery,
          headers: sent,
          expiresAtMs: identity && endsAtMs(identity),
          onEnd: (end) => record.finish(end),
        });
        if (!upgraded.ok) return refuse(upgraded.failure);
        upgraded.value.headers.append("x-request-id", record.requestId);
        record.responded(upgraded.value.status);
        return upgraded.value;
      }
      const taken = takeBody(request, bodyKind.value, transfers, record);
      const body = taken instanceof Promise ? await taken : taken;
      if (!body.ok) return refuse(body.failure);
      const sentAt = clock.monotonic();
      const received = await upstream.send(
        new Outgoing(request, pathAndQuery, sent, body.value, record),
      );
      const receivedAt = clock.monotonic();
      record.upstreamTook(receivedAt - sentAt);
      if (!received.ok) return refuse(record.clientFault ?? received.failure);
      const response = responseOf(received.value, record, transfers);
      if (received.value.body instanceof ReadableStream) connection.runsUntilSent?.();
      record.responded(received.value.status, wholeBytes(received.value.body), receivedAt);
      return response;
    } catch (error) {
      log.error("internal error while handling request", {
        requestId: record.requestId,
        error: error instanceof Error ? error.stack : String(error),
      });
      return refuse(failure("internal"));
    }
  };
}

/** What is known before the decision, from HTTP. A class: cheaper to make than a literal. */
class Facts implements RequestFacts {
  readonly #request: Request;
  readonly method: string;

  constructor(
    readonly id: string,
    request: Request,
    readonly target: Target,
    readonly peer: Connection,
    readonly fields: ReceivedFields,
  ) {
    this.#request = request;
    this.method = request.method;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }
}

/** The response to a request that goes no further. */
function refusal(
  why: Failure,
  request: Request,
  record: RequestRecord,
  fields: ReceivedFields,
  { clock }: RecordSinks,
): Response | Promise<Response> {
  record.finish({ bytes: 0, failure: why });
  record.responded(statusOf(why.reason));
  const end = endAfterRefusal(why, request, fields);
  const response = failureResponse(why, REALM, end !== "kept");
  return end === "closed" || end === "aborted" ? lingeringClose(response, end, clock) : response;
}

/** The upstream's response for the client. */
function responseOf(
  { status, headers, body: received }: UpstreamResponse,
  record: RequestRecord,
  transfers: TransferWatch,
): Response {
  const body = received instanceof ReadableStream ? transfers.download(received, record) : received;
  const response = status === 200 ? new Response(body) : new Response(body, { status });
  const sent = response.headers;
  let named = false;
  for (const [name, value] of responseHeaders(headers)) {
    // Added one by one: given to the constructor they cost half as much again.
    sent.append(name, value);
    named ||= name === "x-request-id";
  }
  // An id that the upstream set, usually the one it was sent, is kept.
  if (!named) sent.append("x-request-id", record.requestId);
  return response;
}

/** The size of a body that has arrived whole; `undefined` for one that is still to come. */
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
  readonly #record: RequestRecord;

  constructor(
    request: Request,
    pathAndQuery: string,
    headers: HeaderList,
    body: ReadableStream<Uint8Array> | null,
    record: RequestRecord,
  ) {
    this.method = request.method;
    this.pathAndQuery = pathAndQuery;
    this.headers = headers;
    this.body = body;
    this.#request = request;
    this.#record = record;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }

  onEnd(end: BodyEnd): void {
    this.#record.finish(end);
  }
}
