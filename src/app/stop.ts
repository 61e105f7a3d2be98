import { closeBrokers } from "../keys/key_brokers.ts";
import type { Running } from "./running.ts";

/**
 * Ends the program: not ready any more, then no new requests, then the running ones get their time.
 *
 * @param signal the signal that asked for it.
 * @param now resolves when it is to end at once.
 */
export async function stop(
  running: Running,
  signal: string,
  now: Promise<unknown>,
): Promise<void> {
  running.stopping = true;
  const { log, logging, workers, admin, keys } = running;
  const { shutdownDelaySecs, shutdownTimeoutSecs } = running.settings.config.process;
  log.info("shutting down, finishing running requests", { signal });
  const times = { delayMs: shutdownDelaySecs * 1000, timeoutMs: shutdownTimeoutSecs * 1000 };
  const end = await Promise.race([workers.drain(times), now.then(() => "now" as const)]);
  if (end === "now") workers.kill();
  if (end === "finished") log.info("shutdown complete, every running request finished");
  else log.warn("shutdown complete, running requests aborted", { how: end });
  if (end !== "now") await admin?.close();
  running.windows.close();
  closeBrokers(keys);
  await logging.end();
}
