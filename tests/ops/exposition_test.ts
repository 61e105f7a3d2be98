import { renderMetrics } from "../../src/ops/exposition.ts";
import { Meter } from "../../src/ops/meter.ts";
import { METRIC_NAMES, metricRow } from "../../src/ops/metrics.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";

const BUILD = { version: "1.2.3", deno: '2"\\' };

function render(fill: (meter: Meter) => void = () => {}): string {
  const [meter, service] = [new Meter(), new Meter()];
  for (const one of [meter, service]) one.addProvider("main");
  fill(meter);
  return renderMetrics({ workers: meter.data(), service: service.data(), build: BUILD });
}

Deno.test("Every metric has its help, its type and its series from the start.", () => {
  const text = render();
  for (const metric of METRIC_NAMES) {
    const { name, type } = metricRow(metric);
    assertIncludes(text, `# HELP ${name} `);
    assertIncludes(text, `# TYPE ${name} ${type}\n`);
  }
  assert(text.endsWith('ooproxy_build_info{version="1.2.3",deno="2\\"\\\\"} 1\n'));
  for (const line of text.trimEnd().split("\n")) {
    assert(/^(# (HELP|TYPE) |[a-z_]+(\{[^}]*\})? [-0-9.e+]+$)/.test(line), line);
  }
});

Deno.test("Buckets of a histogram add up to its count.", () => {
  const text = render((meter) => {
    for (const secs of [0.0001, 0.004, 0.004, 1000]) meter.observe("requestDuration", secs);
  });
  const value = (series: string) =>
    text.split("\n").find((line) => line.startsWith(`ooproxy_request_duration_seconds${series} `))
      ?.split(" ").at(-1);
  assertEquals(value('_bucket{le="0.001"}'), "1");
  assertEquals(value('_bucket{le="0.005"}'), "3");
  assertEquals(value('_bucket{le="60"}'), "3");
  assertEquals(value('_bucket{le="+Inf"}'), "4");
  assertEquals([value("_count"), value("_sum")], ["4", "1000.0081"]);
});

Deno.test("A gauge without a value is left out.", () => {
  const meter = new Meter();
  meter.set("certificateExpiry", undefined);
  meter.set("keyAge", undefined, "one");
  meter.set("keyAge", 7, "two");
  const text = renderMetrics({ workers: meter.data(), service: meter.data(), build: BUILD });
  assertExcludes(text, "ooproxy_certificate_expiry");
  assertExcludes(text, 'ooproxy_keys_age_seconds{provider="one"}');
  assertIncludes(text, 'ooproxy_keys_age_seconds{provider="two"} 7\n');
});

Deno.test("What workers count comes from the workers, the rest from the service, and what both count is summed.", () => {
  const [workers, service] = [new Meter(), new Meter()];
  workers.add("inFlight", 0, 7);
  workers.set("workers", 99);
  service.add("inFlight", 0, 99);
  service.set("workers", 2);
  const text = renderMetrics({
    workers: workers.data(),
    service: service.data(),
    build: BUILD,
  });
  assertIncludes(text, "\nooproxy_requests_in_flight 7\n");
  assertIncludes(text, "\nooproxy_workers 2\n");
  workers.add("logLinesDropped", 0, 30);
  service.add("logLinesDropped", 0, 4);
  const sum = renderMetrics({
    workers: workers.data(),
    service: service.data(),
    build: BUILD,
  });
  assertIncludes(sum, "\nooproxy_log_lines_dropped_total 34\n");
});
