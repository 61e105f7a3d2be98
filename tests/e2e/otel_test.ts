/** Traces, as a collector gets them that speaks OTLP over HTTP. */
import { assert, assertEquals, assertExcludes, assertMatch } from "../support/assert.ts";
import { eventually, type Service, startService } from "./harness.ts";

interface Span {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** What a collector is sent; only what is looked at here. */
interface Export {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<Span, "attributes"> & {
        readonly attributes: readonly { readonly key: string; readonly value: object }[];
      })[];
    }[];
  }[];
}

const SERVER = 2;
const CLIENT = 3;

/** A collector on a free port of 127.0.0.1. */
function startCollector() {
  const spans: Span[] = [];
  const texts: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const text = await request.text();
    if (new URL(request.url).pathname === "/v1/traces") {
      texts.push(text);
      const sent = JSON.parse(text) as Export;
      for (const { scopeSpans } of sent.resourceSpans) {
        for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
          const attributes = span.attributes.map((
            { key, value },
          ) => [key, Object.values(value)[0]]);
          spans.push({ ...span, attributes: Object.fromEntries(attributes) });
        }
      }
    }
    return Response.json({});
  });
  const env = {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_BSP_SCHEDULE_DELAY: "100",
  };
  return {
    spans,
    texts,
    env,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

for (
  const settings of [
    { NUM_WORKERS: "2" },
    { NUM_WORKERS: "1" },
    { NUM_WORKERS: "1", UPSTREAM_TRANSPORT: "fetch" },
  ]
) {
  Deno.test(`A trace goes on through the service to the upstream, with ${JSON.stringify(settings)}.`, async () => {
    await using collector = startCollector();
    await using service = await startService({ settings, env: collector.env });
    await service.get("/orders?secret=in-the-query", {
      headers: {
        authorization: `Bearer ${await service.token()}`,
        traceparent: `00-${TRACE}-${PARENT}-01`,
        tracestate: "vendor=1",
        baggage: "k=v",
      },
    });
    const named = (name: string) =>
      eventually(
        `the span ${name}`,
        () =>
          collector.spans.find((span) =>
            span.name === name && span.traceId === TRACE &&
            span.attributes["url.path"] === "/orders"
          ),
      );
    const received = await named("proxy GET");
    // The runtime names the span that `fetch` makes.
    const sent = await named("UPSTREAM_TRANSPORT" in settings ? "GET" : "upstream GET");
    assertEquals([received.kind, received.parentSpanId], [SERVER, PARENT]);
    assertEquals([sent.kind, sent.parentSpanId], [CLIENT, received.spanId]);
    assertEquals(Number(sent.attributes["http.response.status_code"]), 200);
    const [trace, span] = upstreamTrace(service, 0);
    assertEquals(trace, TRACE);
    assertEquals(span, sent.spanId);
    const { headers } = service.upstream.requests[0] ?? {};
    assertEquals([headers?.get("tracestate"), headers?.get("baggage")], ["vendor=1", "k=v"]);
  });
}

Deno.test("A request without a trace begins one; refusals are spans too; no span holds a token.", async () => {
  await using collector = startCollector();
  await using service = await startService({ env: collector.env });
  const token = await service.token();
  await service.get("/a?secret=in-the-query", { headers: { authorization: `Bearer ${token}` } });
  const [trace] = upstreamTrace(service, 0);
  await eventually(
    "both spans",
    () => collector.spans.filter(({ traceId }) => traceId === trace).length === 2,
  );

  const refused = await service.get("/b?secret=in-the-query", {
    headers: { authorization: "Bearer opaque-secret" },
  });
  assert(refused.status >= 400);
  await eventually(
    "the refusal",
    () =>
      collector.spans.some(({ name, attributes }) =>
        name === "proxy GET" && attributes["url.path"] === "/b"
      ),
  );
  await service.get("/c", { method: "BREW" });
  await eventually(
    "an unknown method",
    () => collector.spans.some(({ name }) => name === "upstream HTTP"),
  );
  const text = collector.texts.join("\n");
  for (const secret of ["opaque-secret", token, token.split(".")[2] ?? token]) {
    assertExcludes(text, secret);
  }
  // The runtime writes the whole URL into its own span, and there is no way to take it out again.
  const ours = collector.spans.filter(({ name }) => name.startsWith("upstream"));
  assertExcludes(JSON.stringify(ours), "in-the-query");
});

Deno.test("Without OTEL_DENO a client's trace is passed on as it is.", async () => {
  await using service = await startService();
  const traceparent = `00-${TRACE}-${PARENT}-01`;
  await service.get("/", {
    headers: { authorization: `Bearer ${await service.token()}`, traceparent },
  });
  assertEquals(service.upstream.requests[0]?.headers.get("traceparent"), traceparent);
});

/** Trace and span id of the one `traceparent` that the upstream got. */
function upstreamTrace(service: Service, at: number): [string, string] {
  const value = service.upstream.requests[at]?.headers.get("traceparent") ?? "";
  assertMatch(value, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  const [, trace = "", span = ""] = value.split("-");
  return [trace, span];
}
