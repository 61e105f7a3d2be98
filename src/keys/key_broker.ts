import type { KeySnapshot, KeySource, NoKeys } from "../oidc/key_source.ts";
import { ProviderKeys } from "../oidc/provider_keys.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import type { Meter } from "../ops/metrics.ts";
import type { Result } from "../result.ts";
import { type ClockSkewMonitor, monitorClockSkew } from "./clock_skew_monitor.ts";
import type { CacheTarget, KeyCache } from "./key_cache.ts";
import { makeProviderClient, type ProviderClient } from "./provider_client.ts";

/** What the settings say about the keys of the provider. */
export interface KeySettings extends CacheTarget {
  /** Authorities in PEM that are trusted for the provider besides those of the system. */
  readonly caCerts: readonly string[];
}

/** What a broker needs from outside. */
export interface KeyBrokerDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  /** Gives the generations of key sets: one counter for all brokers of a process. */
  readonly nextGeneration: () => number;
  /** Keeps keys for the next run; nothing is kept without it. */
  readonly cache?: KeyCache;
}

/** Whether keys can be had. */
export type KeyState = "usable" | "not needed yet" | "unavailable";

/**
 * The one place of a machine where a provider is asked for keys, whatever the number of workers.
 *
 * A broker is made for one provider. A reload that names the same one keeps it, keys included (`serves`,
 * `adopt`); for another provider another broker is made.
 */
export class KeyBroker implements KeySource {
  readonly #keys: ProviderKeys;
  readonly #client: ProviderClient;
  readonly #clockSkew: ClockSkewMonitor;
  readonly #provider: string;
  #cacheFile: string | undefined;
  #asked = false;

  constructor({ provider, caCerts, cacheFile }: KeySettings, deps: KeyBrokerDeps) {
    const { clock, log, meter, nextGeneration, cache } = deps;
    this.#provider = JSON.stringify(provider);
    this.#cacheFile = cacheFile;
    this.#client = makeProviderClient(caCerts);
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
        meter.countKeyFetch(result);
      },
    });
  }

  /** Whether other settings name the same provider, so that its keys stay in use. */
  serves({ provider }: KeySettings): boolean {
    return JSON.stringify(provider) === this.#provider;
  }

  /** Takes over what settings for the same provider say besides: whom to trust, where to keep keys. */
  adopt({ caCerts, cacheFile }: KeySettings): void {
    this.#client.trust(caCerts);
    this.#cacheFile = cacheFile;
  }

  /** How far the provider's clock is ahead of ours at least, in seconds, where it has been seen. */
  get clockSkewSecs(): number | undefined {
    return this.#clockSkew.skewSecs;
  }

  current(): KeySnapshot | undefined {
    return this.#keys.current();
  }

  since(sinceMs: number): Promise<Result<KeySnapshot, NoKeys>> {
    return this.#keys.since(sinceMs);
  }

  newest(): Promise<Result<KeySnapshot, NoKeys>> {
    return this.#keys.newest();
  }

  onChange(listener: () => void): () => void {
    return this.#keys.onChange(listener);
  }

  state(): KeyState {
    if (this.current() !== undefined) return "usable";
    return this.#asked ? "unavailable" : "not needed yet";
  }

  /** Ends a fetch in flight, all waiting and all timers. */
  close(): void {
    this.#keys.close();
    this.#client.close();
  }
}
