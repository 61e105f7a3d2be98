/** What comes out of a run, in one sentence: for the README and for the top of the document. Pure. */
import { withSection } from "../../tools/sections.ts";
import { PEER_TITLES, type ProxyName } from "./cases.ts";
import { micros } from "./format.ts";
import type { Findings } from "./findings.ts";

/** The case that says what a request costs, and the one that says what a new token costs. */
const [SEEN, NEW] = ["warm", "no-cache"] as const;

/** This proxy and the programs that one would pick instead, in their order in the sentence. */
const COMPARED: readonly ProxyName[] = ["proxy", "haproxy", "oauth2-proxy", "apache", "fastify"];

/** Fewer rounds have figures that are too rough for a sentence that many read. */
const LEAST_ROUNDS = 2;

/** Those that the sentence cannot do without. */
const NEEDED: readonly ProxyName[] = ["proxy", "haproxy"];

/**
 * What this proxy and its peers need for a token that was seen before and for a new one, with the
 * conditions of the run; nothing where this proxy or HAProxy was not measured in both cases. A run
 * of one round gives no figures.
 */
export function summary({ rows, machine, options, date }: Findings): string | undefined {
  const figures = (caseName: string) =>
    COMPARED.flatMap((peer) => {
      const row = rows.find((row) => row.benchCase.name === caseName && row.peer === peer);
      if (row?.cpuMicros === undefined) return [];
      const title = peer === "proxy" ? "here" : PEER_TITLES[peer];
      return [{ peer, text: `${micros(row.cpuMicros)} ${title}` }];
    });
  const [seen, fresh] = [figures(SEEN), figures(NEW)];
  const complete = [seen, fresh].every((measured) =>
    NEEDED.every((name) => measured.some(({ peer }) => peer === name))
  );
  if (!complete) return undefined;
  const day = date.toISOString().slice(0, 10);
  if (options.rounds < LEAST_ROUNDS) {
    return `CPU a request was last compared with HAProxy and others in one round, on ${day}: too ` +
      "rough to quote.";
  }
  const list = (measured: typeof seen) => measured.map(({ text }) => text).join(", ");
  return `CPU a request in µs (small GET, ${options.conns} connections, loopback, one core, ` +
    `${machine.processor}, medians of ${options.rounds} rounds, ${day}): ` +
    `with a token seen before ${list(seen)}; with a new one ${list(fresh)}.`;
}

/** The README with the sentence in its place; the text as it was where there is none. */
export function withSummary(readme: string, findings: Findings): string {
  const text = summary(findings);
  if (text === undefined) return readme;
  return withSection(readme, "benchmark", `${text} [More](docs/benchmarks.md).`);
}
