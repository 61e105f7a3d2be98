import { Meter } from "../ops/metrics.ts";
import { ok, type Result } from "../result.ts";
import type { Crew, WorkerSettings } from "./crew.ts";
import { startWorker, type WorkerParts } from "./worker.ts";

/** A crew of one: the worker in the main process itself. */
export function startSingle(
  settings: WorkerSettings,
  parts: Omit<WorkerParts, "meter" | "accessLog">,
  accessLog: () => WorkerParts["accessLog"],
): Result<Crew, string> {
  const meter = new Meter();
  const worker = startWorker(settings, { ...parts, meter, accessLog: accessLog() });
  if (!worker.ok) return worker;
  let ready = 1;
  return ok({
    urls: worker.value.urls,
    strength: () => ({ ready, wanted: 1 }),
    reload: (wanted) => Promise.resolve(worker.value.reload(wanted, accessLog())),
    meter: () => Promise.resolve(worker.value.count()),
    drain(times) {
      ready = 0;
      return worker.value.drain(times);
    },
    kill() {},
  });
}
