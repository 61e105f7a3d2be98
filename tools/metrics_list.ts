/** The list of metrics in Markdown, from the table of metrics. */
import { METRIC_NAMES, metricRow } from "../src/ops/metrics.ts";

/** What is shown beside the rows of the table: see `renderMetrics`. */
const BUILD_INFO = item(
  "ooproxy_build_info",
  "gauge",
  ["version", "deno"],
  "What is running, as labels of a constant 1.",
);

/** Every metric: name, type and labels, and what it means on the next line. */
export function renderMetricsList(): string {
  const items = METRIC_NAMES.map((metric) => {
    const { name, type, labels, help, perProvider } = metricRow(metric);
    const all = [...(perProvider ? ["provider"] : []), ...Object.keys(labels ?? {})];
    return item(name, type, all, help);
  });
  return [...items, BUILD_INFO].join("\n");
}

function item(name: string, type: string, labels: readonly string[], help: string): string {
  const by = labels.length === 0 ? "" : ` by ${labels.map((label) => `\`${label}\``).join(", ")}`;
  return `- \`${name}\`: ${type}${by}\\\n  ${help}`;
}
