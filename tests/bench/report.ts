/** The table and `docs/benchmarks.md`. Pure. */
import { MEMORY_AIM_MB, PEER_TITLES, type ProxyName } from "./cases.ts";
import { micros, millis, number, table, yesNo } from "./format.ts";
import type { Findings } from "./findings.ts";
import { INSTALL_LINE } from "./machine.ts";
import type { Usage } from "./procfs.ts";
import { FASTIFY_INSTALL, OAUTH2_PROXY_INSTALL } from "./programs.ts";
import { summary } from "./readme.ts";
import type { Row } from "./summary.ts";

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

/** What a comparison is made of. */
type Compared = Pick<Findings, "rows" | "memory" | "options">;

/**
 * The table that compares the proxies: a line for each case, a column for each chosen proxy with its
 * CPU and, in parentheses, its share of HAProxy's; a dash where it was not measured.
 */
export function comparisonTable({ rows, memory, options: { peers, cases } }: Compared): string {
  const lines = cases.map(({ name, title }) => [
    title,
    ...peers.map((peer) =>
      comparison(rows.find((row) => row.benchCase.name === name && row.peer === peer))
    ),
  ]);
  const last = ["memory after the run, MB", ...peers.map((peer) => memoryCell(memory.get(peer)))];
  const heads = ["CPU µs a request (of HAProxy)", ...peers.map((peer) => PEER_TITLES[peer])];
  return table(heads, [...lines, last], 1);
}

function comparison(row: Row | undefined): string {
  if (row?.cpuMicros === undefined) return "–";
  const ratio = row.ratio === undefined ? "" : ` (${number(row.ratio, 2)})`;
  return micros(row.cpuMicros) + ratio;
}

function memoryCell(usage: Usage | undefined): string {
  return number(usage?.pssMb, 0);
}

/** How each proxy is held to one process on one core, and what it checks and keeps. */
const SET_UP: Readonly<Record<ProxyName, string>> = {
  haproxy: "`jwt_verify` and claim checks, one thread, no cache of tokens",
  "oauth2-proxy": "`skip_jwt_bearer_tokens`, every path an `api_routes`, `GOMAXPROCS=1`",
  apache: "`AuthType oauth20`, `Require claim`, one process of 128 threads",
  fastify: "`@fastify/http-proxy`, `fast-jwt` with a cache of 10,000 tokens",
  naive: "`Deno.serve`, jose's `jwtVerify` for each request, `fetch`",
  proxy: "`NUM_WORKERS=1`, a cache of 10,000 tokens",
};

/** The table of the proxies: what was run, or why it was not. */
export function peerTable({ versions, missing, options: { peers } }: Findings): string {
  const lines = peers.map((peer) => [
    PEER_TITLES[peer],
    versions.get(peer) ?? `left out: ${missing.get(peer) ?? "unknown why"}`,
    SET_UP[peer],
  ]);
  return table(["Peer", "Version", "Set up"], lines, 3);
}

/** The sentence about this proxy's memory, in Markdown. */
export function memoryLine(memory: Usage | undefined): string {
  if (memory === undefined) return "Memory of this proxy at the end was not measured.";
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

${summary(findings) ?? "This run did not measure what a summary needs."}

![CPU per request of each peer in each case](benchmarks.svg)

Every peer does the same job in front of the same upstream: it takes a bearer token, checks an RS256 signature, \`iss\`, \`aud\` and \`exp\`, and forwards the request. Before each case every peer had to let a good token through and to refuse no token, a bad signature, an \`exp\` that has passed, another issuer and another audience. The ratios mean something; the times belong to the machine.

${comparisonTable(findings)}
A dash: the peer was left out, has no such feature here, or the case is not for it.

${peerTable(findings)}
${memoryLine(memory.get("proxy"))}

${list([...notes, ...faults])}## How to read it

- **CPU µs**: user and system time of the peer's whole process tree for one response, the median of the rounds (for the WebSocket case: for one message there and back). **lowest–highest** are the rounds' extremes.
- **of HAProxy**: the CPU as a share of HAProxy's in the same case and round, the median. Above 1 is more than HAProxy.
- **aim**: what this proxy is meant to stay below; **reached** says whether it did in this run.
- **PSS**: memory of the process tree right after a load, shared pages divided among those who share them; other Deno processes of the run share the runtime's pages. RSS counts these pages in full. The memory after the run is PSS too.
- **wrong**: responses with another status than the case asks for (2xx, and 401 for the refused token; 3xx is not distinguished from 2xx). **broken**: connections that failed, were aborted or took longer than two seconds for a response.
- Caches: this proxy keeps verified tokens, and refused ones for a while; Fastify keeps verified ones. The case with caches off is what each costs where every token is new; the peers without a switch for it run there as in the first case. The first round of the 6,000 tokens verifies each of them once; later rounds find them in the caches.
- A peer whose settings change for a case (caches off, access lines, WebSockets; TLS with oauth2-proxy) has a process of its own for it; the memory after the run is that of the process that ran all the others.

## What was run

- ${
    date.toISOString().slice(0, 10)
  }, ${machine.processor}, ${machine.cores} cores, ${machine.system}; ${
    machine.versions.join(", ")
  }.
- Rounds: ${options.rounds}, each over all peers in turn; ${options.secs} s a measurement; ${options.conns} connections kept open, one wrk thread; all on loopback. Each process served small requests for up to two seconds before it was measured.
- Load and upstream (one nginx process, also the OpenID provider) on core 0, the proxies on core 1: threads that a peer starts beside its first share that core.
- This proxy: \`deno run … main.ts\` with \`NUM_WORKERS=1\`, \`ADMIN_URL=off\`, \`RUST_LOG=error\`; for the access lines \`LOG_FORMAT=json\`, \`RUST_LOG=info\`.
- Access lines go to a file, one a request; HAProxy writes none, so its figure there is the bare job. The plain Deno build has neither access lines nor a TLS listener.
- TLS: the same RSA 2048 certificate for all, HTTP/1.1; handshakes are part of the measurement.
- The settings of the peers stand in [tests/bench/configs.ts](../tests/bench/configs.ts), [tests/bench/commands.ts](../tests/bench/commands.ts), [tests/bench/fastify.mjs](../tests/bench/fastify.mjs) and [tests/bench/naive.ts](../tests/bench/naive.ts).

## All figures

${resultTable(rows)}
## Again

On Debian or Ubuntu, with Go and Node for the peers that need them:

\`\`\`sh
${INSTALL_LINE}
GOBIN=/tmp/bench ${OAUTH2_PROXY_INSTALL}
${FASTIFY_INSTALL.replace("DIR", "/tmp/bench")}
deno task bench --oauth2-proxy /tmp/bench/oauth2-proxy --fastify /tmp/bench
\`\`\`

A peer whose program is missing is left out. \`--help\` lists the options; \`--rounds 1\` takes a third of the time.
`;
}

function list(sentences: readonly string[]): string {
  return sentences.length === 0 ? "" : sentences.map((one) => `- ${one}\n`).join("") + "\n";
}
