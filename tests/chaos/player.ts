/** Plays the schedule of a chaos run, and writes down when everything really happened. */
import { dropConnections, resetStreams, unsignedToken } from "../attacks/support/attackers.ts";
import { pause } from "../support/waiting.ts";
import type { LeewayAt, ProviderName, Span } from "./history.ts";
import type { ChaosProvider } from "./provider.ts";
import type { ChaosProxy } from "./proxy.ts";
import { type ChaosEvent, RESTART_AFTER_MS, RESTART_OUTAGE_MS } from "./schedule.ts";
import { AUDIENCE, LEEWAYS_SECS } from "./tokens.ts";
import { type ChaosUpstream, EVENT_STREAM_MS } from "./upstream.ts";

/** What is played with. */
export interface Stage {
  readonly providers: Readonly<Record<ProviderName, ChaosProvider>>;
  readonly upstream: ChaosUpstream;
  readonly proxy: ChaosProxy;
  readonly now: () => number;
}

/** What happened. */
export interface Played {
  readonly upstreamTroubles: readonly Span[];
  readonly breaks: readonly Span[];
  readonly restarts: readonly Span[];
  readonly leeways: readonly LeewayAt[];
  readonly complaints: readonly string[];
  /** How often each kind of event happened. */
  readonly counts: ReadonlyMap<string, number>;
}

/** How long a killed process may still seem to listen, in milliseconds. */
const DYING_MS = 300;

/** How often it is looked whether somebody listens, in milliseconds. */
const PROBE_MS = 20;

/** Longest time for which nothing may listen after a kill, in milliseconds: the longest pause of 10 s. */
const MOST_DOWN_MS = 12_000;

/** Plays all events at their times, those of one kind of thing one after the other. */
export async function play(events: readonly ChaosEvent[], stage: Stage): Promise<Played> {
  const { providers, upstream, proxy, now } = stage;
  const upstreamTroubles: Span[] = [];
  const breaks: Span[] = [];
  const restarts: Span[] = [];
  const leeways: LeewayAt[] = [{ from: 0, settled: 0, secs: LEEWAYS_SECS[0] }];
  const complaints: string[] = [];
  const counts = new Map<string, number>();
  let settings: Promise<void> = Promise.resolve();
  let down = false;

  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);

  async function run(event: ChaosEvent): Promise<void> {
    await until(event.at);
    switch (event.what) {
      case "rotation":
        count(`rotation: ${event.how}, ${event.of} provider`);
        return await providers[event.of].rotate(event.how);
      case "provider fault":
        count(`${event.of} provider: ${event.how}`);
        await providers[event.of].fail(event.how);
        await until(event.at + event.ms);
        return providers[event.of].recover();
      case "upstream fault":
        count(`upstream: ${event.how}`);
        return await troubleUpstream(event);
      case "worker killed":
        return await killWorkers(1);
      case "both workers killed":
        return await killWorkers(2);
      case "reload":
      case "reload with a mistake":
        settings = settings.then(() => reload(event.what === "reload"));
        return await settings;
      case "restart in an outage":
        return await restart(event.at);
      case "log stalls":
        count("log not read");
        proxy.stallLog(true);
        await until(event.at + event.ms);
        return proxy.stallLog(false);
      case "attack":
        count("attack: unknown kids");
        return await attack(event.at + event.ms);
    }
  }

  async function troubleUpstream(event: ChaosEvent & { what: "upstream fault" }): Promise<void> {
    const from = now();
    if (event.how === "dead") await upstream.die();
    else upstream.treat(event.how);
    await until(event.at + event.ms);
    if (event.how === "dead") await upstream.comeBack();
    else upstream.treat("right");
    // Late responses alone are no reason for anything but waiting.
    if (event.how === "late") return;
    // A stream of events that began meanwhile closes its connection at its own end.
    const to = now() + (event.how === "closing" ? EVENT_STREAM_MS : 0);
    upstreamTroubles.push({ from, to });
  }

  async function killWorkers(most: number): Promise<void> {
    if (down) return;
    const from = now();
    for (const pid of proxy.workers().slice(0, most)) {
      count("worker killed (SIGKILL)");
      Deno.kill(pid, "SIGKILL");
      breaks.push({ from: now(), to: now() });
    }
    // Where that was the last one, nothing listens until a new one does.
    let last: number | undefined;
    while (now() < from + DYING_MS || (last !== undefined && last > now() - DYING_MS)) {
      if (!await listens(proxy.port)) last = now();
      await pause(PROBE_MS);
    }
    if (last === undefined) return;
    count("times without any worker");
    restarts.push({ from, to: last });
    if (last - from > MOST_DOWN_MS) {
      complaints.push(`nothing listened for ${Math.round(last - from)} ms after a kill`);
    }
  }

  async function reload(right: boolean): Promise<void> {
    if (down) return;
    const current = leeways.at(-1)?.secs ?? LEEWAYS_SECS[0];
    const from = now();
    const next = LEEWAYS_SECS.find((secs) => secs !== current) ?? current;
    const outcome = await proxy.reload(right ? next : "wrong");
    count(right ? "reload" : "reload with a mistake");
    if (right) leeways.push({ from, settled: now(), secs: next });
    else await proxy.writeSettings(current);
    if (outcome !== (right ? "reloaded" : "refused")) {
      complaints.push(`a reload at ${Math.round(from)} ms: ${outcome}`);
    }
  }

  /** From another address than the clients': places are shared fairly between addresses. */
  async function attack(end: number): Promise<void> {
    const url = `http://[::1]:${proxy.port}`;
    let made = 0;
    const token = (kid: string) => unsignedToken(providers.first.url, kid, { aud: AUDIENCE });
    const retired = token("retired");
    const attacks = [
      resetStreams(url, () => retired),
      dropConnections(url, () => token(`made up ${++made}`), 20),
    ];
    await until(end);
    await Promise.all(attacks.map((one) => one.stop()));
  }

  /** The first provider refuses, all of the proxy stops and starts again with the keys of its file. */
  async function restart(at: number): Promise<void> {
    count("restart in an outage of the first provider");
    await providers.first.fail("refuses");
    await until(at + RESTART_AFTER_MS);
    await settings;
    down = true;
    const from = now();
    const { code, left } = await proxy.stop();
    if (code !== 0) complaints.push(`the proxy ended with exit code ${code} at its restart`);
    if (left.length > 0) complaints.push(`workers are left after its end: ${left.join()}`);
    await proxy.start();
    const span = { from, to: now() };
    restarts.push(span);
    breaks.push(span);
    down = false;
    await until(at + RESTART_OUTAGE_MS);
    providers.first.recover();
  }

  const until = (ms: number) => pause(Math.max(0, ms - now()));

  await Promise.all(events.map(run));
  return { upstreamTroubles, breaks, restarts, leeways, complaints, counts };
}

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
