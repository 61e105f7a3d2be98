import { LISTENER_GRACE_MS, REPORT_INTERVAL_MS } from "../limits.ts";
import type { Meter } from "../ops/metrics.ts";
import { type MeterData, sumMeters } from "../ops/metrics.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Crew, WorkerSettings } from "./crew.ts";
import { type SlotParts, WorkerSlot } from "./worker_slot.ts";

/** What the supervisor needs from outside. */
export interface SupervisorParts
  extends Pick<SlotParts, "clock" | "log" | "keys" | "respawn" | "env"> {
  /** Where restarts are counted. */
  readonly meter: Meter;
}

/** A crew of processes, and a way to pass keys on to all of them. */
export interface SupervisedCrew extends Crew {
  tellKeys(): void;
}

/**
 * Starts the workers and keeps them alive. Holds no client connection itself.
 *
 * Resolves when every one of them has been heard of, or fails with the reason when none has come up.
 *
 * @param count how many workers settings ask for.
 */
export async function startSupervisor(
  settings: WorkerSettings,
  count: (settings: WorkerSettings) => number,
  parts: SupervisorParts,
): Promise<Result<SupervisedCrew, string>> {
  const slots: WorkerSlot[] = [];
  /** Those that are no longer wanted and finish what they have begun. */
  const leaving = new Set<WorkerSlot>();
  let current = settings;
  const retired: MeterData[] = [];
  const started = Promise.withResolvers<Result<void, string>>();
  let ready = 0;
  let failed = 0;

  const slotParts: SlotParts = {
    ...parts,
    onReady() {
      if (++ready + failed >= slots.length) started.resolve(ok(undefined));
    },
    onEnded(text) {
      if (ready + ++failed < slots.length) return;
      started.resolve(ready > 0 ? ok(undefined) : fail(text));
    },
    onRestart: () => parts.meter.add("workerRestarts"),
    onRetired: (meter) => void retired.splice(0, retired.length, sumMeters([...retired, meter])),
  };

  function fill(wanted: WorkerSettings): void {
    while (slots.length < count(wanted)) slots.push(new WorkerSlot(wanted, slotParts));
  }

  const all = () => [...slots, ...leaving];

  /** Has a worker finish what it has begun; it is counted with the others until it has ended. */
  async function dismiss(slot: WorkerSlot): Promise<void> {
    leaving.add(slot);
    await slot.drain({
      // Time for the clients that are busy to be asked to go.
      delayMs: LISTENER_GRACE_MS,
      timeoutMs: current.config.shutdownTimeoutSecs * 1000,
    });
    leaving.delete(slot);
  }

  let cancelCheck: (() => void) | undefined;
  function checkAll(): void {
    slots.forEach((slot) => slot.checkAlive());
    cancelCheck = parts.clock.after(REPORT_INTERVAL_MS, checkAll);
  }

  const crew: SupervisedCrew = {
    urls: () => slots.find((slot) => slot.ready)?.urls ?? [],
    strength: () => ({ ready: slots.filter((slot) => slot.ready).length, wanted: slots.length }),
    tellKeys: () => slots.forEach((slot) => slot.tellKeys()),
    async reload(wanted) {
      const outcomes = await Promise.all(slots.map((slot) => slot.reload(wanted)));
      const refused = outcomes.find((outcome) => !outcome.ok);
      if (refused !== undefined) {
        // All serve with the same settings, so those that took the new ones over go back.
        await Promise.all(slots.map((slot) => slot.reload(current)));
        return refused;
      }
      current = wanted;
      for (const slot of slots.splice(count(wanted))) void dismiss(slot);
      fill(wanted);
      return ok(undefined);
    },
    async meter() {
      await Promise.all(all().map((slot) => slot.freshen()));
      return sumMeters([...retired, ...all().flatMap(({ meter }) => meter ? [meter] : [])]);
    },
    async drain(times) {
      cancelCheck?.();
      const outcomes = await Promise.all(all().map((slot) => slot.drain(times)));
      return outcomes.includes("aborted") ? "aborted" : "finished";
    },
    kill() {
      cancelCheck?.();
      all().forEach((slot) => slot.kill());
    },
  };

  fill(settings);
  checkAll();
  const outcome = await started.promise;
  if (outcome.ok) return ok(crew);
  crew.kill();
  return outcome;
}
