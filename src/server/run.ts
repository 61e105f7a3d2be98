/**
 * The serving program: settings → log → certificate → keys → workers → admin listener → signals → end.
 */
import { changedNeedingRestart, type Config, effectiveLogLevel } from "../config/schema.ts";
import { systemClock } from "../ops/clock.ts";
import { Meter } from "../ops/metrics.ts";
import { listenForSignals } from "../ops/signals.ts";
import { ok, type Result } from "../result.ts";
import { type Admin, openAdmin } from "./admin.ts";
import type { Crew, WorkerSettings } from "./crew.ts";
import { makeKeyCache } from "./key_cache.ts";
import { KeyDesk } from "./key_desk.ts";
import { startLogging } from "./logging.ts";
import { makeOverview } from "./overview.ts";
import { prepare, type Prepared, type PrepareFailure } from "./prepare.ts";
import { makeProviderClient } from "./provider_client.ts";
import { respawn } from "./respawn.ts";
import type { Runtime } from "./runtime.ts";
import type { SupervisedCrew } from "./supervisor.ts";
import { watchFiles } from "./watch.ts";

/** Settings as they were read. */
export interface ReadSettings {
  readonly config: Config;
  /** Sentences about the settings for the log. */
  readonly warnings: readonly string[];
  /** The settings file that was read, if any. */
  readonly file: string | undefined;
  /** Every file that the settings depend on. */
  readonly files: readonly string[];
}

/** What the program is started with. */
export interface RunOptions {
  readonly settings: ReadSettings;
  /** Reads the settings again; fails with one line for each problem. */
  readonly readAgain: () => Result<ReadSettings, readonly string[]>;
  /** A file's contents in a comparable form, `undefined` where it cannot be read. */
  readonly readFile: (path: string) => string | undefined;
  readonly version: string;
  readonly runtime: Runtime;
  /** Variables that workers get: never a setting. */
  readonly workerEnv: Readonly<Record<string, string>>;
}

/** Serves until SIGTERM or SIGINT; resolves with the reason if it cannot start. */
export async function run(options: RunOptions): Promise<PrepareFailure | undefined> {
  const clock = systemClock;
  let settings = options.settings;
  let logging = startLogging(effectiveLogLevel(settings.config), settings.config.logFormat);
  const { log } = logging;
  log.info("starting", { version: options.version, deno: Deno.version.deno, pid: Deno.pid });
  log.info("settings read", { file: settings.file ?? "none", and: "environment and flags" });
  for (const warning of settings.warnings) log.warn(warning);

  // From now on no signal ends the program by itself.
  const started = Promise.withResolvers<void>();
  let reloading = started.promise;
  const requestReload = () => {
    reloading = reloading.then(reload);
  };
  const signals = listenForSignals(requestReload);

  const first = await prepare(settings.config, undefined, { clock, log });
  if (!first.ok) {
    signals.close();
    return first.failure;
  }
  let prepared: Prepared = first.value;

  const meter = new Meter();
  let tellKeys = () => {};
  const provider = makeProviderClient();
  const keyCache = makeKeyCache({ clock, log });
  const keys = new KeyDesk({
    clock,
    log,
    meter,
    fetcher: provider.fetch,
    onKeys: () => tellKeys(),
    restore: keyCache.restore,
    onFetched: keyCache.store,
  });
  provider.trust(prepared.providerCaCerts);
  keys.configure(settings.config);

  const crew = await startCrew();
  if (!crew.ok) {
    signals.close();
    keys.close();
    return { text: crew.failure, settings: false };
  }
  let crewUrls = crew.value.urls();
  for (const url of crewUrls) log.info("listening", { url });
  log.info("provider", { url: settings.config.providerUrl.text, keys: keys.state() });
  log.info("upstream", { url: settings.config.upstreamUrl.text });

  let stopping = false;
  const overview = makeOverview({
    crew: crew.value,
    keys,
    meter,
    clock,
    build: { version: options.version, deno: Deno.version.deno },
    stopping: () => stopping,
    certificateExpiresAt: () => prepared.certificateExpiresAt,
  });
  const { adminUrl } = settings.config;
  const admin: Result<Admin | undefined, string> = adminUrl === "off"
    ? ok(undefined)
    : openAdmin(adminUrl, overview, { clock, log });
  if (!admin.ok) {
    signals.close();
    await crew.value.drain({ delayMs: 0, timeoutMs: 0 });
    keys.close();
    return { text: admin.failure, settings: false };
  }
  if (admin.value !== undefined) log.info("admin", { url: admin.value.url });
  const { ready, wanted } = crew.value.strength();
  log.info("ready", { workers: `${ready}/${wanted}` });

  let stopWatching = watchIfAsked();
  started.resolve();

  const signal = await signals.stop;
  stopping = true;
  stopWatching();
  const times = {
    delayMs: settings.config.shutdownDelaySecs * 1000,
    timeoutMs: settings.config.shutdownTimeoutSecs * 1000,
  };
  log.info("stopping: running requests are finished first", { signal });
  const end = await Promise.race([crew.value.drain(times), signals.stopNow.then(() => "now")]);
  if (end === "now") crew.value.kill();
  if (end === "finished") log.info("stopped: every running request was finished");
  else log.warn("stopped: requests that were still running have been aborted", { how: end });
  if (end !== "now") await admin.value?.close();
  keys.close();
  signals.close();
  logging.flush();
  return undefined;

  async function startCrew(): Promise<Result<Crew, string>> {
    if (isSingle(settings.config)) {
      const { startSingle } = await import("./single.ts");
      const parts = { keySource: keys, clock, log };
      return startSingle(prepared.worker, parts, () => logging.accessLog);
    }
    const { startSupervisor } = await import("./supervisor.ts");
    const supervised: Result<SupervisedCrew, string> = await startSupervisor(
      prepared.worker,
      workersOf,
      {
        clock,
        log,
        keys,
        meter,
        respawn: respawn("worker", options.runtime, settings.config.upstreamUrl.socketPath),
        env: options.workerEnv,
      },
    );
    if (supervised.ok) tellKeys = supervised.value.tellKeys;
    return supervised;
  }

  /** Takes changed settings over; whatever is wrong is logged, and all goes on as before. */
  async function reload(): Promise<void> {
    if (stopping || !crew.ok) return;
    log.info("reading the settings again");
    const failures = await takeOver();
    meter.add("reloads", failures.length === 0 ? 0 : 1);
    for (const problem of failures) {
      log.error("the new settings are not taken over, the old ones stay in use", { problem });
    }
    if (failures.length === 0) log.info("the new settings are in use");
  }

  async function takeOver(): Promise<readonly string[]> {
    const again = options.readAgain();
    if (!again.ok) return again.failure;
    const needsRestart = restartReasons(settings.config, again.value.config);
    if (needsRestart.length > 0) return needsRestart;
    const next = await prepare(again.value.config, prepared, { clock, log });
    if (!next.ok) return [next.failure.text];
    if (!crew.ok) return [];
    logging.flush();
    logging = startLogging(effectiveLogLevel(again.value.config), again.value.config.logFormat);
    provider.trust(next.value.providerCaCerts);
    keys.configure(again.value.config);
    const taken = await crew.value.reload(next.value.worker);
    if (!taken.ok) {
      provider.trust(prepared.providerCaCerts);
      keys.configure(settings.config);
      return [taken.failure];
    }
    const before = crewUrls;
    crewUrls = crew.value.urls();
    for (const url of crewUrls) if (!before.includes(url)) log.info("listening", { url });
    if (again.value.config.watchFiles !== settings.config.watchFiles) {
      stopWatching();
      settings = again.value;
      stopWatching = watchIfAsked();
    }
    settings = again.value;
    prepared = next.value;
    for (const warning of settings.warnings) log.warn(warning);
    return [];
  }

  function watchIfAsked(): () => void {
    if (!settings.config.watchFiles) return () => {};
    return watchFiles(() => settings.files, options.readFile, requestReload, clock);
  }
}

/** How many workers the settings ask for. */
function workersOf({ config }: WorkerSettings): number {
  return config.numWorkers === "auto" ? navigator.hardwareConcurrency : config.numWorkers;
}

/**
 * Whether the main process serves by itself. For an upstream on a Unix socket there is always a worker
 * process, which gets the permission for that one path.
 */
function isSingle(config: Config): boolean {
  return workersOf({ config }) === 1 && config.upstreamUrl.socketPath === undefined;
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
