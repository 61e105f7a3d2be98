/** What the tests of every transport to the upstream share. */
import type { Clock } from "../../src/ops/clock.ts";
import type { HeaderList } from "../../src/proxy/headers.ts";
import type {
  BodyEnd,
  Upstream,
  UpstreamRequest,
  UpstreamResponse,
} from "../../src/proxy/upstream.ts";
import { eventually } from "../support/waiting.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { parseMessage, type RawMessage } from "../support/raw.ts";
import { type ConnectionScript, type RawUpstream, rawUpstream } from "../support/upstream.ts";

/** What an upstream is made of. */
export interface SuiteOptions {
  readonly origin: string;
  readonly prefix: string;
  /** Total time of a request, in milliseconds. */
  readonly timeoutMs: number;
  /** Time for the head of the response, in milliseconds; Infinity if absent. */
  readonly headTimeoutMs?: number;
  /** Whether connections are used again; they are if absent. */
  readonly reuse?: boolean;
  readonly clock: Clock;
}

/** Makes the transport under test. */
export type MakeUpstream = (options: SuiteOptions) => Upstream;

/** Where transports differ. */
export interface Capabilities {
  /** Method and target go out byte for byte; otherwise what cannot be kept is refused. */
  readonly exactTargets: boolean;
  /** `Accept-Encoding` goes out as it came; otherwise as `identity`. */
  readonly keepsAcceptEncoding: boolean;
  /** An upload with `Content-Length` goes out with it; otherwise in chunks. */
  readonly keepsContentLength: boolean;
}

/** What the transport over `fetch` can keep. */
export const FETCH: Capabilities = {
  exactTargets: false,
  keepsAcceptEncoding: false,
  keepsContentLength: false,
};

/** What the transport over connections of its own can keep. */
export const HTTP1: Capabilities = {
  exactTargets: true,
  keepsAcceptEncoding: true,
  keepsContentLength: true,
};

/** What the tests of one transport share. */
export interface Suite extends Capabilities {
  /** Registers one test. */
  test(sentence: string, action: () => Promise<void>): void;
  /** Starts a raw upstream and the transport in front of it. */
  connect(script: ConnectionScript, options?: Partial<SuiteOptions>): Promise<Connected>;
  readonly make: MakeUpstream;
}

/** A transport with the raw upstream it talks to. */
export interface Connected extends AsyncDisposable {
  readonly raw: RawUpstream;
  readonly upstream: Upstream;
  readonly clock: FakeClock;
}

/** Time limit of the tests' requests, in milliseconds of the fake clock. */
export const LIMIT_MS = 5000;

/** A small good response. */
export const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** A good response without a body. */
export const NO_CONTENT = "HTTP/1.1 204 No Content\r\n\r\n";

/** Binds the tests to one transport. */
export function makeSuite(name: string, make: MakeUpstream, capabilities: Capabilities): Suite {
  return {
    ...capabilities,
    make,
    test: (sentence, action) => Deno.test(`${name}: ${sentence}`, action),
    async connect(script, options = {}) {
      const raw = await rawUpstream(script);
      const clock = new FakeClock();
      const upstream = make({
        origin: raw.url,
        prefix: "",
        timeoutMs: LIMIT_MS,
        clock,
        ...options,
      });
      return {
        raw,
        upstream,
        clock,
        async [Symbol.asyncDispose]() {
          upstream.close();
          await raw.close();
        },
      };
    },
  };
}

/** A request and every report of its end. */
export interface Asked {
  readonly request: UpstreamRequest;
  readonly ends: BodyEnd[];
  /** What stands for the client's leaving. */
  readonly client: AbortController;
}

/** A GET of `/`, unless overridden. */
export function asking(overrides: Partial<UpstreamRequest> = {}): Asked {
  const ends: BodyEnd[] = [];
  const client = new AbortController();
  const headers: HeaderList = [["host", "client.test"]];
  return {
    ends,
    client,
    request: {
      method: "GET",
      pathAndQuery: "/",
      headers,
      body: null,
      signal: client.signal,
      onEnd: (end) => ends.push(end),
      ...overrides,
    },
  };
}

/** How a response ended: as reported for a stream; one that came whole is over, and nothing is reported. */
export function ended({ body }: UpstreamResponse, ends: readonly BodyEnd[]): readonly BodyEnd[] {
  if (body instanceof ReadableStream) return ends;
  assertEquals(ends, []);
  return [{ bytes: body?.length ?? 0 }];
}

/** Sends a request that has to succeed, reads its response and returns what the upstream was sent. */
export async function deliver(
  { upstream, raw, clock }: Connected,
  overrides: Partial<UpstreamRequest>,
): Promise<RawMessage> {
  const { request, ends } = asking(overrides);
  const before = new Map(
    raw.connections.map((connection) => [connection, connection.all().length]),
  );
  const response = await upstream.send(request);
  assert(response.ok, JSON.stringify(response));
  await new Response(response.value.body).bytes();
  await eventually("the end", () => ended(response.value, ends).length > 0);
  assertEquals([ended(response.value, ends).length, clock.pending], [1, 0]);
  const sent = raw.connections.map((one) => one.all().slice(before.get(one) ?? 0)).join("");
  return parseMessage(sent, true);
}

/** A body of these pieces. */
export function pieces(...texts: readonly string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(texts.map((text) => new TextEncoder().encode(text)));
}

/** Reads the body of a response that has one, whether it is there or still to come. */
export function readerOf({ body }: UpstreamResponse): ReadableStreamDefaultReader<Uint8Array> {
  const reader = new Response(body).body?.getReader();
  if (reader === undefined) throw new Error("the response has no body");
  return reader;
}

/** Waits until the first connection to the upstream has ended, which its script has to read for. */
export async function left({ raw }: Connected): Promise<void> {
  await eventually("the end of the connection", () => raw.connections[0]?.ended === true);
}

/** A body that a test writes bit by bit. */
export interface Fed {
  readonly body: ReadableStream<Uint8Array>;
  feed(text: string): void;
  end(): void;
  abort(): void;
  /** Whether it has been cancelled. */
  readonly cancelled: boolean;
}

/** Makes a body to be written bit by bit. */
export function fed(): Fed {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (given) => void (controller = given),
    cancel: () => void (cancelled = true),
  });
  return {
    body,
    feed: (text) => controller?.enqueue(new TextEncoder().encode(text)),
    end: () => controller?.close(),
    abort: () => controller?.error(new Error("the client aborted")),
    get cancelled() {
      return cancelled;
    },
  };
}
