import {
  type MeterData,
  METRIC_NAMES,
  type MetricName,
  metricRow,
  seriesOf,
  sumMeters,
} from "./metrics.ts";

/** What a scrape shows. */
export interface Scrape {
  /** Sum over all workers. */
  readonly workers: MeterData;
  /** Counted for the service as a whole. */
  readonly service: MeterData;
  /** Gauges that have no value now, such as the expiry of a certificate that is not there. */
  readonly absent: ReadonlySet<MetricName>;
  /** Labels of `ooproxy_build_info`. */
  readonly build: Readonly<Record<string, string>>;
}

/** The metrics in Prometheus text format, version 0.0.4. */
export function renderMetrics({ workers, service, absent, build }: Scrape): string {
  const lines: string[] = [];
  const counted = { worker: workers, service, process: sumMeters([workers, service]) };
  for (const metric of METRIC_NAMES) {
    if (absent.has(metric)) continue;
    const row = metricRow(metric);
    const values = counted[row.by][metric];
    lines.push(`# HELP ${row.name} ${row.help}`, `# TYPE ${row.name} ${row.type}`);
    if (row.buckets === undefined) {
      seriesOf(row).forEach((labels, at) => lines.push(`${row.name}${labels} ${values[at] ?? 0}`));
    } else {
      lines.push(...histogram(row.name, row.buckets, values));
    }
  }
  const labels = Object.entries(build).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  lines.push(
    "# HELP ooproxy_build_info What is running, as labels of a constant 1.",
    "# TYPE ooproxy_build_info gauge",
    `ooproxy_build_info{${labels.join(",")}} 1`,
  );
  return `${lines.join("\n")}\n`;
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
