/** All cases, one after the other; within a case the rounds, within a round the peers. */
import { pause } from "../support/waiting.ts";
import {
  type BenchCase,
  OWN_PROCESSES,
  PEER_TITLES,
  type PeerName,
  type ProxyName,
  SMALL,
  type Variant,
} from "./cases.ts";
import { checkFault, countLines, statusOf, upgradeStatus } from "./checks.ts";
import { micros, number } from "./format.ts";
import type { Lab } from "./lab.ts";
import { measure, type Setting, type Target } from "./measure.ts";
import { type Peer, startEcho, startPeer, startUpstream } from "./peers.ts";
import { type Usage, usageOf } from "./procfs.ts";
import type { Program, Programs } from "./programs.ts";
import type { Sample } from "./summary.ts";

/** What a run has measured. */
export interface Measured {
  readonly samples: readonly Sample[];
  /** Failures besides wrong responses, a sentence each. */
  readonly faults: readonly string[];
  /** Memory of each proxy after all cases. */
  readonly memory: ReadonlyMap<ProxyName, Usage>;
  /** Why a proxy was left out after all that has a program. */
  readonly missing: ReadonlyMap<ProxyName, string>;
}

/** Takes a sentence for the terminal, or for the terminal and the report. */
type Say = (sentence: string) => Promise<void>;

/** Why a proxy is left out that did not start; what it printed stands on the terminal alone. */
const NOT_STARTED = "did not start with the settings of the benchmark";

/** How long a proxy is loaded at most before anything is measured, in seconds: compilers get ready. */
const WARM_UP_SECS = 2;

/** Time for the lines of the warm-up to be written, in milliseconds. */
const LOG_PAUSE_MS = 500;

/** Runs everything; whatever happens, no process is left behind. */
export async function runCases(
  setting: Setting,
  programs: Programs,
  note: Say,
  print: Say,
): Promise<Measured> {
  const { lab, tools, options, signal } = setting;
  await using stack = new AsyncDisposableStack();
  stack.use(await startUpstream(lab, tools, signal));
  const missing = new Map<ProxyName, string>();
  const peers: Standing[] = [];
  for (const [name, program] of programs.found) {
    const peer = await startOrSay(name, program, "standard", setting, print);
    if (peer === undefined) missing.set(name, NOT_STARTED);
    else peers.push({ peer: stack.use(peer), program });
  }
  const samples: Sample[] = [];
  const faults: string[] = [];
  for (const benchCase of options.cases) {
    const measured = await runCase(benchCase, peers, setting, note, print);
    samples.push(...measured.samples);
    faults.push(...measured.faults);
  }
  const memory = new Map<ProxyName, Usage>();
  for (const { peer } of peers) {
    // This proxy comes last: the other build that shares the runtime's pages has ended then.
    memory.set(peer.name, await usageOf(peer.child.pid));
    await peer[Symbol.asyncDispose]();
  }
  return { samples, faults, memory, missing };
}

/** A proxy that serves, and what it was started from. */
interface Standing {
  readonly peer: Peer;
  readonly program: Program;
}

/**
 * Starts a proxy and warms it up; where another than this one does not start, says so and goes on
 * without it.
 */
async function startOrSay(
  name: ProxyName,
  program: Program,
  variant: Variant,
  setting: Setting,
  print: Say,
): Promise<Peer | undefined> {
  const { lab, signal } = setting;
  try {
    await using stack = new AsyncDisposableStack();
    const peer = stack.use(await startPeer(name, program, variant, lab, signal));
    await warmUp(peer, variant, setting);
    stack.move();
    return peer;
  } catch (error) {
    if (name === "proxy" || signal.aborted) throw error;
    await print(`left out: ${error instanceof Error ? error.message : error}\n`);
    return undefined;
  }
}

/** Loads a proxy with small requests and forgets the figures. */
async function warmUp(peer: Peer, variant: Variant, setting: Setting): Promise<void> {
  const secs = Math.min(WARM_UP_SECS, setting.options.secs);
  const options = { ...setting.options, secs };
  const small: BenchCase = { ...SMALL, tls: variant === "tls", variant };
  await measure(small, targetOf(peer), { ...setting, options });
}

/** One case: with a process of its own for each proxy that needs one. */
async function runCase(
  benchCase: BenchCase,
  peers: readonly Standing[],
  setting: Setting,
  note: Say,
  print: Say,
): Promise<Pick<Measured, "samples" | "faults">> {
  const { lab, signal } = setting;
  const { title, variant } = benchCase;
  await using stack = new AsyncDisposableStack();
  const targets = new Map<PeerName, Target>();
  const faults: string[] = [];
  if (variant === "websocket") {
    stack.use(await startEcho(lab, signal));
    targets.set("direct", { port: lab.echoPort });
  }
  const own: Peer[] = [];
  for (const { peer, program } of peers.filter(({ peer }) => benchCase.peers.includes(peer.name))) {
    let serving: Peer | undefined = peer;
    if (OWN_PROCESSES[variant].includes(peer.name)) {
      serving = await startOrSay(peer.name, program, variant, setting, print);
      if (serving !== undefined) own.push(stack.use(serving));
    }
    const fault = serving === undefined ? NOT_STARTED : await faultOf(serving, benchCase, lab);
    if (serving === undefined || fault !== undefined) {
      faults.push(`${title}: ${PEER_TITLES[peer.name]} left out, it ${fault}`);
    } else {
      targets.set(peer.name, targetOf(serving));
    }
  }
  const logs = variant === "access-log" ? await Promise.all(own.map(logOf)) : [];
  const samples = await runRounds(benchCase, targets, setting, print);
  faults.push(...await missingLines(logs, samples, note));
  return { samples, faults };
}

/** What is wrong with a proxy's check of tokens, as the case will use it. */
async function faultOf(
  { port, tlsPort }: Peer,
  { tls, path, load }: BenchCase,
  lab: Lab,
): Promise<string | undefined> {
  if (load === "echo") return await checkFault((token) => upgradeStatus(port, token), lab);
  const url = tls ? `https://127.0.0.1:${tlsPort}${path}` : `http://127.0.0.1:${port}${path}`;
  return await checkFault((token) => statusOf(url, token, lab.authority), lab);
}

/** What a proxy writes its access lines to, with the lines that are there before the first round. */
interface PeerLog {
  readonly name: ProxyName;
  readonly file: string;
  readonly before: number;
}

async function logOf({ name, child }: Peer): Promise<PeerLog> {
  await pause(LOG_PAUSE_MS);
  return { name, file: child.outputFile, before: await countLines(child.outputFile, 0) };
}

/** Whether each log has a line for each response; a sentence for the report either way. */
async function missingLines(
  logs: readonly PeerLog[],
  samples: readonly Sample[],
  note: Say,
): Promise<string[]> {
  const faults: string[] = [];
  for (const { name, file, before } of logs) {
    const responses = samples.filter(({ peer }) => peer === name)
      .reduce((sum, sample) => sum + sample.requests, 0);
    const lines = await countLines(file, before + responses) - before;
    await note(
      `access lines of ${PEER_TITLES[name]}: ${number(responses)} responses counted, ` +
        `${number(lines)} lines written`,
    );
    if (lines < responses) faults.push(`${PEER_TITLES[name]}: fewer access lines than responses`);
  }
  return faults;
}

async function runRounds(
  benchCase: BenchCase,
  targets: ReadonlyMap<PeerName, Target>,
  setting: Setting,
  print: Say,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let round = 1; round <= setting.options.rounds; round++) {
    for (const peer of benchCase.peers) {
      const target = targets.get(peer);
      if (target === undefined) continue;
      const sample = await measure(benchCase, target, setting);
      samples.push({ ...sample, caseName: benchCase.name, peer, round });
      const cpu = sample.cpuMicros === undefined ? "" : `${micros(sample.cpuMicros)} µs, `;
      await print(
        `${benchCase.name} ${round}/${setting.options.rounds} ${PEER_TITLES[peer]}: ` +
          `${cpu}${number(sample.perSecond)} requests/s\n`,
      );
    }
  }
  return samples;
}

function targetOf({ port, tlsPort, child }: Peer): Target {
  return { port, tlsPort, pid: child.pid };
}
