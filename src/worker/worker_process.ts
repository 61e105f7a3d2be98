/**
 * The worker role: a process that serves with the settings it gets over the standard input, and
 * drains when its supervisor has exited.
 */
import { ORPHAN_DRAIN_MS } from "../limits.ts";
import { systemClock } from "../ops/clock.ts";
import { ignoreSignals } from "../ops/signals.ts";
import { Meter } from "../ops/meter.ts";
import type { WorkerSettings } from "../ipc/workers.ts";
import { type Logging, startLogging } from "../ops/start_log.ts";
import { type Channel, type FromWorker, openChannel, type ToWorker } from "../ipc/messages.ts";
import { RemoteKeys } from "./remote_keys.ts";
import { startWorker, type Worker } from "./worker.ts";

/** Serves until the supervisor has it drain, or exits. Resolves when all is over. */
export async function runWorkerProcess(): Promise<void> {
  // A terminal's Ctrl-C and a service manager's signals reach the whole group: the supervisor decides.
  ignoreSignals();
  const meter = new Meter();
  let keys: ReadonlyMap<string, RemoteKeys> = new Map();
  let worker: Worker | undefined;
  let logging: Logging | undefined;
  const over = Promise.withResolvers<void>();

  const channel: Channel<FromWorker> = openChannel<FromWorker, ToWorker>(
    Deno.stdin.readable,
    Deno.stdout.writable,
    receive,
  );

  function receive(message: ToWorker): void {
    switch (message.type) {
      case "serve":
        useKeysOf(message.settings);
        for (const [name, remote] of keys) {
          // A provider may have the name of something that objects inherit.
          remote.set(Object.hasOwn(message.keys, name) ? message.keys[name] : undefined);
        }
        return serve(message.id, message.settings);
      case "keys":
        return keys.get(message.provider)?.set(message.keys);
      case "reply":
        return keys.get(message.provider)?.reply(message.id, message.result);
      case "report":
        return channel.send({
          type: "reported",
          id: message.id,
          meter: worker?.count() ?? meter.data(),
        });
      case "drain":
        return void drain(message.times);
    }
  }

  /** Makes the keys of each provider; those that were there under the same name go on. */
  function useKeysOf({ providers }: WorkerSettings): void {
    const before = keys;
    keys = new Map(providers.map(({ config: { name: provider } }) => [
      provider,
      keys.get(provider) ??
        new RemoteKeys((question) => channel.send({ type: "ask", provider, ...question })),
    ]));
    for (const [name, remote] of before) if (!keys.has(name)) remote.close();
  }

  function serve(id: number, settings: WorkerSettings): void {
    logging ??= startLogging(settings.log, { meter, shared: true });
    const using = { keySources: keys, accessLog: logging.accessLog(settings.log) };
    let refused: string | undefined;
    if (worker === undefined) {
      const { log } = logging;
      const started = startWorker(settings, { ...using, clock: systemClock, log, meter });
      if (started.ok) worker = started.value;
      else refused = started.failure;
    } else {
      const reloaded = worker.reload(settings, using);
      if (reloaded.ok) logging.use(settings.log);
      else refused = reloaded.failure;
    }
    if (refused !== undefined) channel.send({ type: "refused", id, text: refused });
    else channel.send({ type: "served", id, urls: worker?.urls() ?? [] });
  }

  let draining = false;
  async function drain(times: { delayMs: number; timeoutMs: number }): Promise<void> {
    draining = true;
    const outcome = await worker?.drain(times) ?? "finished";
    await logging?.end();
    channel.send({ type: "drained", outcome, meter: meter.data() });
    await channel.flushed();
    over.resolve();
  }

  void channel.ended.then(async () => {
    // A supervisor that has got the end of a drain may exit before this process.
    if (!draining) {
      logging?.log.warn("supervisor exited, draining", { pid: Deno.pid });
    }
    await drain({ delayMs: 0, timeoutMs: ORPHAN_DRAIN_MS });
  });
  await over.promise;
}
