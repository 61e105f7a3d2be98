import { MAX_FETCH_PAUSE_MS } from "../limits.ts";

/**
 * Time from the beginning of one attempt to fetch keys to the earliest beginning of the next, in
 * milliseconds: the cool-down after a success and after the first failure; with each further failure
 * in a row twice as long, up to a minute, of which a random part of up to one half is left out, so that
 * many proxies do not come back to a struggling provider at the same moment. Never below the cool-down.
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

/** The ages at which something happens to keys, in milliseconds. */
export interface KeyAges {
  /** Age at which keys are fetched again by themselves; `undefined` for "only because of `staleMs`". */
  readonly expiryMs: number | undefined;
  /** Age at which keys that the provider does not confirm are dropped. */
  readonly staleMs: number;
}

/**
 * Age at which keys are fetched again by themselves, in milliseconds: their expiry, and half of the time
 * for which they may be used unconfirmed, so that the other half is left for further attempts.
 */
export function refetchAgeMs({ expiryMs, staleMs }: KeyAges): number {
  return Math.min(expiryMs ?? Infinity, staleMs / 2);
}
