/** What the tests of the transport over HTTP/1.1 share. */
import { Buffer } from "node:buffer";
import {
  type Dial,
  makeDial,
  upstreamAddress,
  type UpstreamTls,
  type Wire,
} from "../../../src/proxy/dial.ts";
import type { PoolOptions } from "../../../src/proxy/http1/pool.ts";
import { type Http1Upstream, makeHttp1Upstream } from "../../../src/proxy/http1/upstream.ts";
import type { ConnectionCount, Upstream } from "../../../src/proxy/upstream.ts";
import { ok } from "../../../src/result.ts";
import { assert } from "../../support/assert.ts";
import { FakeClock } from "../../support/clock.ts";
import { type ConnectionScript, type RawUpstream, rawUpstream } from "../../support/upstream.ts";
import { type Asked, asking, ended } from "../upstream_suite_support.ts";

/** Limits of the tests, in milliseconds of the fake clock. */
export const LIMITS = {
  prefix: "",
  timeoutMs: 5000,
  idleTimeoutMs: 2000,
  headTimeoutMs: Infinity,
  reuse: true,
  handshakeTimeoutMs: 1000,
  maxConnections: 8,
  maxQueued: 8,
  watchClientAfterMs: 0,
};

/** Time for a connection, likewise. */
const CONNECT_TIMEOUT_MS = 1000;

/** A transport, the raw upstream it talks to, and its clock. */
export interface Http1Connected extends AsyncDisposable {
  readonly raw: RawUpstream;
  readonly upstream: Http1Upstream;
  readonly clock: FakeClock;
}

/** Starts a raw upstream and a transport in front of it. */
export async function connectHttp1(
  script: ConnectionScript,
  options: Partial<PoolOptions> = {},
): Promise<Http1Connected> {
  const raw = await rawUpstream(script);
  const clock = new FakeClock();
  const upstream = http1Upstream({ origin: raw.url }, clock, options);
  return {
    raw,
    upstream,
    clock,
    async [Symbol.asyncDispose]() {
      upstream.close();
      await raw.close();
    },
  };
}

/** Where an upstream of the tests is, and how it is reached. */
export interface Http1Target {
  readonly origin: string;
  readonly socketPath?: string;
  readonly tls?: UpstreamTls;
}

/** A transport with the tests' limits. */
export function http1Upstream(
  { tls = {}, ...url }: Http1Target,
  clock: FakeClock,
  options: Partial<PoolOptions> = {},
): Http1Upstream {
  const dial = makeDial(upstreamAddress(url), tls, CONNECT_TIMEOUT_MS, clock);
  return makeHttp1Upstream({ ...LIMITS, connections: noConnections(), dial, ...options }, clock);
}

/** What came of a request, in short: status and body, or the reason why not. */
export async function outcome(
  upstream: Upstream,
  overrides: Parameters<typeof asking>[0] = {},
): Promise<string> {
  return await outcomeOf(upstream, asking(overrides));
}

/** The same for a request made before; checks that its end is reported once. */
export async function outcomeOf(upstream: Upstream, { request, ends }: Asked): Promise<string> {
  const response = await upstream.send(request);
  if (!response.ok) {
    assert(ends.length === 0);
    return response.failure.reason;
  }
  const { status, body } = response.value;
  let text: string;
  try {
    const bytes = body instanceof ReadableStream ? await collected(body) : body ?? new Uint8Array();
    text = `${status} ${new TextDecoder("latin1").decode(bytes)}`;
    const [end] = ended(response.value, ends);
    assert(end?.bytes === bytes.length && end.failure === undefined);
  } catch {
    text = `${status} then ${ends[0]?.failure?.reason}`;
  }
  assert(ended(response.value, ends).length === 1);
  return text;
}

/** All bytes of a body: each piece is copied, since it is there only until the next is asked for. */
async function collected(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const pieces = [];
  for await (const piece of body) pieces.push(piece.slice());
  return Buffer.concat(pieces);
}

/** A connection that exists in memory alone: what it sends is given, what is sent to it is dropped. */
export class ScriptedWire implements Wire {
  closed = false;
  written = 0;
  readonly #pieces: Uint8Array[];
  readonly #silent: boolean;
  readonly #started = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();

  /**
   * @param pieces what is read, once something has been written; then the connection ends, or stays
   * `silent` until it is closed here.
   */
  constructor(pieces: readonly Uint8Array[], { silent = false } = {}) {
    this.#pieces = [...pieces];
    this.#silent = silent;
  }

  async read(into: Uint8Array): Promise<number | null> {
    await this.#started.promise;
    if (this.closed) throw new Error("closed");
    const piece = this.#pieces.shift();
    if (piece === undefined) {
      if (!this.#silent) return null;
      await this.#ended.promise;
      throw new Error("closed");
    }
    into.set(piece.subarray(0, into.length));
    if (piece.length > into.length) this.#pieces.unshift(piece.subarray(into.length));
    return Math.min(piece.length, into.length);
  }

  write(from: Uint8Array): Promise<number> {
    this.written += from.length;
    this.#started.resolve();
    return Promise.resolve(from.length);
  }

  close(): void {
    assert(!this.closed, "closed twice");
    this.closed = true;
    this.#started.resolve();
    this.#ended.resolve();
  }
}

/** The bytes of a text, one for each character. */
export function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** A pool over scripted connections, as an upstream. */
export function pooled(
  connect: () => Wire,
  options: Partial<PoolOptions> = {},
  clock = new FakeClock(),
): Http1Upstream {
  const dial: Dial = () => Promise.resolve(ok(connect()));
  return makeHttp1Upstream({ ...LIMITS, connections: noConnections(), dial, ...options }, clock);
}

/** The count of a worker that has none yet. */
export function noConnections(): ConnectionCount {
  return { open: 0, opening: 0 };
}
