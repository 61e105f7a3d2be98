import { makeProviderClient } from "../keys/provider_client.ts";
import { LISTENER_GRACE_MS } from "../limits.ts";
import type { MeterData } from "../ops/meter.ts";
import type { ConnectionCount } from "../proxy/upstream.ts";
import type { WebSocketRelays } from "../proxy/websocket/relays.ts";
import { fail, ok, type Result } from "../result.ts";
import type { DrainOutcome, DrainTimes, WorkerSettings } from "../ipc/workers.ts";
import { type Listener, openListener } from "../listen/listener.ts";
import { buildService, type Service, type ServiceDeps } from "../request/service.ts";

/** What a worker needs from outside. */
export type WorkerDeps = Omit<ServiceDeps, "openHttp">;

/** A worker that accepts requests. */
export interface Worker {
  /** The URLs it listens on, with the actual ports. */
  urls(): readonly string[];
  /**
   * Serves with other settings from now on. Listeners whose address and certificate stay are kept, new
   * ones open before old ones go; running requests end as they began. On failure nothing has changed.
   *
   * @param using where keys come from and where requests are logged from now on.
   */
  reload(
    settings: WorkerSettings,
    using: Pick<ServiceDeps, "keySources" | "accessLog">,
  ): Result<void, string>;
  /** Counters so far, and gauges as of now. */
  count(): MeterData;
  /** Stops accepting, lets running requests finish for a while, then aborts the rest. */
  drain(times: DrainTimes): Promise<DrainOutcome>;
}

/**
 * Starts to serve: builds the pipeline, opens the listeners.
 *
 * Fails with one line for the operator when an address cannot be used.
 */
export function startWorker(settings: WorkerSettings, deps: WorkerDeps): Result<Worker, string> {
  const serviceDeps = { ...deps, openHttp: makeProviderClient };
  let service: Service;
  const connections: ConnectionCount = { open: 0, opening: 0 };
  let listeners: ReadonlyMap<string, Listener> = new Map();
  /** Listeners that close once their requests have ended. */
  const leaving = new Set<Listener>();
  /** WebSockets that outlived a reload, without the rest of the services they began with. */
  const earlier = new Set<WebSocketRelays>();
  const owner = { handler: () => service.handler, clock: deps.clock, log: deps.log };

  /** Opens the listeners that are missing; open ones are kept. */
  function open(wanted: WorkerSettings): Result<ReadonlyMap<string, Listener>, string> {
    const opened = new Map<string, Listener>();
    for (const { address, identity } of listens(wanted)) {
      const name = JSON.stringify([address, identity?.certPem, identity?.keyPem]);
      const kept = listeners.get(name);
      const listener = kept === undefined ? openListener(address, identity, owner) : ok(kept);
      if (!listener.ok) {
        for (const [name, listener] of opened) if (!listeners.has(name)) listener.abort();
        return listener;
      }
      opened.set(name, listener.value);
    }
    return ok(opened);
  }

  function reload(
    wanted: WorkerSettings,
    using: Pick<ServiceDeps, "keySources" | "accessLog">,
  ): Result<void, string> {
    const opened = open(wanted);
    if (!opened.ok) return fail(opened.failure);
    const before = { service, listeners };
    service = buildService(wanted, { ...serviceDeps, ...using }, connections);
    listeners = opened.value;
    for (const [name, listener] of before.listeners) {
      if (!listeners.has(name)) leave(listener);
    }
    before.service.close();
    for (const webSockets of earlier) if (webSockets.open === 0) earlier.delete(webSockets);
    // Even with none open: one may be about to, in a request that runs.
    earlier.add(before.service.webSockets);
    return ok(undefined);
  }

  function leave(listener: Listener): void {
    leaving.add(listener);
    listener.retire();
    deps.clock.after(LISTENER_GRACE_MS, async () => {
      await listener.shutdown();
      leaving.delete(listener);
    });
  }

  async function drain({ delayMs, timeoutMs }: DrainTimes): Promise<DrainOutcome> {
    const all = [...listeners.values(), ...leaving];
    all.forEach((listener) => listener.retire());
    if (delayMs > 0) await new Promise<void>((done) => deps.clock.after(delayMs, done));
    const webSockets = [service.webSockets, ...earlier];
    const finished = Promise.all(webSockets.map((relays) => relays.closeAll())).then(() =>
      Promise.all(all.map((listener) => listener.shutdown()))
    );
    const late = Promise.withResolvers<"late">();
    const cancel = deps.clock.after(timeoutMs, () => late.resolve("late"));
    const outcome = await Promise.race([finished, late.promise]);
    cancel();
    if (outcome === "late") all.forEach((listener) => listener.abort());
    service.close();
    return outcome === "late" ? "aborted" : "finished";
  }

  service = buildService(settings, serviceDeps, connections);
  const opened = open(settings);
  if (!opened.ok) {
    service.close();
    return opened;
  }
  listeners = opened.value;
  const urls = () => [...listeners.values()].map((listener) => listener.url);
  const count = () => {
    service.gauge();
    return deps.meter.data();
  };
  return ok({ urls, reload, count, drain });
}

function listens({ config, identity }: WorkerSettings) {
  const { listenUrl, listenSslUrl } = config.listen;
  return [
    ...(listenUrl === undefined ? [] : [{ address: listenUrl, identity: undefined }]),
    ...(listenSslUrl === undefined || identity === undefined
      ? []
      : [{ address: listenSslUrl, identity }]),
  ];
}
