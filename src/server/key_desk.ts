import type { Config } from "../config/schema.ts";
import type { Fetcher } from "../oidc/fetch_json.ts";
import type { KeySnapshot, KeySource, NoKeys } from "../oidc/key_source.ts";
import { ProviderKeys, type ProviderOptions, type RestoredKeys } from "../oidc/provider_keys.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import type { Meter } from "../ops/metrics.ts";
import type { Result } from "../result.ts";
import { type ClockWatch, watchClock } from "./clock_watch.ts";

/** What the desk needs from outside. */
export interface KeyDeskParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  readonly fetcher: Fetcher;
  /** Told of the keys at hand after every fetch, and when there are none any more. */
  readonly onKeys?: (keys: KeySnapshot | undefined) => void;
  /** Keys of an earlier run with the provider of these settings, where there are any. */
  readonly restore?: (config: Config) => RestoredKeys | undefined;
  /** Told of the keys after every successful fetch. */
  readonly onFetched?: (keys: KeySnapshot, config: Config) => void;
}

/** Whether keys can be had. */
export type KeyState = "usable" | "not needed yet" | "unavailable";

/**
 * The one place of a machine where the provider is asked for keys, whatever the number of workers. It
 * keeps the keys over a reload as long as the settings name the same provider.
 */
export class KeyDesk implements KeySource {
  readonly #parts: KeyDeskParts;
  /** The settings that hold now, and what of them is about the provider. */
  #config: Config | undefined;
  #options = "";
  #provider: ProviderKeys | undefined;
  #clockWatch: ClockWatch | undefined;
  #asked = false;

  constructor(parts: KeyDeskParts) {
    this.#parts = parts;
  }

  /** Asks the provider of these settings from now on. */
  configure(config: Config): void {
    this.#config = config;
    const options = providerOptions(config);
    const text = JSON.stringify(options);
    if (text === this.#options) return;
    this.#options = text;
    this.#provider?.close();
    this.#asked = false;
    const { clock, log, meter, fetcher, onKeys, restore, onFetched } = this.#parts;
    const clockWatch = watchClock(log);
    this.#clockWatch = clockWatch;
    this.#provider = new ProviderKeys(options, {
      clock,
      log,
      fetcher,
      restored: restore?.(config),
      onFetched: (keys, skewSecs) => {
        clockWatch.take(skewSecs);
        onFetched?.(keys, this.#config ?? config);
      },
      onDropped: () => onKeys?.(undefined),
      onAttempt: (result, keys) => {
        this.#asked = true;
        meter.countKeyFetch(result);
        if (keys !== undefined) onKeys?.(keys);
      },
    });
  }

  /** How far the provider's clock is ahead of ours at least, in seconds, where it has been seen. */
  get clockSkewSecs(): number | undefined {
    return this.#clockWatch?.skewSecs;
  }

  current(): KeySnapshot | undefined {
    return this.#provider?.current();
  }

  since(sinceMs: number): Promise<Result<KeySnapshot, NoKeys>> {
    if (this.#provider === undefined) throw new Error("the key desk has no provider");
    return this.#provider.since(sinceMs);
  }

  newest(): Promise<Result<KeySnapshot, NoKeys>> {
    if (this.#provider === undefined) throw new Error("the key desk has no provider");
    return this.#provider.newest();
  }

  state(): KeyState {
    if (this.current() !== undefined) return "usable";
    return this.#asked ? "unavailable" : "not needed yet";
  }

  close(): void {
    this.#provider?.close();
  }
}

/** What the settings say about the provider. */
export function providerOptions(config: Config): ProviderOptions {
  return {
    providerUrl: config.providerUrl.base,
    issuer: config.issuer,
    expectedIssuer: config.issuer ?? config.providerUrl.text,
    jwksUri: config.jwksUri,
    cooldownMs: config.keyCooldownSecs * 1000,
    expiryMs: config.keyExpirySecs && config.keyExpirySecs * 1000,
    staleMs: config.keyStaleSecs * 1000,
    keysOptional: config.clientSecret !== undefined,
  };
}
