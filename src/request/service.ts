import { makeAuthenticator } from "../auth/authenticate.ts";
import type { ChooseProvider } from "../auth/provider.ts";
import { TokenCache } from "../auth/token_cache.ts";
import { UPSTREAM_QUEUED_PER_CONNECTION, WATCH_CLIENT_AFTER_MS } from "../limits.ts";
import type { KeySources } from "../oidc/key_source.ts";
import type { AccessLog } from "../ops/access_log.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import type { Meter } from "../ops/meter.ts";
import type { Handler } from "../listen/connection.ts";
import { makeDecide } from "../policy/decide.ts";
import { ruleForAll } from "../policy/rule.ts";
import { findTracing, type Tracing } from "../ops/tracing.ts";
import { makeDial, upstreamAddress } from "../proxy/dial.ts";
import { makeFetchUpstream } from "../proxy/fetch_upstream.ts";
import { type Http1Upstream, makeHttp1Upstream } from "../proxy/http1/upstream.ts";
import type { ConnectionCount, Upstream } from "../proxy/upstream.ts";
import { makeWebSocketRelays, type WebSocketRelays } from "../proxy/websocket/relays.ts";
import type { WorkerConfig } from "../config/schema.ts";
import { ok } from "../result.ts";
import type { WorkerSettings } from "../ipc/workers.ts";
import { type AuthenticationDeps, makeProviders, requirementsOf } from "./authentication.ts";
import { clientLimits } from "./limits.ts";
import { makeProxyHandler } from "./proxy_handler.ts";
import { tracedHandler, tracedUpstream, withoutTraceFields } from "./spans.ts";
import { TransferWatch } from "./transfer_watch.ts";

/** What a service needs from outside. */
export interface ServiceDeps {
  readonly keySources: KeySources;
  readonly clock: Clock;
  readonly log: Log;
  readonly accessLog: AccessLog | undefined;
  readonly meter: Meter;
  /** Opens a client for a provider that opaque tokens are shown to. */
  readonly openHttp: AuthenticationDeps["openHttp"];
}

/** Everything between a listener and the upstream, built once from one set of settings. */
export interface Service {
  readonly handler: Handler;
  /** Brings the gauges up to date in the meter. */
  gauge(): void;
  /** Its WebSockets. They outlive `close`, and may be kept without the rest of the service. */
  readonly webSockets: WebSocketRelays;
  /** Closes idle connections; requests that run go on. */
  close(): void;
}

/**
 * Builds the pipeline of one process from its settings.
 *
 * @param connections counts connections to the upstream, those of services before this one included.
 */
export function buildService(
  settings: WorkerSettings,
  deps: ServiceDeps,
  connections: ConnectionCount,
): Service {
  const { config } = settings;
  const { clock, log, accessLog, meter } = deps;
  const rules = [ruleForAll(requirementsOf(settings, clock))] as const;
  const { providers } = settings;
  for (const { config: { name } } of providers) meter.addProvider(name);
  const authentication = makeProviders(settings, rules, deps);
  const cache = new TokenCache(timed(authentication.choose, deps), {
    size: config.token.tokenCacheSize,
    ttlMs: config.token.tokenCacheTtlSecs * 1000,
    leewaySecs: config.token.leeway,
    keyCooldownMs: Math.min(...providers.map(({ config }) => config.keyCooldownSecs)) * 1000,
    opaque: providers.some(({ config }) => config.introspection !== "off"),
  }, {
    clock,
    onLookup: (hit) => meter.add("tokenCache", hit ? 0 : 1),
  });
  const { prefix } = config.upstream.upstreamUrl;
  const tracing = findTracing();
  const http1 = makeHttp1(settings, connections, clock);
  const upstream = makeUpstream(settings, http1, clock, tracing);
  const webSockets = makeWebSocketRelays({
    sendUpgrade: http1.send,
    idleTimeoutMs: config.upstream.upstreamIdleTimeoutSecs * 1000,
  }, clock);
  const limits = clientLimits(config);
  const transfers = new TransferWatch(limits, clock);
  const handler = makeProxyHandler({
    decide: makeDecide({ rules, authenticate: makeAuthenticator(cache) }),
    upstream,
    webSockets,
    endsAtMs: ({ validUntil }) =>
      config.upstream.websocketMaxTokenAge === "exp" && validUntil !== Infinity
        ? (validUntil + config.token.leeway) * 1000
        : undefined,
    prefix,
    limits,
    transfers,
    accessLog,
    clock,
    log,
    meter,
  });
  return {
    handler: tracedHandler(handler, tracing),
    gauge() {
      meter.set("tokenCacheEntries", cache.size);
      meter.set("upstreamConnections", connections.open);
    },
    webSockets,
    close() {
      upstream.close();
      http1.close();
      transfers.close();
      authentication.close();
    },
  };
}

/** Providers whose work is measured. */
function timed(choose: ChooseProvider, { clock, meter }: ServiceDeps): ChooseProvider {
  return (token) => {
    const chosen = choose(token);
    if (!chosen.ok) return chosen;
    const { authenticate, ...provider } = chosen.value;
    return ok({
      ...provider,
      async authenticate(client) {
        const began = clock.monotonic();
        const verified = await authenticate(client);
        meter.observe("verificationDuration", (clock.monotonic() - began) / 1000);
        return verified;
      },
    });
  };
}

/** Connections to the upstream over HTTP/1.1: for all requests, or over `fetch` for WebSockets alone. */
function makeHttp1(
  { config, upstreamTls = {} }: WorkerSettings,
  connections: ConnectionCount,
  clock: Clock,
): Http1Upstream {
  const { upstreamUrl, upstreamMaxConnections: maxConnections } = config.upstream;
  const connectTimeoutMs = config.upstream.upstreamConnectTimeoutSecs * 1000;
  const headTimeoutMs = headTimeout(config.upstream);
  return makeHttp1Upstream({
    dial: makeDial(upstreamAddress(upstreamUrl), upstreamTls, connectTimeoutMs, clock),
    prefix: upstreamUrl.prefix,
    timeoutMs: config.upstream.upstreamTimeoutSecs * 1000,
    idleTimeoutMs: config.upstream.upstreamIdleTimeoutSecs * 1000,
    headTimeoutMs,
    // For the connection, and again for the handshake on it.
    handshakeTimeoutMs: Math.min(connectTimeoutMs, headTimeoutMs),
    reuse: config.upstream.upstreamReuseConnections,
    maxConnections,
    maxQueued: maxConnections * UPSTREAM_QUEUED_PER_CONNECTION,
    watchClientAfterMs: WATCH_CLIENT_AFTER_MS,
    connections,
  }, clock);
}

/** The way that requests take which ask for no other protocol. */
function makeUpstream(
  { config, upstreamTls }: WorkerSettings,
  http1: Upstream,
  clock: Clock,
  tracing: Tracing | undefined,
): Upstream {
  const { origin, prefix, socketPath } = config.upstream.upstreamUrl;
  if (config.upstream.upstreamTransport === "http1" || socketPath !== undefined) {
    return tracedUpstream(http1, origin, tracing);
  }
  const upstream = makeFetchUpstream({
    origin,
    prefix,
    timeoutMs: config.upstream.upstreamTimeoutSecs * 1000,
    headTimeoutMs: headTimeout(config.upstream),
    reuse: config.upstream.upstreamReuseConnections,
    tls: upstreamTls,
  }, clock);
  return withoutTraceFields(upstream, tracing);
}

/** The longest wait for the head of a response, in milliseconds. */
function headTimeout({ upstreamHeaderTimeoutSecs }: WorkerConfig["upstream"]): number {
  return (upstreamHeaderTimeoutSecs ?? Infinity) * 1000;
}
