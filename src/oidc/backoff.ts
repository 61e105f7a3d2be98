import { MAX_FETCH_PAUSE_MS } from "../limits.ts";

/**
 * Time from the start of one key fetch to the earliest start of the next, in milliseconds: the cool-down
 * after a success and after the first failure, doubled with each further failure in a row up to a minute.
 * Up to half of it is taken off at random, so that many proxies do not return to a struggling provider
 * at the same moment. Never below the cool-down.
 *
 * @param failures how many attempts in a row have failed; 0 after a success.
 * @param random gives a number from 0 to 1.
 */
export function backoffMs(failures: number, cooldownMs: number, random: () => number): number {
  const doubled = cooldownMs * 2 ** Math.max(0, failures - 1);
  const longest = Math.max(cooldownMs, Math.min(MAX_FETCH_PAUSE_MS, doubled));
  const shortest = Math.max(cooldownMs, longest / 2);
  return shortest + random() * (longest - shortest);
}

/** The ages at which keys are refreshed or dropped, in milliseconds. */
export interface KeyAges {
  /** Age at which keys are refreshed without a request; `undefined` leaves that to `staleMs`. */
  readonly expiryMs: number | undefined;
  /** Age at which keys that the provider does not confirm are dropped. */
  readonly staleMs: number;
}

/**
 * Age at which keys are refreshed without a request, in milliseconds: their expiry, or half of the time
 * for which they may be used unconfirmed, which leaves the other half for retries.
 */
export function refetchAgeMs({ expiryMs, staleMs }: KeyAges): number {
  return Math.min(expiryMs ?? Infinity, staleMs / 2);
}
