import { type Failure, failure } from "../failure.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import type { UpstreamTls } from "./dial.ts";
import { hasDotSegments } from "./target.ts";
import type { BodyEnd, Upstream, UpstreamRequest, UpstreamResponse } from "./upstream.ts";

/** Where the upstream is and how long it may take. */
export interface FetchUpstreamOptions {
  /** Scheme and authority, without a slash at the end. */
  readonly origin: string;
  /** Path that comes before every target, without a slash at the end; may be empty. */
  readonly prefix: string;
  /** Total time of a request, response's body included, in milliseconds. */
  readonly timeoutMs: number;
  /** Time from the end of the request to the head of the response, in milliseconds; may be Infinity. */
  readonly headTimeoutMs: number;
  /** Whether a connection carries one request after another, where HTTP/1.1 is spoken. */
  readonly reuse: boolean;
  readonly tls?: UpstreamTls | undefined;
}

/** Methods that `fetch` would rewrite to upper case. */
const REWRITTEN = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]);

/**
 * An upstream over the platform's `fetch`.
 *
 * `fetch` cannot keep dot segments, backslashes and lower-case method names: such requests are
 * refused. It percent-encodes a few characters of the target (quotes, angle brackets, braces), adds
 * `Accept`, `Accept-Language` and `User-Agent` where the client sent none, and would decode compressed
 * bodies; asking the upstream for `identity` keeps every body as the upstream sent it.
 *
 * `close` takes effect when no request runs, and a request that comes later still is carried.
 */
export function makeFetchUpstream(options: FetchUpstreamOptions, clock: Clock): Upstream {
  const { origin, prefix, tls: { caCerts = [], cert, key } = {} } = options;
  const clients = new Clients(() =>
    Deno.createHttpClient({
      allowHost: true,
      ...(options.reuse ? {} : { poolMaxIdlePerHost: 0 }),
      caCerts: [...caCerts],
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    })
  );
  return {
    send: (request) => exchange(request, { ...options, url: origin + prefix, clients, clock }),
    close: () => clients.close(),
  };
}

/** The client of `fetch` while it is in use: closing one breaks every request that it carries. */
class Clients {
  readonly #make: () => Deno.HttpClient;
  #client: Deno.HttpClient | undefined;
  #running = 0;
  #closing = false;

  constructor(make: () => Deno.HttpClient) {
    this.#make = make;
    this.#client = make();
  }

  /** The client, for one request. */
  take(): Deno.HttpClient {
    this.#running++;
    return this.#client ??= this.#make();
  }

  /** A request is over. To be called once for each. */
  giveBack(): void {
    this.#running--;
    this.#closeIdle();
  }

  close(): void {
    this.#closing = true;
    this.#closeIdle();
  }

  #closeIdle(): void {
    if (!this.#closing || this.#running > 0) return;
    this.#client?.close();
    this.#client = undefined;
  }
}

interface Transport extends Pick<FetchUpstreamOptions, "timeoutMs" | "headTimeoutMs"> {
  /** Origin and prefix: the text before every target. */
  readonly url: string;
  readonly clients: Clients;
  readonly clock: Clock;
}

async function exchange(
  request: UpstreamRequest,
  transport: Transport,
): Promise<Result<UpstreamResponse, Failure>> {
  const refused = unkeepable(request);
  if (refused !== undefined) return fail(refused);
  const { url, clients } = transport;
  const client = clients.take();
  const watch = watchExchange(request.signal, transport);
  const headers = new Headers(request.headers);
  headers.set("accept-encoding", "identity");
  const body = request.body && watch.requestBody(request.body);
  if (body === null) watch.sent();
  try {
    const response = await fetch(url + request.pathAndQuery, {
      method: request.method,
      headers,
      body,
      redirect: "manual",
      client,
      signal: watch.signal,
    });
    watch.responded();
    const { status } = response;
    if (status < 200 || status > 599) {
      watch.end();
      await response.body?.cancel();
      return fail(failure("upstream_broken", `status ${status}`));
    }
    if (response.body === null) {
      watch.end();
      return ok({ status, headers: response.headers, body: null });
    }
    return ok({
      status,
      headers: response.headers,
      body: handOver(response.body, watch, (end) => request.onEnd(end)),
    });
  } catch (error) {
    watch.end();
    return fail(watch.explain(error));
  }
}

function unkeepable({ method, pathAndQuery }: UpstreamRequest): Failure | undefined {
  const upper = method.toUpperCase();
  if (method !== upper && REWRITTEN.has(upper)) {
    return failure("bad_target", "a method in lower case");
  }
  const path = pathAndQuery.split("?", 1)[0] ?? "";
  if (path.includes("\\") || hasDotSegments(path)) {
    return failure("bad_target", "dot segments or backslashes");
  }
  return undefined;
}

/** The reasons for which one exchange may be given up, and which of them it was. */
interface Watch {
  readonly signal: AbortSignal;
  /** All of the request has been taken: from now on it is the upstream's turn. */
  sent(): void;
  /** The head of the response has come. */
  responded(): void;
  /** Passes the client's body on and notes whether it broke, and its end. */
  requestBody(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array>;
  explain(error: unknown): Failure;
  /** The exchange is over: stops watching. May be called again. */
  end(): void;
}

function watchExchange(
  clientSignal: AbortSignal,
  { timeoutMs, headTimeoutMs, clock, clients }: Transport,
): Watch {
  const abort = new AbortController();
  let cause: Failure | undefined;
  let over = false;
  let hasHead = false;
  let cancelHeadTimer = () => {};
  const responded = () => {
    hasHead = true;
    cancelHeadTimer();
  };
  const sent = () => {
    if (hasHead || over || headTimeoutMs === Infinity) return;
    cancelHeadTimer = clock.after(headTimeoutMs, timedOut);
  };
  const end = () => {
    if (over) return;
    over = true;
    cancelTimer();
    cancelHeadTimer();
    clientSignal.removeEventListener("abort", clientGone);
    clients.giveBack();
  };
  const giveUp = (why: Failure) => {
    cause ??= why;
    abort.abort();
    end();
  };
  const clientGone = () => giveUp(failure("client_gone"));
  const timedOut = () => giveUp(failure("upstream_timeout"));
  const cancelTimer = clock.after(timeoutMs, timedOut);
  clientSignal.addEventListener("abort", clientGone, { once: true });
  if (clientSignal.aborted) clientGone();
  return {
    signal: abort.signal,
    sent,
    responded,
    requestBody(body) {
      const reader = body.getReader();
      return new ReadableStream({
        async pull(controller) {
          try {
            const { done, value } = await reader.read();
            if (!done) return controller.enqueue(value);
            controller.close();
            sent();
          } catch (error) {
            cause ??= failure("broken_body");
            controller.error(error);
          }
        },
        cancel: (reason) => reader.cancel(reason),
      }, { highWaterMark: 0 });
    },
    explain: (error) => cause ?? explain(error),
    end,
  };
}

/** Passes the response's body on chunk by chunk, at the pace of the client, and reports how it ended. */
function handOver(
  body: ReadableStream<Uint8Array>,
  watch: Watch,
  onEnd: (end: BodyEnd) => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let bytes = 0;
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) {
          bytes += value.length;
          controller.enqueue(value);
          return;
        }
        watch.end();
        onEnd({ bytes });
        controller.close();
      } catch (error) {
        watch.end();
        onEnd({ bytes, failure: watch.explain(error) });
        controller.error(error);
      }
    },
    async cancel(reason) {
      watch.end();
      onEnd({ bytes, failure: failure("client_gone") });
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

/**
 * Which failure a rejected `fetch` stands for. Its error has no code; both outcomes are a 502, and
 * only the word in the log depends on the text. The text before the cause holds the URL, query
 * included, and is dropped.
 */
function explain(error: unknown): Failure {
  if (!(error instanceof Error)) return failure("upstream_broken");
  const blocked = /port \d+ .*blocked$/.exec(error.message)?.[0];
  if (blocked !== undefined) return failure("upstream_refused", `fetch: ${blocked}`);
  const text = error.cause instanceof Error ? error.cause.message : error.message;
  const cause = text.lastIndexOf("client error");
  if (cause === -1) return failure("upstream_broken");
  const detail = text.slice(cause);
  return failure(detail.includes("(Connect)") ? "upstream_refused" : "upstream_broken", detail);
}
