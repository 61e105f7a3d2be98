import { REASONS } from "../../src/failure.ts";
import { Meter, sumMeters, withoutGauges } from "../../src/ops/meter.ts";
import { METRIC_NAMES, metricRow, METRICS, seriesOf } from "../../src/ops/metrics.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";

Deno.test("Names follow Prometheus: a prefix, base units, _total on counters alone.", () => {
  for (const metric of METRIC_NAMES) {
    const { name, type, help } = metricRow(metric);
    assertMatch(name, /^ooproxy_[a-z_]+$/);
    assertEquals(name.endsWith("_total"), type === "counter", name);
    if (type === "histogram") assertMatch(name, /_seconds$/);
    assertMatch(help, /\.$/);
  }
  const names = METRIC_NAMES.map((metric) => metricRow(metric).name);
  assertEquals(new Set(names).size, names.length);
});

Deno.test("Every reason is either a refusal or a failure on the way to the upstream.", () => {
  const refused = METRICS.refusals.labels.reason;
  const failed = METRICS.upstreamFailures.labels.reason;
  assertEquals([...refused, ...failed].sort(), [...REASONS].sort());
  assertEquals(refused.filter((reason) => failed.includes(reason)), []);
});

Deno.test("Series are the combinations of label values, the last label fastest.", () => {
  const series = seriesOf(metricRow("requests"));
  assertEquals(series.length, 15);
  assertEquals(series[1], '{decision="allowed",status="2xx"}');
  assertEquals(series[5], '{decision="refused",status="1xx"}');
});

Deno.test("A request counts by decision and class of status, with its reason and duration.", () => {
  const meter = new Meter();
  meter.countRequest(204, undefined, 0.003);
  meter.countRequest(401, "expired", 0.0001);
  meter.countRequest(502, "upstream_refused", 100);
  meter.countRequest(999, undefined, 0.001);
  const { requests = [], refusals = [], upstreamFailures = [], requestDuration = [] } =
    meter.data().values;
  const value = (metric: "requests" | "refusals" | "upstreamFailures", labels: string) =>
    meter.data().values[metric]?.[seriesOf(metricRow(metric)).indexOf(labels)];
  assertEquals(value("requests", '{decision="allowed",status="2xx"}'), 1);
  assertEquals(value("requests", '{decision="allowed",status="5xx"}'), 1);
  assertEquals(value("requests", '{decision="refused",status="4xx"}'), 1);
  assertEquals(value("requests", '{decision="failed",status="5xx"}'), 1);
  assertEquals(value("refusals", '{reason="expired"}'), 1);
  assertEquals(value("upstreamFailures", '{reason="upstream_refused"}'), 1);
  assertEquals([sum(requests), sum(refusals), sum(upstreamFailures)], [4, 1, 1]);
  // Buckets (an upper bound belongs to its bucket), then those above, then the sum of seconds.
  assertEquals(requestDuration.slice(0, 3), [2, 0, 1]);
  assertEquals(requestDuration.at(-2), 1);
  assert(Math.abs((requestDuration.at(-1) ?? 0) - 100.0041) < 1e-9);
});

Deno.test("Meters are summed value by value, and survive a pipe.", () => {
  const [one, two] = [new Meter(), new Meter()];
  one.add("inFlight", 0, 3);
  two.add("inFlight", 0, -1);
  two.countKeyFetch("main", "ok");
  one.countKeyFetch("main", "timeout");
  one.countDeprecated("other", "secret");
  one.observe("verificationDuration", 0.5);
  const total = sumMeters([one.data(), JSON.parse(JSON.stringify(two.data()))]);
  assertEquals(total.values.inFlight, [2]);
  const fetches = (result: "ok" | "timeout") =>
    total.providers.main?.keyFetches?.[METRICS.keyFetches.labels.result.indexOf(result)];
  assertEquals([fetches("ok"), fetches("timeout")], [1, 1]);
  assertEquals(sum(total.providers.main?.keyFetches ?? []), 2);
  assertEquals(total.providers.other?.deprecatedTokens, [0, 1, 0]);
  assertEquals(sum(total.values.verificationDuration?.slice(0, -1) ?? []), 1);
  assertEquals(sumMeters([]).values.inFlight, [0]);
});

Deno.test("What an ended worker leaves are its counts, not its gauges.", () => {
  const meter = new Meter();
  meter.add("inFlight", 0, 5);
  meter.countRequest(200, undefined, 1);
  const left = withoutGauges(meter.data()).values;
  assertEquals([left.inFlight, sum(left.requests ?? [])], [[0], 1]);
  assertEquals(left.requestDuration, meter.data().values.requestDuration);
});

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
