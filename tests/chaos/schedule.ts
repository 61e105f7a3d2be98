/** What happens when in a chaos run: pure, and the same for the same seed and length. */
import { type ProviderName, PROVIDERS, type Treatment } from "./history.ts";
import { makeRandom, type Random } from "./random.ts";

/** How a provider changes its keys. */
export type Rotation = "overlap" | "swap" | "growth" | "same kid";

/** How a provider fails. */
export type ProviderFault =
  | "refuses"
  | "hangs"
  | "drips"
  | "status 500"
  | "status 404"
  | "HTML"
  | "broken JSON"
  | "redirect"
  | "big body"
  | "key set alone hangs";

/** Something that happens. Times are milliseconds since the beginning. */
export type ChaosEvent =
  | {
    readonly at: number;
    readonly what: "rotation";
    readonly of: ProviderName;
    readonly how: Rotation;
  }
  | {
    readonly at: number;
    readonly what: "provider fault";
    readonly of: ProviderName;
    readonly how: ProviderFault;
    readonly ms: number;
  }
  | {
    readonly at: number;
    readonly what: "upstream fault";
    readonly how: Exclude<Treatment, "right"> | "dead";
    readonly ms: number;
  }
  | { readonly at: number; readonly what: "worker killed" | "both workers killed" }
  | { readonly at: number; readonly what: "reload" | "reload with a mistake" }
  /** Of the first provider; the second is healthy. */
  | { readonly at: number; readonly what: "restart in an outage" }
  /** Nothing reads the log. */
  | { readonly at: number; readonly what: "log stalls"; readonly ms: number }
  /** Another address sends tokens with unknown `kid`s and leaves, as fast as it can. */
  | { readonly at: number; readonly what: "attack"; readonly ms: number };

/** The beginning, in which the first keys are fetched and everybody calls. */
const CALM_BEGINNING_MS = 3_000;

/** The end, in which all has to be well again. */
export const CALM_END_MS = 6_000;

/** From the beginning of the outage with the restart to its end. */
export const RESTART_OUTAGE_MS = 8_000;

/** From the end of that outage to the first provider's next fault. */
const AFTER_OUTAGE_MS = 3_000;

/** How far into that outage the restart begins. */
export const RESTART_AFTER_MS = 1_000;

const ROTATIONS: readonly (readonly [Rotation, number])[] = [
  ["overlap", 4],
  ["swap", 3],
  ["growth", 1],
  ["same kid", 1],
];

const PROVIDER_FAULTS: readonly [ProviderFault, ...ProviderFault[]] = [
  "refuses",
  "hangs",
  "drips",
  "status 500",
  "status 404",
  "HTML",
  "broken JSON",
  "redirect",
  "big body",
  "key set alone hangs",
];

const UPSTREAM_FAULTS = [
  "dead",
  "late",
  "hang",
  "truncate",
  "garbage",
  "closing",
  "drop",
] as const;

/** Makes the schedule of a run of so many seconds of load. */
export function makeSchedule(seed: number, secs: number): ChaosEvent[] {
  const random = makeRandom(seed);
  const end = secs * 1000 - CALM_END_MS;
  // The outage in which all is started again; nothing else happens to provider or processes then.
  const restartAt = Math.round(end * (0.45 + random.next() * 0.2));
  const outage = { from: restartAt, to: restartAt + RESTART_OUTAGE_MS };
  const free = ({ at, ms = 0 }: { at: number; ms?: number }) =>
    at + ms < outage.from || at > outage.to;
  const events = [
    ...PROVIDERS.flatMap((of) => rotations(random, of, end)).filter(free),
    // Until the outage the second provider fails, with the first healthy; then it is the other way round.
    ...providerFaults(random, "second", CALM_BEGINNING_MS + 2_000, outage.from).filter(free),
    ...providerFaults(random, "first", outage.to + AFTER_OUTAGE_MS, end).filter(free),
    ...upstreamEvents(random, end),
    ...processEvents(random, end).filter(free),
    ...attackEvents(random, end).filter(free),
  ];
  const restarts = restartAt > CALM_BEGINNING_MS && outage.to < end;
  if (restarts) events.push({ at: restartAt, what: "restart in an outage" });
  return events.toSorted((a, b) => a.at - b.at);
}

/** Rotations at any time, also in the middle of a fault. */
function rotations(random: Random, of: ProviderName, end: number): ChaosEvent[] {
  const events: ChaosEvent[] = [];
  for (let at = CALM_BEGINNING_MS; at < end; at += random.between(2_000, 6_000)) {
    events.push({ at, what: "rotation", of, how: random.weighed(ROTATIONS) });
  }
  return events;
}

/** Faults one after the other. */
function providerFaults(
  random: Random,
  of: ProviderName,
  from: number,
  end: number,
): ChaosEvent[] {
  const events: ChaosEvent[] = [];
  const faults = shuffled(random, PROVIDER_FAULTS);
  let at = from;
  for (let n = 0; at < end; n++) {
    const ms = random.between(700, 4_500);
    const how = faults[n % faults.length] ?? "refuses";
    events.push({ at, what: "provider fault", of, how, ms: Math.min(ms, end - at) });
    at += ms + random.between(1_500, 6_000);
  }
  return events;
}

function upstreamEvents(random: Random, end: number): ChaosEvent[] {
  const events: ChaosEvent[] = [];
  const faults = shuffled(random, UPSTREAM_FAULTS);
  let at = CALM_BEGINNING_MS;
  for (let n = 0; at < end; n++) {
    const ms = random.between(500, 3_000);
    const how = faults[n % faults.length] ?? "dead";
    events.push({ at, what: "upstream fault", how, ms: Math.min(ms, end - at) });
    at += ms + random.between(1_500, 5_000);
  }
  return events;
}

function processEvents(random: Random, end: number): ChaosEvent[] {
  const events: ChaosEvent[] = [];
  for (let at = CALM_BEGINNING_MS; at < end; at += random.between(5_000, 13_000)) {
    const what = random.next() < 0.15 ? "both workers killed" : "worker killed";
    events.push({ at, what });
  }
  for (let at = CALM_BEGINNING_MS + 1_000; at < end; at += random.between(4_000, 9_000)) {
    const what = random.next() < 0.2 ? "reload with a mistake" : "reload";
    events.push({ at, what });
  }
  return events;
}

function attackEvents(random: Random, end: number): ChaosEvent[] {
  const events: ChaosEvent[] = [];
  for (const what of ["attack", "log stalls"] as const) {
    let at = CALM_BEGINNING_MS + random.between(0, 4_000);
    while (at < end) {
      const ms = random.between(1_000, 4_000);
      events.push({ at, what, ms: Math.min(ms, end - at) });
      at += ms + random.between(8_000, 16_000);
    }
  }
  return events;
}

/** All of them in another order, so that a short run meets different ones under different seeds. */
function shuffled<T>(random: Random, all: readonly T[]): T[] {
  return all.map((one) => ({ one, rank: random.next() }))
    .toSorted((a, b) => a.rank - b.rank).map(({ one }) => one);
}
