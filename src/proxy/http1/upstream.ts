import type { Clock } from "../../ops/clock.ts";
import type { Dial } from "../dial.ts";
import type { Upstream } from "../upstream.ts";
import { Http1Pool, type PoolOptions, type PoolStats } from "./pool.ts";

/** How the upstream is reached, how long it may take and how many connections it gets. */
export interface Http1UpstreamOptions extends PoolOptions {
  /** Opens a connection to it. */
  readonly dial: Dial;
}

/** An upstream whose connections can be counted. */
export interface Http1Upstream extends Upstream {
  stats(): PoolStats;
}

/**
 * An upstream over HTTP/1.1 connections of its own. Requests for another protocol (`upgrade`; RFC 9110,
 * section 7.8) are carried like all others; after a 101 the connection is the caller's and keeps its
 * place until it is closed.
 *
 * Method, target, fields and bodies go on byte for byte, both ways; only the framing of bodies is
 * this hop's own. Trailers and interim responses are dropped. What RFC 9112 does not allow in a
 * response is `upstream_broken`, and its connection is not used again.
 *
 * A request without a body is sent once more when its connection turns out to have been closed, if
 * its method is idempotent or nothing of it was taken.
 *
 * Does not follow redirects, decode bodies or add fields other than `transfer-encoding`.
 */
export function makeHttp1Upstream(options: Http1UpstreamOptions, clock: Clock): Http1Upstream {
  const pool = new Http1Pool(options, options.dial, clock);
  return {
    send: (request) => pool.carry(request).response,
    close: () => pool.close(),
    stats: () => pool.stats(),
  };
}
