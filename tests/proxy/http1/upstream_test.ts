import { makeDial, upstreamAddress } from "../../../src/proxy/dial.ts";
import { makeHttp1Upstream } from "../../../src/proxy/http1/upstream.ts";
import { upstreamSuite } from "../upstream_suite.ts";

upstreamSuite(
  "over HTTP/1.1",
  ({ origin, prefix, timeoutMs, headTimeoutMs = Infinity, reuse = true, clock }) =>
    makeHttp1Upstream({
      dial: makeDial(upstreamAddress({ origin }), {}, timeoutMs, clock),
      prefix,
      timeoutMs,
      idleTimeoutMs: timeoutMs,
      headTimeoutMs,
      reuse,
      handshakeTimeoutMs: Infinity,
      maxConnections: 64,
      maxQueued: 64,
      watchClientAfterMs: 0,
      connections: { open: 0, opening: 0 },
    }, clock),
  { exactTargets: true, keepsAcceptEncoding: true, keepsContentLength: true },
);
