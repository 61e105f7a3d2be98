/** What the proxy can have known at a time: its keys and its leeway, from what it was given. Pure. */
import { KEY_FETCH_BURST } from "../../src/limits.ts";
import {
  type History,
  type KeysAt,
  overlap,
  type ProviderHistory,
  type ProviderName,
  type Span,
} from "./history.ts";

/**
 * How long news may take to reach all workers, in milliseconds: a pipe and a turn of two event loops,
 * on a machine that has other things to do.
 */
export const SPREAD_MS = 1_500;

/** How far from a fault of the provider a response of it is believed to have arrived, in milliseconds. */
const FAULT_MARGIN_MS = 300;

/** Longest time one attempt to fetch keys lasts, in milliseconds. */
const ATTEMPT_MS = 5_000;

/** Before the first fetch there are no keys. */
const NO_KEYS: KeysAt = { at: 0, keys: [] };

/** What the functions below decide from: whatever happens at another provider is no part of it. */
export type Facts = ProviderHistory & Pick<History, "leeways" | "cooldownMs">;

/** What there is to know of the tokens of one provider. */
export function factsOf({ providers, leeways, cooldownMs }: History, name: ProviderName): Facts {
  return { ...providers[name], leeways, cooldownMs };
}

/** Every key set that may have been in force in a worker at some time of the span. */
export function possiblyInForce(facts: Facts, { from, to }: Span): readonly KeysAt[] {
  const during = facts.given.filter(({ at }) => at > from && at <= to);
  const before: KeysAt[] = [];
  for (const set of facts.given.filter(({ at }) => at <= from).toReversed()) {
    before.push(set);
    if (arrived(facts, set) && set.at + SPREAD_MS <= from) return [...before, ...during];
  }
  return [...before, NO_KEYS, ...during];
}

/** Whether a key set surely reached the proxy: nothing was wrong with the provider around that time. */
export function arrived({ troubles }: ProviderHistory, { at }: KeysAt): boolean {
  const around = { from: at - FAULT_MARGIN_MS, to: at + FAULT_MARGIN_MS };
  return !troubles.some((trouble) => overlap(trouble, around));
}

/** Whether the provider published a key for all of the span. */
export function published({ published: states }: Facts, key: string, { from, to }: Span): boolean {
  const during = states.filter((_state, i) =>
    overlap({ from: states[i]?.at ?? 0, to: states[i + 1]?.at ?? Infinity }, { from, to })
  );
  return during.length > 0 && during.every(({ keys }) => keys.includes(key));
}

/**
 * The times in which the proxy could not be expected to get new keys: an outage of the provider, and
 * after it the back-off. Attempts double their distance, so the last pause that began during an outage
 * is no longer than twice the outage and one cool-down. Outages without a response in between are one.
 */
export function shadows(facts: Facts): readonly Span[] {
  const outages: Span[] = [];
  for (const trouble of facts.troubles.toSorted((a, b) => a.from - b.from)) {
    const last = outages.at(-1);
    const separate = last === undefined ||
      facts.given.some((set) => set.at > last.to && set.at < trouble.from && arrived(facts, set));
    if (separate) outages.push(trouble);
    else outages.splice(-1, 1, { from: last.from, to: Math.max(last.to, trouble.to) });
  }
  return outages.map(({ from, to }) => ({
    from,
    to: to + 2 * (to - from) + facts.cooldownMs + ATTEMPT_MS + SPREAD_MS,
  }));
}

/** Whether a fetch that began so late kept the proxy from asking again at some time of the span. */
export function coolingDown({ given, cooldownMs }: Facts, { from, to }: Span): boolean {
  return given.some(({ at }) => at >= from - cooldownMs - SPREAD_MS && at <= to);
}

/**
 * Whether the fetches that clients may cause may have been used up at some time of the span: as many as
 * may be made at once began within the time in which the bucket fills.
 */
export function fetchesUsedUp({ given, cooldownMs }: Facts, { from, to }: Span): boolean {
  const since = from - KEY_FETCH_BURST * cooldownMs - SPREAD_MS;
  return given.filter(({ at }) => at >= since && at <= to).length >= KEY_FETCH_BURST;
}

/** Every leeway that may have been in force at some time of the span, in seconds. */
export function possibleLeeways({ leeways }: Facts, { from, to }: Span): readonly number[] {
  return leeways.filter((leeway, i) =>
    overlap(
      { from: leeway.from, to: (leeways[i + 1]?.settled ?? Infinity) + SPREAD_MS },
      { from, to },
    )
  ).map(({ secs }) => secs);
}
