import { type MeterData, sumMeters } from "./meter.ts";
import { METRIC_NAMES, metricRow, seriesOf } from "./metrics.ts";

/** What a scrape shows. */
export interface Scrape {
  /** Sum over all workers. */
  readonly workers: MeterData;
  /** Counted for the service as a whole; gauges without a value are not shown. */
  readonly service: MeterData;
  /** Labels of `ooproxy_build_info`. */
  readonly build: Readonly<Record<string, string>>;
}

/** The metrics in Prometheus text format, version 0.0.4. */
export function renderMetrics({ workers, service, build }: Scrape): string {
  const lines: string[] = [];
  const counted = { worker: workers, service, process: sumMeters([workers, service]) };
  for (const metric of METRIC_NAMES) {
    const row = metricRow(metric);
    const { values, providers } = counted[row.by];
    const samples = row.perProvider
      ? Object.entries(providers).flatMap(([provider, of]) =>
        samplesOf(row.name, seriesOf(row, provider), of[metric] ?? [])
      )
      : row.buckets === undefined
      ? samplesOf(row.name, seriesOf(row), values[metric] ?? [])
      : histogram(row.name, row.buckets, values[metric] ?? []);
    if (samples.length === 0) continue;
    lines.push(`# HELP ${row.name} ${row.help}`, `# TYPE ${row.name} ${row.type}`, ...samples);
  }
  const labels = Object.entries(build).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  lines.push(
    "# HELP ooproxy_build_info What is running, as labels of a constant 1.",
    "# TYPE ooproxy_build_info gauge",
    `ooproxy_build_info{${labels.join(",")}} 1`,
  );
  return `${lines.join("\n")}\n`;
}

function samplesOf(name: string, series: readonly string[], values: readonly number[]): string[] {
  return series.flatMap((labels, at) => {
    const value = values[at] ?? 0;
    return Number.isNaN(value) ? [] : [`${name}${labels} ${value}`];
  });
}

function histogram(
  name: string,
  buckets: readonly number[],
  values: readonly number[],
): string[] {
  let count = 0;
  const lines = buckets.map((bound, at) => {
    count += values[at] ?? 0;
    return `${name}_bucket{le="${bound}"} ${count}`;
  });
  count += values[buckets.length] ?? 0;
  lines.push(
    `${name}_bucket{le="+Inf"} ${count}`,
    `${name}_sum ${values[buckets.length + 1] ?? 0}`,
    `${name}_count ${count}`,
  );
  return lines;
}
