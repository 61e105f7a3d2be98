import type { Config } from "../config/schema.ts";
import type { Fetcher } from "../oidc/fetch_json.ts";
import type { KeySnapshot, KeySource, NoKeys } from "../oidc/key_source.ts";
import { ProviderKeys, type ProviderOptions } from "../oidc/provider_keys.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import type { Meter } from "../ops/metrics.ts";
import type { Result } from "../result.ts";

/** What the desk needs from outside. */
export interface KeyDeskParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  readonly fetcher: Fetcher;
  /** Told of the keys at hand after every fetch. */
  readonly onKeys?: (keys: KeySnapshot) => void;
}

/** Whether keys can be had. */
export type KeyState = "usable" | "not needed yet" | "unavailable";

/**
 * The one place of a machine where the provider is asked for keys, whatever the number of workers. It
 * keeps the keys over a reload as long as the settings name the same provider.
 */
export class KeyDesk implements KeySource {
  readonly #parts: KeyDeskParts;
  #options = "";
  #provider: ProviderKeys | undefined;
  #asked = false;

  constructor(parts: KeyDeskParts) {
    this.#parts = parts;
  }

  /** Asks the provider of these settings from now on. */
  configure(config: Config): void {
    const options = providerOptions(config);
    const text = JSON.stringify(options);
    if (text === this.#options) return;
    this.#options = text;
    this.#provider?.close();
    this.#asked = false;
    const { clock, log, meter, fetcher, onKeys } = this.#parts;
    this.#provider = new ProviderKeys(options, {
      clock,
      log,
      fetcher,
      onAttempt: (result, keys) => {
        this.#asked = true;
        meter.countKeyFetch(result);
        if (keys !== undefined) onKeys?.(keys);
      },
    });
  }

  current(): KeySnapshot | undefined {
    return this.#provider?.current();
  }

  since(sinceMs: number): Promise<Result<KeySnapshot, NoKeys>> {
    if (this.#provider === undefined) throw new Error("the key desk has no provider");
    return this.#provider.since(sinceMs);
  }

  state(): KeyState {
    if (this.current() !== undefined) return "usable";
    return this.#asked ? "unavailable" : "not needed yet";
  }

  close(): void {
    this.#provider?.close();
  }
}

function providerOptions(config: Config): ProviderOptions {
  return {
    providerUrl: config.providerUrl.base,
    expectedIssuer: config.issuer ?? config.providerUrl.text,
    cooldownMs: config.keyCooldownSecs * 1000,
    expiryMs: config.keyExpirySecs && config.keyExpirySecs * 1000,
    keysOptional: config.clientSecret !== undefined,
  };
}
