/** All cases, one after the other; within a case the rounds, within a round the peers. */
import { type BenchCase, PEER_TITLES, type PeerName } from "./cases.ts";
import { countLines, upgradeStatus } from "./checks.ts";
import { micros, number } from "./format.ts";
import { measure, type Setting, type Target } from "./measure.ts";
import {
  haproxyFault,
  knowsCacheSetting,
  type Peer,
  startEcho,
  startPeer,
  startUpstream,
} from "./peers.ts";
import { type Usage, usageOf } from "./procfs.ts";
import type { Sample } from "./summary.ts";

/** What a run has measured. */
export interface Measured {
  readonly samples: readonly Sample[];
  /** Failures besides wrong responses, a sentence each. */
  readonly faults: readonly string[];
  /** This proxy's memory after all cases, the other peers ended. */
  readonly memory: Usage | undefined;
}

/** Takes a sentence for the terminal, or for the terminal and the report. */
type Say = (sentence: string) => Promise<void>;

/** Runs everything; whatever happens, no process is left behind. */
export async function runCases(setting: Setting, note: Say, print: Say): Promise<Measured> {
  const { lab, tools, options, signal } = setting;
  await using stack = new AsyncDisposableStack();
  stack.use(await startUpstream(lab, tools, signal));
  await using others = new AsyncDisposableStack();
  const peers: Peer[] = [];
  for (const name of await usablePeers(setting, note)) {
    const peer = await startPeer(name, "standard", lab, tools, signal);
    (name === "proxy" ? stack : others).use(peer);
    peers.push(peer);
  }
  const samples: Sample[] = [];
  const faults: string[] = [];
  for (const benchCase of options.cases) {
    const measured = await runCase(benchCase, peers, setting, note, print);
    samples.push(...measured.samples);
    faults.push(...measured.faults);
  }
  await others.disposeAsync();
  const proxy = peers.find(({ name }) => name === "proxy");
  return { samples, faults, memory: proxy && await usageOf(proxy.child.pid) };
}

async function usablePeers({ lab, tools, options, signal }: Setting, note: Say) {
  if (tools.haproxy === undefined) return options.peers.filter((name) => name !== "haproxy");
  if (!options.peers.includes("haproxy")) return options.peers;
  const fault = await haproxyFault(lab, tools.haproxy, signal);
  if (fault === undefined) return options.peers;
  await note(`this HAProxy does not take the settings, so there are no ratios: ${fault}`);
  return options.peers.filter((name) => name !== "haproxy");
}

/** One case: with its own set-up of this proxy where it needs one. */
async function runCase(
  benchCase: BenchCase,
  peers: readonly Peer[],
  setting: Setting,
  note: Say,
  print: Say,
): Promise<Omit<Measured, "memory">> {
  const { lab, tools, options, signal } = setting;
  const { name, variant } = benchCase;
  await using stack = new AsyncDisposableStack();
  const targets = new Map<PeerName, Target>(peers.map((peer) => [peer.name, targetOf(peer)]));
  let own: Peer | undefined;
  if (variant !== "standard" && options.peers.includes("proxy")) {
    if (variant === "websocket") {
      stack.use(await startEcho(lab, signal));
      targets.set("direct", { port: lab.ports.echo });
    }
    own = stack.use(await startPeer("proxy", variant, lab, tools, signal));
    targets.set("proxy", targetOf(own));
  }
  if (variant === "no-cache" && !await knowsCacheSetting(lab, signal)) {
    await note(`${name}: TOKEN_CACHE_SIZE is not a setting of this version; run without it`);
  }
  if (own !== undefined && variant === "websocket") {
    const status = await upgradeStatus(own.port, lab.token);
    if (!status.startsWith("HTTP/1.1 101 ")) {
      await note(`${name}: left out, this proxy does not relay WebSockets (${status})`);
      return { samples: [], faults: [] };
    }
  }
  const samples = await runRounds(benchCase, targets, setting, print);
  const faults = own !== undefined && variant === "access-log"
    ? await missingLines(own, samples, note)
    : [];
  return { samples, faults };
}

/** Whether the log has a line for each response of the proxy; a sentence for the report either way. */
async function missingLines(proxy: Peer, samples: readonly Sample[], note: Say): Promise<string[]> {
  const responses = samples.filter(({ peer }) => peer === "proxy")
    .reduce((sum, sample) => sum + sample.requests, 0);
  const lines = await countLines(proxy.child.outputFile, responses);
  await note(`access-log: ${number(responses)} responses counted, ${number(lines)} lines written`);
  return lines < responses ? ["access-log: fewer lines than responses"] : [];
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
