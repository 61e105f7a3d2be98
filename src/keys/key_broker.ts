import type { KeySnapshot, KeySource, KeyWish, NoKeys } from "../oidc/key_source.ts";
import { ProviderKeys } from "../oidc/provider_keys.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import type { Meter } from "../ops/meter.ts";
import type { Result } from "../result.ts";
import { type ClockSkewMonitor, monitorClockSkew } from "./clock_skew_monitor.ts";
import type { CacheTarget, KeyCache } from "./key_cache.ts";
import { makeProviderClient, type ProviderClient } from "./provider_client.ts";

/** The settings for a provider's keys. */
export interface KeySettings extends CacheTarget {
  /** The provider's name. */
  readonly name: string;
  /** CA certificates in PEM, trusted for the provider besides those of the system. */
  readonly caCerts: readonly string[];
  /** A file with a bearer token for the provider's own host, where it wants one. */
  readonly tokenFile: string | undefined;
}

/** What a broker depends on. */
export interface KeyBrokerDeps {
  readonly clock: Clock;
  /** For what concerns this provider. */
  readonly log: Log;
  readonly meter: Meter;
  /** Gives the generations of key sets; shared by all brokers of a process. */
  readonly nextGeneration: () => number;
  /** Keeps keys for the next run, where there is one. */
  readonly cache?: KeyCache;
}

/** Whether keys are available. */
export type KeyState = "usable" | "not needed yet" | "unavailable";

/**
 * Fetches a provider's keys once for all workers.
 *
 * A broker is made for one provider. A reload with the same provider keeps it, keys included (`serves`,
 * `adopt`); another provider gets another broker.
 */
export class KeyBroker implements KeySource {
  readonly #keys: ProviderKeys;
  readonly #client: ProviderClient;
  readonly #clockSkew: ClockSkewMonitor;
  readonly #provider: string;
  #cacheFile: string | undefined;
  #asked = false;

  constructor({ name, provider, caCerts, tokenFile, cacheFile }: KeySettings, deps: KeyBrokerDeps) {
    const { clock, log, meter, nextGeneration, cache } = deps;
    this.#provider = JSON.stringify([provider, tokenFile]);
    this.#cacheFile = cacheFile;
    this.#client = makeProviderClient(
      caCerts,
      tokenFile === undefined ? undefined : { url: provider.providerUrl, tokenFile },
    );
    this.#clockSkew = monitorClockSkew(log);
    this.#keys = new ProviderKeys(provider, {
      clock,
      log,
      fetcher: this.#client.fetch,
      nextGeneration,
      restored: cache?.restore({ cacheFile, provider }),
      onFetched: (keys, skewSecs) => {
        this.#clockSkew.take(skewSecs);
        cache?.store(keys, { cacheFile: this.#cacheFile, provider });
      },
      onAttempt: (result) => {
        this.#asked = true;
        meter.countKeyFetch(name, result);
      },
    });
  }

  /** Whether settings name the same provider, so that its keys stay in use. */
  serves({ provider, tokenFile }: KeySettings): boolean {
    return JSON.stringify([provider, tokenFile]) === this.#provider;
  }

  /** Applies the other settings for the same provider: trusted CAs, key cache file. */
  adopt({ caCerts, cacheFile }: KeySettings): void {
    this.#client.trust(caCerts);
    this.#cacheFile = cacheFile;
  }

  /** How far the provider's clock is ahead of ours at least, in seconds, where it is known. */
  get clockSkewSecs(): number | undefined {
    return this.#clockSkew.skewSecs;
  }

  current(): KeySnapshot | undefined {
    return this.#keys.current();
  }

  fetch(wish: KeyWish): Promise<Result<KeySnapshot, NoKeys>> {
    return this.#keys.fetch(wish);
  }

  onChange(listener: () => void): () => void {
    return this.#keys.onChange(listener);
  }

  state(): KeyState {
    if (this.current() !== undefined) return "usable";
    return this.#asked ? "unavailable" : "not needed yet";
  }

  /** Aborts a fetch in flight, ends all waits and timers. */
  close(): void {
    this.#keys.close();
    this.#client.close();
  }
}
