import { FOR_ENCRYPTION, NOT_FOR_SVIDS } from "../jws/public_key.ts";
import type { Log } from "../ops/log.ts";
import type { LogFields } from "../ops/log_record.ts";
import type { KeySnapshot } from "./key_source.ts";
import { describe, type KeyFetchError } from "./key_fetch_error.ts";

/** Logs key fetches: each error once, and the recovery from it. */
export interface KeyReport {
  /** A fetch succeeded; `changed` says whether keys or issuer differ from before. */
  fetched(keys: KeySnapshot, changed: boolean, skipped: readonly string[]): void;
  /** A fetch failed; `cached` says whether keys of an earlier fetch are still in use. */
  failed(error: KeyFetchError, cached: boolean): void;
  /** Cached keys have exceeded their age and are no longer used. */
  dropped(ageMs: number): void;
  /** Keys of `KEY_CACHE_FILE` were read; `used` says whether they are fresh enough. */
  loaded(keys: number, ageMs: number, used: boolean): void;
}

/** Makes a report that writes to this log. */
export function makeKeyReport(log: Log): KeyReport {
  /** The error that has been logged and persists. */
  let logged = "";
  /** The error of the latest attempt, if it failed. */
  let latest: KeyFetchError | undefined;
  return {
    fetched({ issuer, keys }, changed, skipped) {
      if (logged !== "") log.info("JWKS fetch succeeded again");
      logged = "";
      latest = undefined;
      if (!changed) {
        log.debug("keys fetched, unchanged", { issuer, keys: keys.length });
        return;
      }
      log.info("keys fetched", { issuer, keys: keys.length, skipped: skipped.length });
      for (const why of skipped) {
        const usual = why.endsWith(FOR_ENCRYPTION) || why.includes(NOT_FOR_SVIDS);
        const level = usual ? "debug" : "warn";
        log[level]("ignoring a key of the provider", { why });
      }
    },
    failed(error, cached) {
      latest = error;
      const text = describe(error);
      if (text === logged) return;
      logged = text;
      if (cached) {
        log.warn("JWKS refresh failed, using cached keys", fields(error));
      } else {
        log.error(
          "JWKS fetch failed, no cached keys, responding 503",
          fields(error),
        );
      }
    },
    dropped(ageMs) {
      log.error(
        "cached JWKS expired, responding 503",
        { ageSecs: secs(ageMs), ...(latest === undefined ? {} : fields(latest)) },
      );
    },
    loaded(keys, ageMs, used) {
      const counts = { keys, ageSecs: secs(ageMs) };
      if (used) log.info("using keys from KEY_CACHE_FILE until the next fetch", counts);
      else log.warn("ignoring keys from KEY_CACHE_FILE, older than KEY_STALE_SECS", counts);
    },
  };
}

function fields({ url, text, hint }: KeyFetchError): LogFields {
  return { url, error: text, hint };
}

function secs(ms: number): number {
  return Math.round(ms / 1000);
}
