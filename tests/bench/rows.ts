/** Measurements for the tests of everything behind the measuring. */
import { CASES, PROXIES } from "./cases.ts";
import type { Findings } from "./findings.ts";
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

/** Rows as a run would give them that left Fastify out: cases with HAProxy and one without. */
export function exampleRows(overrides: Partial<Sample> = {}): Row[] {
  return summarise([
    sample({ peer: "haproxy", cpuMicros: 40, pssMb: 16 }),
    sample({ peer: "oauth2-proxy", cpuMicros: 200 }),
    sample({ peer: "apache", cpuMicros: 80 }),
    sample({ peer: "naive", cpuMicros: 250 }),
    sample(overrides),
    sample({ caseName: "no-cache", peer: "haproxy", cpuMicros: 40 }),
    sample({ caseName: "no-cache", peer: "apache", cpuMicros: 80 }),
    sample({ caseName: "no-cache", cpuMicros: 230 }),
    sample({ caseName: "tls", peer: "haproxy", cpuMicros: 50 }),
    sample({ caseName: "tls", cpuMicros: 60 }),
    sample({ caseName: "websocket", peer: "direct", cpuMicros: undefined, pssMb: undefined }),
    sample({ caseName: "websocket", cpuMicros: 9 }),
  ], CASES);
}

/** What such a run has found out. */
export function findings(overrides: Partial<Findings> = {}): Findings {
  return {
    rows: exampleRows(),
    memory: new Map([
      ["haproxy", { cpuMicros: 0, pssMb: 16, rssMb: 20 }],
      ["proxy", { cpuMicros: 0, pssMb: 95, rssMb: 130 }],
    ]),
    versions: new Map([["haproxy", "HAProxy 2.6"], ["proxy", "ooproxy 2 on Deno 2"]]),
    missing: new Map([["fastify", "not named by `--fastify DIR`"]]),
    notes: ["websocket: left out"],
    faults: [],
    machine: { processor: "A Processor", cores: 2, system: "Linux 6.1", versions: ["nginx 1.22"] },
    options: {
      rounds: 3,
      secs: 4,
      conns: 64,
      cases: CASES,
      peers: PROXIES,
      out: "/somewhere/docs",
    },
    date: new Date("2026-01-02T03:04:05Z"),
    ...overrides,
  };
}
