import { Meter } from "../ops/meter.ts";
import { ok, type Result } from "../result.ts";
import type { AccessLog } from "../ops/access_log.ts";
import type { LogSettings } from "../ops/start_log.ts";
import type { Workers, WorkerSettings } from "../ipc/workers.ts";
import { startWorker, type WorkerDeps } from "./worker.ts";

/**
 * One worker, in the main process itself.
 *
 * @param accessLogFor the access log that settings ask for.
 */
export function startInProcessWorkers(
  settings: WorkerSettings,
  deps: Omit<WorkerDeps, "meter" | "accessLog">,
  accessLogFor: (log: LogSettings) => AccessLog | undefined,
): Result<Workers, string> {
  const meter = new Meter();
  const accessLog = accessLogFor(settings.log);
  const worker = startWorker(settings, { ...deps, meter, accessLog });
  if (!worker.ok) return worker;
  let ready = 1;
  return ok({
    urls: worker.value.urls,
    strength: () => ({ ready, wanted: 1 }),
    reload: (wanted, keySources) =>
      Promise.resolve(
        worker.value.reload(wanted, { keySources, accessLog: accessLogFor(wanted.log) }),
      ),
    meter: () => Promise.resolve(worker.value.count()),
    drain(times) {
      ready = 0;
      return worker.value.drain(times);
    },
    kill() {},
  });
}
