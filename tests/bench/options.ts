/** The command line of the benchmark. Pure. */
import { parseArgs } from "node:util";
import { fail, ok, type Result } from "../../src/result.ts";
import { type BenchCase, CASES, PROXIES, type ProxyName } from "./cases.ts";

/** What to run. */
export interface Options {
  readonly rounds: number;
  /** Length of one measurement, in seconds. */
  readonly secs: number;
  /** Connections that are kept open. */
  readonly conns: number;
  readonly cases: readonly BenchCase[];
  readonly peers: readonly ProxyName[];
  /** Directory for `benchmarks.md` and `benchmarks.svg`. */
  readonly out: string;
  /** The program oauth2-proxy, where one is named. */
  readonly oauth2Proxy?: string | undefined;
  /** The directory in which npm has installed Fastify's packages, where one is named. */
  readonly fastify?: string | undefined;
}

/** Three rounds of three seconds: the whole run takes nine to ten minutes. */
export const DEFAULTS = { rounds: 3, secs: 3, conns: 64, out: "docs" };

/** Upper ends, so that a slip of the finger does not run for hours. */
const MOST = { rounds: 50, secs: 60, conns: 1000 };

/** What `--help` prints. */
export const HELP = `deno task bench [options]

  --rounds N   rounds of each case over all peers (default ${DEFAULTS.rounds})
  --secs N     seconds of one measurement (default ${DEFAULTS.secs})
  --conns N    connections kept open (default ${DEFAULTS.conns})
  --cases A,B  of ${CASES.map(({ name }) => name).join(", ")} (default all)
  --peers A,B  of ${PROXIES.join(", ")} (default all)
  --out DIR    where benchmarks.md and benchmarks.svg go (default ${DEFAULTS.out})
  --oauth2-proxy FILE  the program oauth2-proxy; without it that peer is left out
  --fastify DIR        where npm has installed Fastify; without it that peer is left out

One round of one second: --rounds 1 --secs 1. With the directory ${DEFAULTS.out} the sentence in
README.md is written too.
`;

/** Parses the arguments; fails with a sentence for the terminal, or with the help where asked. */
export function parseOptions(args: readonly string[]): Result<Options, string> {
  const split = splitArguments(args);
  if (!split.ok) return split;
  const { values } = split.value;
  if (values.help === true) return fail(HELP);
  const rounds = wholeNumber("rounds", values.rounds);
  if (!rounds.ok) return rounds;
  const secs = wholeNumber("secs", values.secs);
  if (!secs.ok) return secs;
  const conns = wholeNumber("conns", values.conns);
  if (!conns.ok) return conns;
  const cases = chosen("cases", values.cases, CASES.map(({ name }) => name));
  if (!cases.ok) return cases;
  const peers = chosen("peers", values.peers, PROXIES);
  if (!peers.ok) return peers;
  return ok({
    rounds: rounds.value,
    secs: secs.value,
    conns: conns.value,
    cases: CASES.filter(({ name }) => cases.value.includes(name)),
    peers: PROXIES.filter((name) => peers.value.includes(name)),
    out: values.out ?? DEFAULTS.out,
    oauth2Proxy: values["oauth2-proxy"],
    fastify: values.fastify,
  });
}

function splitArguments(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return ok(parseArgs({
      args: [...args],
      options: {
        rounds: text,
        secs: text,
        conns: text,
        cases: text,
        peers: text,
        out: text,
        "oauth2-proxy": text,
        fastify: text,
        help: { type: "boolean" },
      },
    }));
  } catch (error) {
    // Node's parser throws for an unknown option or a missing value; its message names it.
    return fail(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
  }
}

function wholeNumber(name: keyof typeof MOST, text: string | undefined): Result<number, string> {
  if (text === undefined) return ok(DEFAULTS[name]);
  const number = Number(text);
  return Number.isInteger(number) && number >= 1 && number <= MOST[name]
    ? ok(number)
    : fail(`--${name} takes a whole number from 1 to ${MOST[name]}, not ${text}\n`);
}

function chosen(
  name: string,
  text: string | undefined,
  known: readonly string[],
): Result<readonly string[], string> {
  if (text === undefined) return ok(known);
  const names = text.split(",").map((part) => part.trim()).filter((part) => part !== "");
  const unknown = names.filter((part) => !known.includes(part));
  if (unknown.length > 0 || names.length === 0) {
    return fail(`--${name} takes some of ${known.join(", ")}; unknown: ${unknown.join(", ")}\n`);
  }
  return ok(names);
}
