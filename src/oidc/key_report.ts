import { FOR_ENCRYPTION } from "../jws/public_key.ts";
import type { Log } from "../ops/log.ts";
import type { LogFields } from "../ops/log_record.ts";
import type { KeySnapshot } from "./key_source.ts";
import type { ProviderTrouble } from "./trouble.ts";

/** What is said about keys in the log: each trouble once, and its end. */
export interface KeyReport {
  /** Keys have come. `changed` tells whether they are others than before. */
  fetched(keys: KeySnapshot, changed: boolean, skipped: readonly string[]): void;
  /** None have come. */
  failed(trouble: ProviderTrouble, atHand: boolean): void;
  /** Keys at hand are not used any longer. */
  dropped(ageMs: number): void;
  /** Keys of an earlier run are there; `used` tells whether they are young enough. */
  restored(keys: number, ageMs: number, used: boolean): void;
}

/** Makes a report that writes into this log. */
export function makeKeyReport(log: Log): KeyReport {
  /** The trouble that has been told and is not over. */
  let told = "";
  /** How the latest attempt failed that is over, if it did. */
  let latest: ProviderTrouble | undefined;
  return {
    fetched({ issuer, keys }, changed, skipped) {
      if (told !== "") log.info("the provider answers again");
      told = "";
      latest = undefined;
      if (!changed) {
        log.debug("keys fetched, unchanged", { issuer, keys: keys.length });
        return;
      }
      log.info("keys fetched", { issuer, keys: keys.length, skipped: skipped.length });
      for (const why of skipped) {
        const level = why.endsWith(FOR_ENCRYPTION) ? "debug" : "warn";
        log[level]("a key of the provider is not used", { why });
      }
    },
    failed(trouble, atHand) {
      latest = trouble;
      const text = tell(trouble);
      if (text === told) return;
      told = text;
      if (atHand) {
        log.warn("keys could not be fetched again, those at hand stay in use", fields(trouble));
      } else {
        log.error(
          "no keys: the provider gave none, requests are answered with 503",
          fields(trouble),
        );
      }
    },
    dropped(ageMs) {
      log.error(
        "keys are dropped, requests are answered with 503: the provider has not confirmed them within KEY_STALE_SECS",
        { ageSecs: secs(ageMs), ...(latest === undefined ? {} : fields(latest)) },
      );
    },
    restored(keys, ageMs, used) {
      const known = { keys, ageSecs: secs(ageMs) };
      if (used) log.info("keys of an earlier run are used until the provider answers", known);
      else log.warn("keys of an earlier run are not used, they are past KEY_STALE_SECS", known);
    },
  };
}

/** A trouble as one sentence. */
export function tell({ url, text }: ProviderTrouble): string {
  return `${url} ${text}`;
}

function fields({ url, text, todo }: ProviderTrouble): LogFields {
  return { url, trouble: text, todo };
}

function secs(ms: number): number {
  return Math.round(ms / 1000);
}
