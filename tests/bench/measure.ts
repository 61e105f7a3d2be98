/** One measurement: one load on one peer, with what the peer used meanwhile. */
import { fileURLToPath } from "node:url";
import type { BenchCase } from "./cases.ts";
import { type Ending, LOAD_CORE, runPinned } from "./children.ts";
import type { Lab } from "./lab.ts";
import type { Tools } from "./machine.ts";
import type { Options } from "./options.ts";
import { usageOf } from "./procfs.ts";
import type { Sample } from "./summary.ts";
import { type LoadReport, parseWrk } from "./wrk.ts";

/** How long a load may take beyond its length, in milliseconds. */
const LOAD_SLACK_MS = 15_000;

/** Where a load goes. */
export interface Target {
  readonly port: number;
  readonly tlsPort?: number | undefined;
  /** The process whose CPU and memory count; none if absent. */
  readonly pid?: number;
}

/** What a measurement needs besides its case. */
export interface Setting {
  readonly lab: Lab;
  readonly tools: Tools;
  readonly options: Options;
  readonly signal: AbortSignal;
}

/** Loads a target as the case says. Throws when the load itself fails: there is nothing to report. */
export async function measure(
  benchCase: BenchCase,
  target: Target,
  setting: Setting,
): Promise<Omit<Sample, "caseName" | "peer" | "round">> {
  const before = target.pid === undefined ? undefined : await usageOf(target.pid);
  const load = benchCase.load === "echo" ? echoLoad : wrkLoad;
  const report = await load(benchCase, target, setting);
  const after = target.pid === undefined ? undefined : await usageOf(target.pid);
  const { requests, secs } = report;
  return {
    requests,
    perSecond: requests / secs,
    p50Micros: report.p50Micros,
    p99Micros: report.p99Micros,
    unexpected: report.unexpected,
    broken: report.broken,
    cpuMicros: before && after && requests > 0
      ? (after.cpuMicros - before.cpuMicros) / requests
      : undefined,
    pssMb: after?.pssMb,
  };
}

async function wrkLoad(
  { load, path, tls }: BenchCase,
  { port, tlsPort }: Target,
  { lab, tools, options, signal }: Setting,
): Promise<LoadReport> {
  const authority = `127.0.0.1:${tls ? tlsPort : port}`;
  const ending = await runPinned(LOAD_CORE, [
    tools.wrk,
    "--threads=1",
    `--connections=${options.conns}`,
    `--duration=${options.secs}s`,
    "--latency",
    `--script=${lab.scriptFile(load)}`,
    `${tls ? "https" : "http"}://${authority}${path}`,
  ], limitsOf(options, signal));
  const report = parseWrk(ending.stdout, load === "refused" ? "401" : "2xx");
  if (!ending.success || !report.ok) throw failed("wrk", ending);
  return report.value;
}

async function echoLoad(
  { path }: BenchCase,
  { port }: Target,
  { lab, options, signal }: Setting,
): Promise<LoadReport> {
  const ending = await runPinned(
    LOAD_CORE,
    [
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      "--allow-env=BENCH_TOKEN",
      fileURLToPath(new URL("websocket_load.ts", import.meta.url)),
      `ws://127.0.0.1:${port}${path}`,
      String(options.conns),
      String(options.secs),
    ],
    limitsOf(options, signal),
    { BENCH_TOKEN: lab.token },
  );
  if (!ending.success) throw failed("the WebSocket load", ending);
  // Our own program's output.
  return JSON.parse(ending.stdout) as LoadReport;
}

function limitsOf({ secs }: Options, signal: AbortSignal) {
  return { limitMs: secs * 1000 + LOAD_SLACK_MS, signal };
}

function failed(what: string, { stdout, stderr }: Ending): Error {
  return new Error(`${what} failed: ${stderr.trim() || stdout.trim() || "no output"}`);
}
