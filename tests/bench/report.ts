/** The table and `docs/benchmarks.md`. Pure. */
import { MEMORY_AIM_MB, PEER_TITLES } from "./cases.ts";
import { micros, millis, number, table, yesNo } from "./format.ts";
import { INSTALL_LINE, type Machine } from "./machine.ts";
import type { Options } from "./options.ts";
import type { Usage } from "./procfs.ts";
import type { Row } from "./summary.ts";

/** Everything a run has found out. */
export interface Findings {
  readonly rows: readonly Row[];
  /** This proxy's memory at the very end; absent where it was not measured. */
  readonly memory: Usage | undefined;
  /** What was left out or noticed, a sentence each. */
  readonly notes: readonly string[];
  /** Failures, a sentence each. */
  readonly faults: readonly string[];
  readonly machine: Machine;
  readonly options: Options;
  readonly date: Date;
}

const HEADER = [
  "Case",
  "Peer",
  "CPU µs",
  "lowest–highest",
  "of HAProxy",
  "aim",
  "reached",
  "requests/s",
  "p50 ms",
  "p99 ms",
  "PSS MB",
  "responses",
  "wrong",
  "broken",
];

/** How many columns of the table are words. */
const TEXT_COLUMNS = 2;

/** The table of all rows, in Markdown. */
export function resultTable(rows: readonly Row[]): string {
  return table(HEADER, rows.map(cells), TEXT_COLUMNS);
}

function cells(row: Row): string[] {
  const { benchCase, peer, lowestCpu, highestCpu } = row;
  const aim = peer === "proxy" ? benchCase.aim : undefined;
  return [
    benchCase.title,
    PEER_TITLES[peer],
    micros(row.cpuMicros),
    lowestCpu === undefined ? "–" : `${micros(lowestCpu)}–${micros(highestCpu)}`,
    number(row.ratio, 2),
    aim === undefined ? "–" : `≤ ${number(aim, 2)}`,
    yesNo(row.reached),
    number(row.perSecond),
    millis(row.p50Micros),
    millis(row.p99Micros),
    number(row.pssMb, 1),
    number(row.requests),
    number(row.unexpected),
    number(row.broken),
  ];
}

/** The sentence about memory, in Markdown. */
export function memoryLine(memory: Usage | undefined): string {
  if (memory === undefined) return "Memory at the end was not measured.";
  return `Memory of this proxy after the whole run, one worker, the other peers ended: ` +
    `${number(memory.pssMb, 1)} MB PSS (${number(memory.rssMb, 1)} MB RSS); ` +
    `aim at most ${MEMORY_AIM_MB} MB PSS, reached: ${yesNo(memory.pssMb <= MEMORY_AIM_MB)}.`;
}

/** Rows with responses that should not have come, or connections that failed: one sentence each. */
export function faults(rows: readonly Row[]): string[] {
  return rows.filter((row) => row.unexpected > 0 || row.broken > 0 || row.requests === 0)
    .map((row) =>
      `${PEER_TITLES[row.peer]}, ${row.benchCase.title}: ${number(row.unexpected)} wrong of ` +
      `${number(row.requests)} responses, ${number(row.broken)} broken connections`
    );
}

/** The whole document; `deno fmt` wraps its lines. */
export function document(findings: Findings): string {
  const { rows, memory, notes, faults, machine, options, date } = findings;
  return `<!-- Written by \`deno task bench\`; changes by hand are lost with the next run. -->

# Benchmarks

![CPU per request of each peer in each case](benchmarks.svg)

Every peer does the same job in front of the same upstream: it takes a bearer token, checks an RS256 signature, \`iss\`, \`aud\` and \`exp\`, and forwards the request. The ratios mean something; the times belong to the machine.

${resultTable(rows)}
${memoryLine(memory)}

${list([...notes, ...faults])}## How to read it

- **CPU µs**: user and system time of the peer's whole process tree for one response, the median of the rounds (for the WebSocket case: for one message there and back). **lowest–highest** are the rounds' extremes.
- **of HAProxy**: the CPU as a share of HAProxy's in the same case and round, the median. Above 1 is more than HAProxy.
- **aim**: what this proxy is meant to stay below; **reached** says whether it did in this run.
- **PSS**: memory of the process tree right after a load, shared pages divided among those who share them; other Deno processes of the run share the runtime's pages. RSS counts these pages in full.
- **wrong**: responses with another status than the case asks for (2xx, and 401 for the refused token; 3xx is not distinguished from 2xx). **broken**: connections that failed, were aborted or took longer than two seconds for a response.
- The cases without cache, with access lines and with WebSockets have a process of this proxy of their own; the memory after the whole run is that of the process that ran all the others.
- The first round of the 6,000 tokens verifies each of them once; later rounds find them in the cache.

## What was run

- ${
    date.toISOString().slice(0, 10)
  }, ${machine.processor}, ${machine.cores} cores, ${machine.system}; ${
    machine.versions.join(", ")
  }.
- Rounds: ${options.rounds}, each over all peers in turn; ${options.secs} s a measurement; ${options.conns} connections kept open, one wrk thread; all on loopback.
- Load and upstream (one nginx process, also the OpenID provider) on core 0, the proxies on core 1.
- This proxy: \`deno run … main.ts\` with \`NUM_WORKERS=1\`, \`ADMIN_URL=off\`, \`RUST_LOG=error\`; for the access lines \`LOG_FORMAT=json\`, \`RUST_LOG=info\`, to a file (HAProxy writes none there).
- HAProxy: one thread, \`jwt_verify\` and claim checks, no cache of its own.
- The straightforward build: [tests/bench/naive.ts](../tests/bench/naive.ts), \`Deno.serve\`, jose's \`jwtVerify\` for each request, \`fetch\`. It has no TLS listener and no access log.
- TLS: the same RSA 2048 certificate for both, HTTP/1.1; handshakes are part of the measurement.

Again, on Debian or Ubuntu: \`${INSTALL_LINE}\`, then \`deno task bench\` (\`--help\` lists the options).
`;
}

function list(sentences: readonly string[]): string {
  return sentences.length === 0 ? "" : sentences.map((one) => `- ${one}\n`).join("") + "\n";
}
