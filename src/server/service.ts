import { makeAuthenticator } from "../auth/authenticate.ts";
import { makeVerifier } from "../auth/verify.ts";
import type { Config } from "../config/schema.ts";
import type { KeySource } from "../oidc/key_source.ts";
import { KeyStore } from "../oidc/key_store.ts";
import type { AccessLog } from "../ops/access_log.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { makeFetchUpstream } from "../proxy/fetch_upstream.ts";
import { type Handler, makeHandler } from "./handler.ts";

/** What a service needs from outside. */
export interface ServiceParts {
  readonly keySource: KeySource;
  readonly clock: Clock;
  readonly log: Log;
  readonly accessLog: AccessLog | undefined;
}

/** Everything between a listener and the upstream, built once from one set of settings. */
export interface Service {
  readonly handler: Handler;
  /** Closes idle connections; requests that run go on. */
  close(): void;
}

/** Builds the pipeline of one process from its settings. */
export function buildService(config: Config, parts: ServiceParts): Service {
  const { keySource, clock, log, accessLog } = parts;
  const verify = makeVerifier({
    keys: new KeyStore(keySource, clock, config.keyCooldownSecs * 1000),
    policy: {
      audience: config.audience,
      subject: config.subject,
      leewaySecs: config.leeway,
    },
    expectedIssuer: config.issuer ?? config.providerUrl.text,
    secret: config.clientSecret === undefined
      ? undefined
      : new TextEncoder().encode(config.clientSecret),
    clock,
  });
  const { origin, prefix } = config.upstreamUrl;
  const upstream = makeFetchUpstream({
    origin,
    prefix,
    timeoutMs: config.upstreamTimeoutSecs * 1000,
  }, clock);
  const authenticate = makeAuthenticator(verify);
  return {
    handler: makeHandler({ authenticate, upstream, prefix, accessLog, clock, log }),
    close: () => upstream.close(),
  };
}
