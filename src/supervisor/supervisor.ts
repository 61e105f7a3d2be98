import { LISTENER_GRACE_MS, REPORT_INTERVAL_MS } from "../limits.ts";
import type { Meter } from "../ops/meter.ts";
import { type MeterData, sumMeters } from "../ops/meter.ts";
import { fail, ok, type Result } from "../result.ts";
import type { KeySources } from "../oidc/key_source.ts";
import { workerCount, type Workers, type WorkerSettings } from "../ipc/workers.ts";
import { type SlotOptions, WorkerSlot } from "./worker_slot.ts";

/** What the supervisor needs from outside. */
export interface SupervisorOptions extends Pick<SlotOptions, "clock" | "log" | "command" | "env"> {
  /** Where restarts are counted. */
  readonly meter: Meter;
}

/**
 * Starts the workers and keeps them alive. Holds no client connection itself.
 *
 * Resolves when each of them has started or failed to; fails with the reason when none has started.
 *
 * @param keys where the keys that belong to the settings come from; every change is passed on.
 */
export async function startSupervisor(
  settings: WorkerSettings,
  keys: KeySources,
  options: SupervisorOptions,
): Promise<Result<Workers, string>> {
  const slots: WorkerSlot[] = [];
  /** Workers that are no longer wanted and finish their requests. */
  const leaving = new Set<WorkerSlot>();
  let current = { settings, keys };
  let unfollow = follow(keys);
  const retired: MeterData[] = [];
  const started = Promise.withResolvers<Result<void, string>>();
  let ready = 0;
  let failed = 0;

  const slotOptions: SlotOptions = {
    ...options,
    onReady() {
      if (++ready + failed >= slots.length) started.resolve(ok(undefined));
    },
    onEnded(reason) {
      if (ready + ++failed < slots.length) return;
      started.resolve(ready > 0 ? ok(undefined) : fail(reason));
    },
    onRestart: () => options.meter.add("workerRestarts"),
    onRetired: (meter) => void retired.splice(0, retired.length, sumMeters([...retired, meter])),
  };

  function fill(): void {
    const { settings, keys } = current;
    while (slots.length < workerCount(settings.config)) {
      slots.push(new WorkerSlot(settings, keys, slotOptions));
    }
  }

  /** Passes every change of these keys on; the returned function ends that. */
  function follow(sources: KeySources): () => void {
    const ends = Array.from(
      sources,
      ([provider, source]) =>
        source.onChange(() => slots.forEach((slot) => slot.publishKeys(provider, source))),
    );
    return () => ends.forEach((end) => end());
  }

  const all = () => [...slots, ...leaving];

  /** Drains a worker that is no longer wanted; its metrics count until it has exited. */
  async function dismiss(slot: WorkerSlot): Promise<void> {
    leaving.add(slot);
    await slot.drain({
      // Time to ask busy clients to leave.
      delayMs: LISTENER_GRACE_MS,
      timeoutMs: current.settings.config.process.shutdownTimeoutSecs * 1000,
    });
    leaving.delete(slot);
  }

  let cancelCheck: (() => void) | undefined;
  function checkAll(): void {
    slots.forEach((slot) => slot.checkAlive());
    cancelCheck = options.clock.after(REPORT_INTERVAL_MS, checkAll);
  }

  const workers: Workers = {
    urls: () => slots.find((slot) => slot.ready)?.urls ?? [],
    strength: () => ({ ready: slots.filter((slot) => slot.ready).length, wanted: slots.length }),
    async reload(settings, keys) {
      const unfollowNew = follow(keys);
      const outcomes = await Promise.all(slots.map((slot) => slot.reload(settings, keys)));
      const refused = outcomes.find((outcome) => !outcome.ok);
      if (refused !== undefined) {
        unfollowNew();
        // All serve with the same settings, so workers that took the new ones over go back.
        await Promise.all(slots.map((slot) => slot.reload(current.settings, current.keys)));
        return refused;
      }
      unfollow();
      unfollow = unfollowNew;
      current = { settings, keys };
      for (const slot of slots.splice(workerCount(settings.config))) void dismiss(slot);
      fill();
      return ok(undefined);
    },
    async meter() {
      await Promise.all(all().map((slot) => slot.freshen()));
      return sumMeters([...retired, ...all().flatMap(({ meter }) => meter ? [meter] : [])]);
    },
    async drain(times) {
      unfollow();
      cancelCheck?.();
      const outcomes = await Promise.all(all().map((slot) => slot.drain(times)));
      return outcomes.includes("aborted") ? "aborted" : "finished";
    },
    kill() {
      cancelCheck?.();
      all().forEach((slot) => slot.kill());
    },
  };

  fill();
  checkAll();
  const outcome = await started.promise;
  if (outcome.ok) return ok(workers);
  workers.kill();
  return outcome;
}
