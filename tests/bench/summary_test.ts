import { assertEquals } from "../support/assert.ts";
import { CASES } from "./cases.ts";
import { sample } from "./rows.ts";
import { median, quantile, type Row, type Sample, summarise } from "./summary.ts";

function only(samples: readonly Sample[], peer = "proxy"): Row | undefined {
  return summarise(samples, CASES).find((row) => row.peer === peer);
}

Deno.test("the median is the value in the middle, whatever the order", () => {
  assertEquals(median([9, 1, 5]), 5);
});

Deno.test("the median of an even number is the mean of the two in the middle", () => {
  assertEquals(median([4, 1, 9, 2]), 3);
});

Deno.test("nothing has no median", () => {
  assertEquals(median([]), undefined);
});

Deno.test("a quantile is a value that occurred", () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  assertEquals([0.5, 0.99, 1].map((share) => quantile(values, share)), [51, 100, 100]);
  assertEquals(quantile([], 0.5), 0);
});

Deno.test("the ratio compares within a round before the median is taken", () => {
  const row = only([
    sample({ peer: "haproxy", round: 1, cpuMicros: 40 }),
    sample({ round: 1, cpuMicros: 80 }),
    sample({ peer: "haproxy", round: 2, cpuMicros: 100 }),
    sample({ round: 2, cpuMicros: 40 }),
    sample({ peer: "haproxy", round: 3, cpuMicros: 60 }),
    sample({ round: 3, cpuMicros: 30 }),
  ]);
  assertEquals(row?.ratio, 0.5);
  assertEquals([row?.lowestCpu, row?.cpuMicros, row?.highestCpu], [30, 40, 80]);
});

Deno.test("an aim counts as reached at exactly its share and not above it", () => {
  const reached = (cpuMicros: number) =>
    only([sample({ peer: "haproxy", cpuMicros: 40 }), sample({ cpuMicros })])?.reached;
  assertEquals([reached(26), reached(26.1)], [true, false]);
});

Deno.test("without HAProxy there is neither a ratio nor a verdict", () => {
  const row = only([sample()]);
  assertEquals([row?.ratio, row?.reached], [undefined, undefined]);
});

Deno.test("a case has an aim where HAProxy is measured, and nowhere else", () => {
  for (const { name, aim, peers } of CASES) {
    assertEquals(aim !== undefined, peers.includes("haproxy"), name);
  }
});

Deno.test("other peers have a ratio and no verdict", () => {
  const samples = [
    sample({ peer: "haproxy", cpuMicros: 40 }),
    sample({ peer: "naive", cpuMicros: 10 }),
  ];
  const row = only(samples, "naive");
  assertEquals([row?.ratio, row?.reached], [0.25, undefined]);
});

Deno.test("responses and faults are summed over the rounds", () => {
  const row = only([
    sample({ round: 1, requests: 10, unexpected: 1, broken: 2 }),
    sample({ round: 2, requests: 20, unexpected: 3, broken: 4 }),
  ]);
  assertEquals([row?.requests, row?.unexpected, row?.broken], [30, 4, 6]);
});

Deno.test("rows stand in the order of the cases, and only where something was measured", () => {
  const rows = summarise([sample({ caseName: "tls" }), sample()], CASES);
  assertEquals(rows.map((row) => row.benchCase.name), ["warm", "tls"]);
});
