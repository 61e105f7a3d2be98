/**
 * Spans by way of the OpenTelemetry API that the runtime registers where `OTEL_DENO=true`. It is taken
 * from the place where the API keeps it for all libraries of a program, so nothing has to be loaded
 * where traces are off.
 */

/** A span, as far as it is used here. */
export interface Span {
  updateName(name: string): void;
  setAttribute(name: string, value: string | number): void;
  setStatus(status: { readonly code: number }): void;
  end(): void;
}

interface Context {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): Context;
}

type Attributes = Readonly<Record<string, string | number>>;

interface Api {
  readonly trace: {
    getTracer(name: string): {
      startSpan(
        name: string,
        options: { readonly kind: number; readonly attributes: Attributes },
        context: Context,
      ): Span;
    };
  };
  readonly context: { active(): Context };
  readonly propagation?: {
    inject(
      context: Context,
      carrier: Map<string, string>,
      setter: { set(carrier: Map<string, string>, name: string, value: string): void },
    ): void;
  };
}

/** What the program does about traces. */
export interface Tracing {
  /** The span of the current request, if there is one. */
  current(): Span | undefined;
  /** Begins the span of a request that goes out within the current one, and gives its trace fields. */
  outgoing(name: string, attributes: Attributes): { span: Span; fields: Map<string, string> };
}

/** Where the API is registered, for all its releases of one major version. */
const API_KEY = Symbol.for("opentelemetry.js.api.1");

/** Where a context keeps its span. */
const SPAN_KEY = Symbol.for("OpenTelemetry Context Key SPAN");

/** `SpanKind.CLIENT`. */
const CLIENT = 2;

/** `SpanStatusCode.ERROR`. */
export const STATUS_ERROR = 2;

/** Methods that a span is named after; clients can send any (OpenTelemetry: `HTTP`). */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** The method as part of a span's name. */
export function methodName(method: string): string {
  return METHODS.has(method) ? method : "HTTP";
}

/** The API of this process; `undefined` where traces are off. */
export function findTracing(): Tracing | undefined {
  const api = (globalThis as unknown as Record<symbol, Partial<Api> | undefined>)[API_KEY];
  if (api?.trace === undefined || api.context === undefined) return undefined;
  const { context, propagation } = api;
  const tracer = api.trace.getTracer("ooproxy");
  return {
    current: () => context.active().getValue(SPAN_KEY) as Span | undefined,
    outgoing(name, attributes) {
      const active = context.active();
      const span = tracer.startSpan(name, { kind: CLIENT, attributes }, active);
      const fields = new Map<string, string>();
      propagation?.inject(active.setValue(SPAN_KEY, span), fields, {
        set: (carrier, field, value) => carrier.set(field.toLowerCase(), value),
      });
      return { span, fields };
    },
  };
}
