/** Spans around the handler and the upstream, for where traces are on. */
import { statusOf } from "../failure.ts";
import { methodName, type Span, STATUS_ERROR, type Tracing } from "../ops/tracing.ts";
import type { Upstream, UpstreamRequest } from "../proxy/upstream.ts";
import type { Handler } from "../listen/connection.ts";

/** What `fetch` takes from the trace by itself and adds to what it is given. */
const SENT_BY_FETCH: ReadonlySet<string> = new Set(["traceparent", "baggage"]);

/**
 * Gives the runtime's span of each request a name. The span holds the whole URL, query included: the
 * runtime writes it there and offers no way to take it out.
 */
export function tracedHandler(handler: Handler, tracing: Tracing | undefined): Handler {
  if (tracing === undefined) return handler;
  return (request, connection) => {
    tracing.current()?.updateName(`proxy ${methodName(request.method)}`);
    return handler(request, connection);
  };
}

/** For an upstream over `fetch`, which makes a span and sends its id by itself, besides what it is given. */
export function withoutTraceFields(upstream: Upstream, tracing: Tracing | undefined): Upstream {
  if (tracing === undefined) return upstream;
  return {
    close: () => upstream.close(),
    send(request) {
      return upstream.send(changed(request, {
        headers: request.headers.filter(([name]) => !SENT_BY_FETCH.has(name)),
        onEnd: (end) => request.onEnd(end),
      }));
    },
  };
}

/** Puts a span around each request to the upstream, and sends its id along (`traceparent`). */
export function tracedUpstream(
  upstream: Upstream,
  origin: string,
  tracing: Tracing | undefined,
): Upstream {
  if (tracing === undefined) return upstream;
  return {
    close: () => upstream.close(),
    async send(request) {
      const { method, pathAndQuery } = request;
      const { span, fields } = tracing.outgoing(`upstream ${methodName(method)}`, {
        "http.request.method": method,
        "url.path": pathAndQuery.split("?", 1)[0] ?? "",
        "server.address": origin.replace(/^[a-z]+:\/\//, ""),
      });
      const sent = await upstream.send(changed(request, {
        // What the client sent of the kind has become the parent of the request's span.
        headers: [...request.headers.filter(([name]) => !fields.has(name)), ...fields],
        onEnd(end) {
          if (end.failure !== undefined) failed(span, end.failure.reason);
          span.end();
          request.onEnd(end);
        },
      }));
      if (sent.ok) {
        span.setAttribute("http.response.status_code", sent.value.status);
        if (!(sent.value.body instanceof ReadableStream)) span.end();
      } else {
        span.setAttribute("http.response.status_code", statusOf(sent.failure.reason));
        failed(span, sent.failure.reason);
        span.end();
      }
      return sent;
    },
  };
}

/** The same request with other fields, its signal still untouched. */
function changed(
  request: UpstreamRequest,
  { headers, onEnd }: Pick<UpstreamRequest, "headers" | "onEnd">,
): UpstreamRequest {
  const { method, pathAndQuery, body } = request;
  return {
    method,
    pathAndQuery,
    headers,
    body,
    get signal() {
      return request.signal;
    },
    onEnd,
  };
}

function failed(span: Span, reason: string): void {
  span.setAttribute("error.type", reason);
  span.setStatus({ code: STATUS_ERROR });
}
