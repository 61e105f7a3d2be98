import { changedNeedingRestart, type Config, logSettings } from "../config/schema.ts";
import { problemLines } from "../config/problems.ts";
import { servesInProcess } from "../ipc/workers.ts";
import { adoptAll, closeBrokers, openBrokers } from "../keys/key_brokers.ts";
import { windowsOf } from "./accept_until.ts";
import { prepare } from "./prepare.ts";
import type { Running } from "./running.ts";
import type { SettingsSource } from "./settings_source.ts";

/**
 * Reloads the configuration: read → check → prepare → hand to the workers → commit. Problems are
 * logged, and then nothing has changed: settings, listeners, logging, trust and keys in memory.
 */
export async function reload(
  running: Running,
  source: Pick<SettingsSource, "read">,
): Promise<void> {
  const { log, meter } = running;
  log.info("reloading configuration");
  const problems = await apply(running, source);
  meter.add("reloads", problems.length === 0 ? 0 : 1);
  for (const problem of problems) {
    log.error("reload failed, keeping current configuration", { problem });
  }
  if (problems.length === 0) log.info("configuration reloaded");
}

/** Applies the configuration, or returns why it cannot be applied, one line each. */
async function apply(
  running: Running,
  source: Pick<SettingsSource, "read">,
): Promise<readonly string[]> {
  const { clock, log, workers } = running;
  const settings = source.read();
  if (!settings.ok) return problemLines(settings.failure);
  const { config, warnings } = settings.value;
  const needsRestart = restartReasons(running.settings.config, config);
  if (needsRestart.length > 0) return needsRestart;
  const prepared = await prepare(config, running.prepared, { clock, log });
  if (!prepared.ok) return [prepared.failure.text];
  const { keys: keysAsked } = prepared.value;
  const keys = openBrokers(keysAsked, running.keyDeps, running.keys);
  const urlsBefore = workers.urls();
  const taken = await workers.reload(prepared.value.worker, keys);
  if (!taken.ok) {
    closeBrokers(keys, running.keys);
    return [taken.failure];
  }

  // Nothing can fail any more.
  adoptAll(keys, keysAsked);
  closeBrokers(running.keys, keys);
  running.keys = keys;
  running.logging.use(logSettings(config));
  running.settings = settings.value;
  running.prepared = prepared.value;
  running.windows.use(windowsOf(config));
  for (const url of workers.urls()) if (!urlsBefore.includes(url)) log.info("listening", { url });
  for (const warning of warnings) log.warn(warning);
  return [];
}

/** What cannot change while the program runs, one line each. */
function restartReasons(before: Config, after: Config): string[] {
  const reasons = changedNeedingRestart(before, after)
    .map((name) => `${name} changed: needs a restart`);
  if (before.upstream.upstreamUrl.socketPath !== after.upstream.upstreamUrl.socketPath) {
    reasons.push("UPSTREAM_URL changed to or from a Unix socket: needs a restart");
  } else if (servesInProcess(before) !== servesInProcess(after)) {
    reasons.push("NUM_WORKERS changed from or to 1: needs a restart");
  }
  return reasons;
}
