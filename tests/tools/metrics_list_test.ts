import { METRIC_NAMES } from "../../src/ops/metrics.ts";
import { renderMetricsList } from "../../tools/metrics_list.ts";
import { assertEquals, assertIncludes } from "../support/assert.ts";

Deno.test("The list of metrics has an item for every metric.", () => {
  const items = renderMetricsList().split("\n").filter((line) => line.startsWith("- "));
  assertEquals(items.length, METRIC_NAMES.length + 1);
  assertIncludes(
    renderMetricsList(),
    "- `ooproxy_requests_total`: counter by `decision`, `status`\\\n  ",
  );
});
