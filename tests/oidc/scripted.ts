/** A provider without a network, for tests that move the time by hand, and keys that cost nothing. */
import type { Fetcher } from "../../src/oidc/fetch_json.ts";
import {
  ProviderKeys,
  type ProviderKeysDeps,
  type ProviderOptions,
} from "../../src/oidc/provider_keys.ts";
import type { WaitingClient } from "../../src/fair_places.ts";
import { MAX_KEY_WAIT_MS } from "../../src/limits.ts";
import type { KeyNeed } from "../../src/oidc/key_store.ts";
import { publicRow } from "../support/algorithms.ts";
import { CLIENT } from "../support/client.ts";
import { makeGenerations } from "../../src/oidc/key_source.ts";
import { FakeClock } from "../support/clock.ts";
import { MemoryLog } from "../support/log.ts";
import { lookalikeKey } from "../support/tokens.ts";

/** What a request of this client needs that came in just now. */
export function needOf(
  clock: FakeClock,
  kid: string | undefined,
  alg = "RS256",
  client: WaitingClient = CLIENT,
): KeyNeed {
  const deadline = clock.monotonic() + MAX_KEY_WAIT_MS;
  return { alg: publicRow(alg), kid, arrivedAt: clock.now(), deadline, client };
}

/** Where the scripted provider is, and its issuer unless a test changes it. */
export const PROVIDER_URL = "https://id.test/realm";

/** Least time between two fetches of these tests, in milliseconds. */
export const COOLDOWN_MS = 10_000;

/** How long keys of these tests stay in use while the provider fails, in milliseconds. */
export const STALE_MS = 86_400_000;

/** What the scripted provider says now, and what it was asked. */
export interface ScriptedProvider {
  readonly fetcher: Fetcher;
  /** Times of the discovery requests, milliseconds of the clock that never jumps. */
  readonly fetches: readonly number[];
  issuer: unknown;
  keys: readonly unknown[];
  /** Status of every response. */
  status: number;
  /** Makes every request fail like a refused connection. */
  refused: boolean;
  /** Holds all requests back, or lets those go that are held. */
  hold(): void;
  release(): void;
}

/** A source of keys over a scripted provider, with its clock and its log. */
export interface Scene extends Disposable {
  readonly source: ProviderKeys;
  readonly provider: ScriptedProvider;
  readonly clock: FakeClock;
  readonly log: MemoryLog;
}

/** What a scene may be built with beside the usual. */
export interface SceneOptions extends Partial<ProviderOptions> {
  readonly parts?: Omit<Partial<ProviderKeysDeps>, "nextGeneration">;
  readonly clock?: FakeClock;
}

/**
 * Builds a scene; nothing has been fetched in it yet. Disposing closes the source. Pauses after failures
 * have their full length unless `parts` brings another random source.
 */
export function makeScene(
  { parts = {}, clock = new FakeClock(), ...options }: SceneOptions = {},
): Scene {
  const log = new MemoryLog();
  const provider = scriptedProvider(clock);
  const source = new ProviderKeys({
    providerUrl: PROVIDER_URL,
    expectedIssuer: PROVIDER_URL,
    cooldownMs: COOLDOWN_MS,
    expiryMs: undefined,
    staleMs: STALE_MS,
    keysOptional: false,
    ...options,
  }, {
    clock,
    log,
    fetcher: provider.fetcher,
    random: () => 1,
    nextGeneration: makeGenerations(),
    ...parts,
  });
  return { source, provider, clock, log, [Symbol.dispose]: () => source.close() };
}

function scriptedProvider(clock: FakeClock): ScriptedProvider {
  const fetches: number[] = [];
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  const provider = {
    fetches,
    issuer: PROVIDER_URL as unknown,
    keys: [lookalikeKey("one")] as readonly unknown[],
    status: 200,
    refused: false,
    hold: () => void (gate = Promise.withResolvers<void>()),
    release: () => gate.resolve(),
    async fetcher(url: string, init: RequestInit): Promise<Response> {
      const isDiscovery = url.endsWith("/.well-known/openid-configuration");
      if (isDiscovery) fetches.push(clock.monotonic());
      await openOrAborted(gate.promise, init.signal);
      if (provider.refused) throw new TypeError("connection refused");
      const document = isDiscovery
        ? { issuer: provider.issuer, jwks_uri: `${PROVIDER_URL}/jwks` }
        : { keys: provider.keys };
      return Response.json(document, { status: provider.status });
    },
  };
  return provider;
}

function openOrAborted(open: Promise<void>, signal: AbortSignal | null | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason);
    if (signal?.aborted) return abort();
    signal?.addEventListener("abort", abort, { once: true });
    void open.then(resolve);
  });
}
