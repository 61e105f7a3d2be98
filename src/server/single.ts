import { Meter } from "../ops/metrics.ts";
import { ok, type Result } from "../result.ts";
import type { AccessLog } from "../ops/access_log.ts";
import type { Crew, WorkerConfig, WorkerSettings } from "./crew.ts";
import { startWorker, type WorkerParts } from "./worker.ts";

/**
 * A crew of one: the worker in the main process itself.
 *
 * @param accessLogFor the access log that settings ask for.
 */
export function startSingle(
  settings: WorkerSettings,
  parts: Omit<WorkerParts, "meter" | "accessLog">,
  accessLogFor: (config: WorkerConfig) => AccessLog | undefined,
): Result<Crew, string> {
  const meter = new Meter();
  const accessLog = accessLogFor(settings.config);
  const worker = startWorker(settings, { ...parts, meter, accessLog });
  if (!worker.ok) return worker;
  let ready = 1;
  return ok({
    urls: worker.value.urls,
    strength: () => ({ ready, wanted: 1 }),
    reload: (wanted, keySource) =>
      Promise.resolve(
        worker.value.reload(wanted, { keySource, accessLog: accessLogFor(wanted.config) }),
      ),
    meter: () => Promise.resolve(worker.value.count()),
    drain(times) {
      ready = 0;
      return worker.value.drain(times);
    },
    kill() {},
  });
}
