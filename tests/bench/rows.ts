/** Measurements for the tests of everything behind the measuring. */
import { CASES } from "./cases.ts";
import { type Row, type Sample, summarise } from "./summary.ts";

/** A sample of the warm case with some of its numbers replaced. */
export function sample(overrides: Partial<Sample> = {}): Sample {
  return {
    caseName: "warm",
    peer: "proxy",
    round: 1,
    cpuMicros: 20,
    perSecond: 50_000,
    p50Micros: 1200,
    p99Micros: 3400,
    pssMb: 90,
    requests: 100_000,
    unexpected: 0,
    broken: 0,
    ...overrides,
  };
}

/** Rows as a whole run would give them: two cases with HAProxy and one without. */
export function exampleRows(overrides: Partial<Sample> = {}): Row[] {
  return summarise([
    sample({ peer: "haproxy", cpuMicros: 40, pssMb: 16 }),
    sample({ peer: "naive", cpuMicros: 250 }),
    sample(overrides),
    sample({ caseName: "tls", peer: "haproxy", cpuMicros: 50 }),
    sample({ caseName: "tls", cpuMicros: 60 }),
    sample({ caseName: "websocket", peer: "direct", cpuMicros: undefined, pssMb: undefined }),
    sample({ caseName: "websocket", cpuMicros: 9 }),
  ], CASES);
}
