/**
 * The chaos run: real proxy processes between two providers and an upstream that fail in every way, under
 * load; afterwards every response is held against what its client was entitled to.
 *
 * `deno task test:chaos [--seed N] [--secs N]`: the same seed gives the same schedule.
 */
import { runs } from "../e2e/harness.ts";
import { pause } from "../support/waiting.ts";
import { check } from "./checker.ts";
import { type ClientsOptions, sendOne, startClients } from "./clients.ts";
import { type History, type ProviderHistory, PROVIDERS } from "./history.ts";
import { readOptions } from "./options.ts";
import { play } from "./player.ts";
import { type ChaosProvider, startChaosProvider } from "./provider.ts";
import { type ChaosProxy, COOLDOWN_SECS, makeChaosProxy } from "./proxy.ts";
import { describe, tables } from "./report.ts";
import { makeSchedule } from "./schedule.ts";
import { LEEWAYS_SECS, makeMint } from "./tokens.ts";
import { startChaosUpstream } from "./upstream.ts";

/** Clients that keep their connection, and such that open one for each request. */
const KEEP_ALIVE = 28;
const FRESH = 12;

async function chaos(seed: number, secs: number): Promise<number> {
  const schedule = makeSchedule(seed, secs);
  print(`seed ${seed}, ${secs} s of load, ${schedule.length} events in the schedule`);
  const dir = await Deno.makeTempDir({ prefix: "ooproxy_chaos_" });
  const began = performance.now();
  const now = () => performance.now() - began;
  const providers = {
    first: await startChaosProvider("first", now),
    second: await startChaosProvider("second", now),
  };
  const upstream = await startChaosUpstream(now);
  const proxy = makeChaosProxy({
    dir,
    providers,
    upstream: upstream.url,
    expiry: seed % 2 === 0,
  });
  try {
    await proxy.writeSettings(LEEWAYS_SECS[0]);
    await proxy.start();
    const mint = makeMint(providers);
    const options: ClientsOptions = {
      port: proxy.port,
      seed,
      mint,
      now,
      keepAlive: KEEP_ALIVE,
      fresh: FRESH,
    };
    const oneOfEach = (id: string) =>
      Promise.all(
        PROVIDERS.map(async (name) =>
          await sendOne(`${id}-${name}`, await mint.good(name), options)
        ),
      );
    const warm = await oneOfEach("warm");
    const clients = startClients(options);
    const calm = pause(secs * 1000);
    const played = await play(schedule, { providers, upstream, proxy, now });
    await calm;
    await clients.stop();
    const last = await oneOfEach("last");
    const complaints = [...played.complaints, ...await end(proxy), ...unexpected(proxy.log)];
    for (const { id, outcome } of [...warm, ...last]) {
      if (outcome.kind !== "response") complaints.push(`${id}: ${JSON.stringify(outcome)}`);
    }
    await upstream.close();
    const history: History = {
      ...played,
      cooldownMs: COOLDOWN_SECS * 1000,
      providers: { first: historyOf(providers.first), second: historyOf(providers.second) },
      requests: [...warm, ...clients.records, ...last],
      seen: upstream.seen,
      upstreamFaults: upstream.faults,
      complaints,
    };
    const violations = check(history);
    print(tables(history, played.counts, violations));
    if (violations.length === 0) return 0;
    print(describe(violations));
    const file = await Deno.makeTempFile({ prefix: "ooproxy_chaos_", suffix: ".json" });
    await Deno.writeTextFile(file, JSON.stringify({ seed, secs, history, log: proxy.log }));
    print(`again: deno task test:chaos --seed ${seed} --secs ${secs}; all that happened: ${file}`);
    return 1;
  } finally {
    proxy.kill();
    const closed = PROVIDERS.map((name) => providers[name].close());
    await Promise.all([...closed, upstream.close().catch(() => {})]);
    await Deno.remove(dir, { recursive: true });
  }
}

function historyOf({ published, given, troubles }: ChaosProvider): ProviderHistory {
  return { published, given, troubles };
}

/** Ends the proxy, and returns what is wrong with its end. */
async function end(proxy: ChaosProxy): Promise<string[]> {
  const workers = proxy.workers();
  const { code, left } = await proxy.stop();
  const complaints: string[] = [];
  if (workers.length !== 2) complaints.push(`${workers.length} workers at the end`);
  if (code !== 0) complaints.push(`the proxy ended with exit code ${code}`);
  if (left.some(runs)) complaints.push(`workers are left: ${left.join()}`);
  return complaints;
}

/** Lines of the log that show a bug: exceptions that were not caught, workers that ended by themselves. */
function unexpected(log: readonly string[]): string[] {
  return log.filter((line) =>
    /Uncaught|internal error while handling request|worker not responding/.test(line) ||
    (line.includes("worker exited") && !line.includes('"why":"SIGKILL"'))
  );
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) {
  const options = readOptions(Deno.args);
  if (options.ok) Deno.exit(await chaos(options.value.seed, options.value.secs));
  print(options.failure);
  Deno.exit(2);
}
