import { outcomeOf, type Reason } from "../failure.ts";
import {
  DEPRECATED,
  type Deprecated,
  FAILURE_REASONS,
  FETCH_RESULTS,
  type FetchResult,
  METRIC_NAMES,
  type MetricName,
  metricRow,
  METRICS,
  OUTCOMES,
  REFUSAL_REASONS,
  STATUS_CLASSES,
  width,
} from "./metrics.ts";

/** The values of each metric: one a series; for a histogram one a bucket, one above, and the sum. */
type Values = Readonly<Partial<Record<MetricName, readonly number[]>>>;

/** The values of a meter as plain data, which crosses processes. `NaN` (`null` in JSON) is no value. */
export interface MeterData {
  readonly values: Values;
  /** Those of each provider, by its name. */
  readonly providers: Readonly<Record<string, Values>>;
}

const PER_PROVIDER = METRIC_NAMES.filter((name) => metricRow(name).perProvider);
const PROVIDER_GAUGES = PER_PROVIDER.filter((name) => metricRow(name).type === "gauge");
const OVERALL = METRIC_NAMES.filter((name) => !metricRow(name).perProvider);

type Counts = Partial<Record<MetricName, Float64Array>>;

function countsOf(names: readonly MetricName[]): Counts {
  return Object.fromEntries(
    names.map((name) => [name, new Float64Array(width(metricRow(name)))]),
  );
}

/**
 * Counts. Every series exists from the start and has a fixed place in an array, so counting is one
 * addition and meters are summed by adding arrays. Those of a provider exist from when it is first named.
 */
export class Meter {
  readonly #values: Counts = countsOf(OVERALL);
  readonly #providers = new Map<string, Counts>();

  /** Makes the series of a provider, which then show 0. */
  addProvider(provider: string): void {
    this.#of(provider);
  }

  /** Adds to a counter or a gauge; `series` counts the combinations of label values, last label fastest. */
  add(name: MetricName, series = 0, amount = 1): void {
    const values = this.#values[name];
    if (values !== undefined) values[series] = (values[series] ?? 0) + amount;
  }

  /** The value of a metric without labels. */
  value(name: MetricName): number {
    return this.#values[name]?.[0] ?? 0;
  }

  /** Sets a gauge, of a provider where it is one of those; `undefined` is no value. */
  set(name: MetricName, value: number | undefined, provider?: string): void {
    const values = (provider === undefined ? this.#values : this.#of(provider))[name];
    if (values !== undefined) values[0] = value ?? NaN;
  }

  /** Takes the value from the gauges of all providers but these; what was counted stays. */
  keepGaugesOf(providers: readonly string[]): void {
    for (const provider of this.#providers.keys()) {
      if (providers.includes(provider)) continue;
      for (const name of PROVIDER_GAUGES) this.set(name, undefined, provider);
    }
  }

  #of(provider: string): Counts {
    let counts = this.#providers.get(provider);
    if (counts === undefined) {
      counts = countsOf(PER_PROVIDER);
      this.#providers.set(provider, counts);
    }
    return counts;
  }

  #addOf(provider: string, name: MetricName, series: number): void {
    const values = this.#of(provider)[name];
    if (values !== undefined) values[series] = (values[series] ?? 0) + 1;
  }

  /** Puts one duration, in seconds, into a histogram. */
  observe(
    name: "requestDuration" | "upstreamDuration" | "verificationDuration",
    secs: number,
  ): void {
    const buckets = METRICS[name].buckets;
    let at = 0;
    while (at < buckets.length && secs > (buckets[at] ?? 0)) at++;
    const values = this.#values[name];
    if (values === undefined) return;
    values[at] = (values[at] ?? 0) + 1;
    const sum = buckets.length + 1;
    values[sum] = (values[sum] ?? 0) + secs;
  }

  /** One completed request; `failed` is why there was no whole response of the upstream, if there was none. */
  countRequest(status: number, failed: Reason | undefined, secs: number): void {
    const outcome = outcomeOf(failed);
    const statusClass = Math.min(Math.max(Math.floor(status / 100), 1), STATUS_CLASSES.length) - 1;
    this.add("requests", OUTCOMES.indexOf(outcome) * STATUS_CLASSES.length + statusClass);
    if (failed !== undefined) {
      if (outcome === "refused") this.add("refusals", REFUSAL_REASONS.indexOf(failed));
      else this.add("upstreamFailures", FAILURE_REASONS.indexOf(failed));
    }
    this.observe("requestDuration", secs);
  }

  /** One attempt to fetch a provider's keys. */
  countKeyFetch(provider: string, result: FetchResult): void {
    this.#addOf(provider, "keyFetches", FETCH_RESULTS.indexOf(result));
  }

  /** One request with a token of a provider that is accepted until a date only. */
  countDeprecated(provider: string, what: Deprecated): void {
    this.#addOf(provider, "deprecatedTokens", DEPRECATED.indexOf(what));
  }

  data(): MeterData {
    const plain = (counts: Counts): Values =>
      Object.fromEntries(Object.entries(counts).map(([name, values]) => [name, [...values]]));
    return {
      values: plain(this.#values),
      providers: Object.fromEntries(
        Array.from(this.#providers, ([provider, counts]) => [provider, plain(counts)]),
      ),
    };
  }
}

/** The sum of several meters. */
export function sumMeters(meters: readonly MeterData[]): MeterData {
  const names = new Set(meters.flatMap(({ providers }) => Object.keys(providers)));
  return {
    values: sumOf(OVERALL, meters.map(({ values }) => values)),
    providers: Object.fromEntries([...names].map((provider) => [
      provider,
      sumOf(
        PER_PROVIDER,
        meters.flatMap(({ providers }) =>
          Object.hasOwn(providers, provider) ? providers[provider] ?? [] : []
        ),
      ),
    ])),
  };
}

function sumOf(names: readonly MetricName[], all: readonly Values[]): Values {
  return Object.fromEntries(names.map((name) => {
    const sum = new Array<number>(width(metricRow(name))).fill(0);
    for (const values of all) {
      values[name]?.forEach((value, at) => sum[at] = (sum[at] ?? 0) + value);
    }
    return [name, sum];
  }));
}

/** What remains of a worker's metrics once it has exited: counters and histograms, no gauges. */
export function withoutGauges({ values, providers }: MeterData): MeterData {
  const counted = (all: Values): Values =>
    Object.fromEntries(
      Object.entries(all).map(([name, values]) => [
        name,
        // The names of a meter's values are those of metrics.
        metricRow(name as MetricName).type === "gauge" ? values.map(() => 0) : values,
      ]),
    );
  return {
    values: counted(values),
    providers: Object.fromEntries(
      Object.entries(providers).map(([provider, all]) => [provider, counted(all)]),
    ),
  };
}
