import { CheckQueue } from "../auth/check_queue.ts";
import { makeProviderChoice } from "../auth/choose_provider.ts";
import { type Introspection, makeIntrospection } from "../auth/introspect.ts";
import type { ChooseProvider, JwtProvider } from "../auth/provider.ts";
import type { TokenTypeRules } from "../auth/token_type.ts";
import { type ClaimNeeds, makeJwtProvider, type SigningSecret } from "../auth/verify_jwt.ts";
import type { WorkerProviderConfig } from "../config/schema.ts";
import { type Failure, failure } from "../failure.ts";
import type { WaitingClient } from "../fair_places.ts";
import type { WorkerProvider, WorkerSettings } from "../ipc/workers.ts";
import { algorithm, ALGORITHMS } from "../jws/algorithms.ts";
import { readClientKey } from "../jws/client_key.ts";
import { MAX_KEY_WAIT_MS } from "../limits.ts";
import type { ProviderHttp } from "../oidc/fetch_json.ts";
import {
  introspect,
  type IntrospectionClient,
  type IntrospectionEndpoint,
} from "../oidc/introspection.ts";
import type { KeySource, KeySources } from "../oidc/key_source.ts";
import { KeyStore } from "../oidc/key_store.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { fail, ok, type Result } from "../result.ts";
import { claimsNeededBy, refusedByAll } from "../policy/decide.ts";
import { compileRequirement, type Requirement } from "../policy/requirement.ts";
import type { Rule } from "../policy/rule.ts";

/** What the providers of one worker need from outside. */
export interface AuthenticationDeps {
  readonly keySources: KeySources;
  readonly clock: Clock;
  readonly log: Log;
  /** Opens a client for requests to a provider that trusts these CAs (PEM) besides those of the system. */
  readonly openHttp: (caCerts: readonly string[]) => ProviderHttp;
}

/** The providers of one worker. */
export interface Providers {
  readonly choose: ChooseProvider;
  close(): void;
}

/** What each provider's settings require of callers, by its name. */
export function requirementsOf(
  { providers }: WorkerSettings,
  clock: Clock,
): ReadonlyMap<string, Requirement> {
  return new Map(providers.map(({ config }) => [
    config.name,
    compileRequirement({
      audience: config.audience,
      audienceMatch: config.audienceMatch,
      audienceClaim: config.audienceClaim,
      previousAudience: previousAudience(config),
      subject: config.subject,
      subjects: config.subjects,
      clients: config.clients,
      scopes: config.requiredScopes,
      scopesMatch: config.scopesMatch,
      claims: config.requiredClaims,
    }, clock),
  ]));
}

function previousAudience(
  { previousAudience: audience, previousAudienceAcceptUntil: untilMs }: WorkerProviderConfig,
) {
  return audience === undefined || untilMs === undefined ? undefined : { audience, untilMs };
}

/** Builds the providers, and the choice between them. */
export function makeProviders(
  settings: WorkerSettings,
  rules: readonly Rule[],
  deps: AuthenticationDeps,
): Providers {
  const { config, providers } = settings;
  const queue = new CheckQueue(config.token.maxPendingVerifications, deps.clock);
  const jwt: JwtProvider[] = [];
  const opaque: Introspection[] = [];
  for (const provider of providers) {
    const { name, keyCooldownSecs, type, trustDomain, acceptUntil } = provider.config;
    const keys = new KeyStore(sourceOf(name, deps.keySources), deps.clock, keyCooldownSecs * 1000);
    const needs = needsOf(provider, rules);
    jwt.push(makeJwtProvider({
      name,
      issuer: provider.issuer,
      trustDomain: type === "spiffe" ? trustDomain : undefined,
      keys,
      algorithms: algorithmsOf(provider.config),
      secrets: secretsOf(provider.config),
      acceptUntilMs: acceptUntil,
      types: typesOf(provider.config),
      leewaySecs: config.token.leeway,
      needs,
      clock: deps.clock,
      queue,
    }));
    const auth = clientAuthOf(provider.config);
    if (auth === undefined) continue;
    const http = deps.openHttp(provider.caCerts);
    opaque.push(makeIntrospection({
      name,
      prefix: provider.config.tokenPrefix,
      locate: locateEndpoint(provider, keys, deps.clock),
      ask: (token, endpoint) =>
        introspect(token, endpoint, { ...auth, fetcher: http.fetch, clock: deps.clock }),
      cacheMs: provider.config.introspectionCacheSecs * 1000,
      acceptUntilMs: acceptUntil,
      acceptBound: provider.config.acceptBoundTokensAsBearer,
      leewaySecs: config.token.leeway,
      needs,
      clock: deps.clock,
      log: deps.log,
      onClosed: http.close,
    }));
  }
  return {
    choose: makeProviderChoice({ jwt, opaque }),
    close: () => opaque.forEach((provider) => provider.close()),
  };
}

/** As whom the proxy introspects, where it does. */
function clientAuthOf(
  config: WorkerProviderConfig,
): Pick<IntrospectionClient, "clientId" | "auth"> | undefined {
  const { introspection, introspectionAuth: method, introspectionClientId: clientId = "" } = config;
  if (introspection === "off") return undefined;
  const { introspectionClientSecret: secret = "", introspectionKey = "" } = config;
  if (method !== "private_key_jwt") return { clientId, auth: { method, secret } };
  const key = readClientKey(introspectionKey);
  // The setting was read by the same function.
  if (!key.ok) throw new Error("INTROSPECTION_KEY was not checked");
  return { clientId, auth: { method, key: key.value } };
}

/** The endpoint that is set, or the one of the discovery document, which came with the keys. */
function locateEndpoint(
  { config: { introspection }, issuer }: WorkerProvider,
  keys: KeyStore,
  clock: Clock,
): (client: WaitingClient) => Promise<Result<IntrospectionEndpoint, Failure>> {
  return async (client) => {
    if (introspection !== "on") return ok({ url: introspection, issuer });
    const ring = await keys.ring({ client, deadline: clock.monotonic() + MAX_KEY_WAIT_MS });
    if (!ring.ok) return ring;
    const { introspectionEndpoint: url, issuer: named } = ring.value;
    return url === undefined
      ? fail(failure("introspection_unavailable", "discovery names no introspection_endpoint"))
      : ok({ url, issuer: named });
  };
}

function sourceOf(name: string, sources: KeySources): KeySource {
  const source = sources.get(name);
  if (source === undefined) throw new Error(`no keys for the provider ${name}`);
  return source;
}

function needsOf({ config: { name } }: WorkerProvider, rules: readonly Rule[]): ClaimNeeds {
  return {
    kept: claimsNeededBy(rules, name),
    refuse: (claims) => refusedByAll(rules, name, claims),
  };
}

/** Those that are set; else all with public keys, and with a secret those too. SPIFFE has no EdDSA. */
function algorithmsOf({ type, algorithms, clientSecret }: WorkerProviderConfig) {
  const accepted = algorithms ??
    ALGORITHMS.filter(({ keysFrom }) => keysFrom === "key set" || clientSecret !== undefined)
      .map(({ name }) => name);
  const names = new Set(accepted.flatMap(namesOf));
  return type === "spiffe" ? names.difference(new Set(namesOf("EdDSA"))) : names;
}

/** An algorithm by all its names (RFC 9864, section 2.2): where one is accepted the others are. */
function namesOf(name: string): readonly string[] {
  const row = algorithm(name);
  return row?.keysFrom === "key set" ? row.keyAlgs : [name];
}

function secretsOf(config: WorkerProviderConfig): readonly SigningSecret[] {
  const { clientSecret, clientSecretAcceptUntil } = config;
  const { previousClientSecret, previousClientSecretAcceptUntil } = config;
  return [
    { text: clientSecret, acceptUntilMs: clientSecretAcceptUntil },
    { text: previousClientSecret, acceptUntilMs: previousClientSecretAcceptUntil },
  ].flatMap(({ text, acceptUntilMs }) =>
    text === undefined ? [] : [{ bytes: new TextEncoder().encode(text), acceptUntilMs }]
  );
}

function typesOf(config: WorkerProviderConfig): TokenTypeRules {
  return {
    profile: config.tokenProfile,
    acceptIdTokens: config.acceptIdTokensAsAccessTokens,
    acceptBound: config.acceptBoundTokensAsBearer,
    // JWT-SVID, section 2.3.
    ...(config.type === "spiffe" ? { alsoAcceptedTypes: ["JOSE"] } : {}),
  };
}
