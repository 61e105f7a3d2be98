import { changedNeedingRestart, type Config } from "../config/schema.ts";
import type { Result } from "../result.ts";
import { isSingle } from "./crew.ts";
import { KeyBroker, keySettings } from "./key_broker.ts";
import { logSettings } from "./logging.ts";
import { prepare } from "./prepare.ts";
import type { ReadSettings, Running } from "./running.ts";

/**
 * Takes changed settings over: read → check → prepare → hand to the workers → commit. Whatever is wrong
 * is logged, and nothing has changed then: settings, listeners, logging, trust and keys in memory.
 *
 * @param read reads the settings again; fails with one line for each problem.
 */
export async function reload(
  running: Running,
  read: () => Result<ReadSettings, readonly string[]>,
): Promise<void> {
  const { log, meter } = running;
  log.info("reading the settings again");
  const problems = await takeOver(running, read);
  meter.add("reloads", problems.length === 0 ? 0 : 1);
  for (const problem of problems) {
    log.error("the new settings are not taken over, the old ones stay in use", { problem });
  }
  if (problems.length === 0) log.info("the new settings are in use");
}

async function takeOver(
  running: Running,
  read: () => Result<ReadSettings, readonly string[]>,
): Promise<readonly string[]> {
  const { clock, log, crew } = running;
  const settings = read();
  if (!settings.ok) return settings.failure;
  const { config, warnings } = settings.value;
  const needsRestart = restartReasons(running.settings.config, config);
  if (needsRestart.length > 0) return needsRestart;
  const prepared = await prepare(config, running.prepared, { clock, log });
  if (!prepared.ok) return [prepared.failure.text];
  const keysAsked = keySettings(config, prepared.value.providerCaCerts);
  const keys = running.keys.serves(keysAsked)
    ? running.keys
    : new KeyBroker(keysAsked, running.keyDeps);
  const urlsBefore = crew.urls();
  const taken = await crew.reload(prepared.value.worker, keys);
  if (!taken.ok) {
    if (keys !== running.keys) keys.close();
    return [taken.failure];
  }

  // Nothing can fail any more.
  if (keys === running.keys) keys.adopt(keysAsked);
  else running.keys.close();
  running.keys = keys;
  running.logging.use(logSettings(config));
  running.settings = settings.value;
  running.prepared = prepared.value;
  for (const url of crew.urls()) if (!urlsBefore.includes(url)) log.info("listening", { url });
  for (const warning of warnings) log.warn(warning);
  return [];
}

/** What cannot change while the program runs, one line each. */
function restartReasons(before: Config, after: Config): string[] {
  const reasons = changedNeedingRestart(before, after)
    .map((name) => `${name} has changed: that needs a restart`);
  if (before.upstreamUrl.socketPath !== after.upstreamUrl.socketPath) {
    reasons.push("UPSTREAM_URL has changed to or from a Unix socket: that needs a restart");
  } else if (isSingle(before) !== isSingle(after)) {
    reasons.push("NUM_WORKERS has changed from or to 1: that needs a restart");
  }
  return reasons;
}
