import type { Clock } from "../../ops/clock.ts";
import { makeDial, upstreamAddress, type UpstreamTls } from "../dial.ts";
import { Http1Pool } from "./pool.ts";
import type { Upstream } from "../upstream.ts";

/** Where the upstream is, how long it may take and how many connections it gets. */
export interface Http1UpstreamOptions {
  readonly url: Http1UpstreamUrl;
  /** Total time of a request in milliseconds, the answer's body included. */
  readonly timeoutMs: number;
  /** Time for opening a connection in milliseconds, the TLS handshake included. */
  readonly connectTimeoutMs: number;
  /** How long a `text/event-stream` may be silent, in milliseconds; it has no total time. */
  readonly idleTimeoutMs: number;
  readonly tls?: UpstreamTls;
  /** Most connections at once. */
  readonly maxConnections: number;
  /** Most requests that wait for a connection; beyond, they fail as `upstream_busy`. */
  readonly maxQueued: number;
  /** See `PoolOptions`; 0 if absent: a client that leaves ends its request at once. */
  readonly watchClientAfterMs?: number;
}

/** `http://` or `https://` with the path before every target, or a Unix socket. */
export type Http1UpstreamUrl =
  | {
    /** Scheme and authority, without a slash at the end. */
    readonly origin: string;
    /** Path that comes before every target, without a slash at the end; may be empty. */
    readonly prefix: string;
  }
  | {
    /** Path of a Unix socket. */
    readonly socketPath: string;
    readonly prefix: string;
  };

/**
 * An upstream over HTTP/1.1 connections of its own.
 *
 * Method, target, fields and bodies go on byte for byte, both ways; only the framing of bodies is
 * this hop's own. Trailers and interim answers are dropped. What RFC 9112 does not allow in an
 * answer is `upstream_broken`, and its connection is not used again.
 *
 * A request without a body is sent once more when its connection turns out to have been closed, if
 * its method is idempotent or nothing of it was taken.
 *
 * Does not follow redirects, decode bodies or add fields other than `transfer-encoding`.
 */
export function makeHttp1Upstream(options: Http1UpstreamOptions, clock: Clock): Upstream {
  const { url, tls = {}, connectTimeoutMs } = options;
  const dial = makeDial(upstreamAddress(url), tls, connectTimeoutMs, clock);
  const { prefix } = url;
  const pool = new Http1Pool({ watchClientAfterMs: 0, ...options, prefix }, dial, clock);
  return {
    send: (request) => pool.carry(request).answered,
    close: () => pool.close(),
    stats: () => pool.stats(),
  };
}
