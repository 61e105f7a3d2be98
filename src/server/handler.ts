/**
 * One request, one screen: target → who is it → upstream → answer → log.
 */
import type { Authenticate } from "../auth/authenticate.ts";
import type { VerifiedToken } from "../auth/verify.ts";
import { type Failure, failure, failureResponse, statusOf } from "../failure.ts";
import type { AccessLog } from "../ops/access_log.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { requestHeaders, responseHeaders } from "../proxy/headers.ts";
import { readTarget } from "../proxy/target.ts";
import type { BodyEnd, Upstream } from "../proxy/upstream.ts";
import { fail, ok, type Result } from "../result.ts";
import { isFramed, requestBody } from "./request_body.ts";
import { requestId } from "./request_id.ts";

/** What a handler is built from. */
export interface HandlerParts {
  readonly authenticate: Authenticate;
  readonly upstream: Upstream;
  /** The path of the upstream URL, "" without one. */
  readonly prefix: string;
  /** Called for each request, once its answer is over; `undefined` where requests are not told of. */
  readonly accessLog: AccessLog | undefined;
  readonly clock: Clock;
  readonly log: Log;
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
  const { clock, accessLog, log } = parts;

  return async function handle(request, connection) {
    const story = new Story(request, connection, clock);
    let outcome: Result<Response, Failure>;
    try {
      outcome = await answer(request, connection, story, parts, (end) => tell(story, end));
    } catch (error) {
      log.error("a request met a bug", {
        requestId: story.requestId,
        error: error instanceof Error ? error.stack : String(error),
      });
      outcome = fail(failure("internal"));
    }
    if (outcome.ok) return outcome.value;
    story.status = statusOf(outcome.failure.reason);
    tell(story, { bytes: 0, failure: outcome.failure });
    // A body that nobody will read must not be waited for: the connection ends with the answer.
    return failureResponse(outcome.failure, REALM, isFramed(request.headers));
  };

  function tell(story: Story, end: BodyEnd): void {
    accessLog?.(story.record(end));
  }
}

/** The way of a good request; every early return is a failure. */
async function answer(
  request: Request,
  connection: Connection,
  story: Story,
  parts: HandlerParts,
  onEnd: (end: BodyEnd) => void,
): Promise<Result<Response, Failure>> {
  const { method, headers } = request;
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

  const sentAt = parts.clock.monotonic();
  const answered = await parts.upstream.send({
    method,
    pathAndQuery: target.value.pathAndQuery,
    headers: requestHeaders(headers, {
      address: connection.address,
      protocol: connection.secure ? "https" : "http",
      host: target.value.host,
      requestId: story.requestId,
    }),
    body: await body.value(),
    signal: request.signal,
    onEnd,
  });
  story.upstreamMs = parts.clock.monotonic() - sentAt;
  if (!answered.ok) return answered;
  story.status = answered.value.status;
  const fields = responseHeaders(answered.value.headers);
  fields.push(["x-request-id", story.requestId]);
  return ok(new Response(answered.value.body, { status: story.status, headers: fields }));
}

/** What is known about a request while it is answered; told once, at its end. */
class Story {
  readonly requestId: string;
  status = 0;
  path = "";
  caller: VerifiedToken | undefined;
  upstreamMs: number | undefined;
  readonly #method: string;
  readonly #client: string;
  readonly #clock: Clock;
  readonly #timeMs: number;
  readonly #began: number;

  constructor(request: Request, connection: Connection, clock: Clock) {
    this.requestId = requestId(request.headers.get("x-request-id"));
    this.#method = request.method;
    this.#client = connection.address;
    this.#clock = clock;
    this.#timeMs = clock.now();
    this.#began = clock.monotonic();
  }

  record({ bytes, failure }: BodyEnd) {
    const { claims } = this.caller ?? {};
    const clientId = claims?.client_id ?? claims?.azp;
    return {
      timeMs: this.#timeMs,
      requestId: this.requestId,
      client: this.#client,
      method: this.#method,
      path: this.path,
      status: this.status,
      ...(failure === undefined ? {} : { reason: failure.reason }),
      ...(failure?.detail === undefined ? {} : { detail: failure.detail }),
      ...(typeof claims?.sub === "string" ? { subject: claims.sub } : {}),
      ...(typeof clientId === "string" ? { clientId } : {}),
      bytes,
      durationMs: this.#clock.monotonic() - this.#began,
      ...(this.upstreamMs === undefined ? {} : { upstreamMs: this.upstreamMs }),
    };
  }
}
