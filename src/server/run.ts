/**
 * The serving program: settings → log → certificate → keys → workers → admin listener → signals → end.
 */
import { makeGenerations } from "../oidc/key_source.ts";
import { systemClock } from "../ops/clock.ts";
import { Meter } from "../ops/metrics.ts";
import { listenForSignals } from "../ops/signals.ts";
import { fail, ok, type Result } from "../result.ts";
import { type Admin, openAdmin } from "./admin.ts";
import { type Crew, isSingle } from "./crew.ts";
import { makeKeyCache } from "./key_cache.ts";
import { KeyBroker, type KeyBrokerDeps, keySettings } from "./key_broker.ts";
import { logSettings, startLogging } from "./logging.ts";
import { makeOverview } from "./overview.ts";
import { prepare, type Prepared, type PrepareFailure } from "./prepare.ts";
import { reload } from "./reload.ts";
import { respawn } from "./respawn.ts";
import type { ReadSettings, Running } from "./running.ts";
import type { Runtime } from "./runtime.ts";
import { watchFiles } from "./watch.ts";

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
  const started = Promise.withResolvers<Running>();
  let reloads: Promise<unknown> = started.promise;
  const requestReload = () => {
    reloads = reloads.then(async () => reloadUnlessStopping(await started.promise));
  };
  // From now on no signal ends the program by itself.
  const signals = listenForSignals(requestReload);
  const start = await startUp(options);
  if (!start.ok) {
    signals.close();
    return start.failure;
  }
  const running = start.value;
  const { log, logging, crew, admin } = running;
  let watching = { wanted: false, stop: () => {} };
  watchIfAsked(running);
  started.resolve(running);

  const signal = await signals.stop;
  running.stopping = true;
  watching.stop();
  const { shutdownDelaySecs, shutdownTimeoutSecs } = running.settings.config;
  log.info("stopping: running requests are finished first", { signal });
  const times = { delayMs: shutdownDelaySecs * 1000, timeoutMs: shutdownTimeoutSecs * 1000 };
  const end = await Promise.race([crew.drain(times), signals.stopNow.then(() => "now")]);
  if (end === "now") crew.kill();
  if (end === "finished") log.info("stopped: every running request was finished");
  else log.warn("stopped: requests that were still running have been aborted", { how: end });
  if (end !== "now") await admin?.close();
  running.keys.close();
  signals.close();
  logging.flush();
  return undefined;

  async function reloadUnlessStopping(running: Running): Promise<void> {
    if (running.stopping) return;
    await reload(running, options.readAgain);
    watchIfAsked(running);
  }

  function watchIfAsked(running: Running): void {
    const wanted = running.settings.config.watchFiles;
    if (wanted === watching.wanted) return;
    watching.stop();
    const files = () => running.settings.files;
    const stop = wanted
      ? watchFiles(files, options.readFile, requestReload, running.clock)
      : () => {};
    watching = { wanted, stop };
  }
}

/** Everything up to the point where requests are answered. Fails having given all of it back. */
async function startUp(options: RunOptions): Promise<Result<Running, PrepareFailure>> {
  const { settings, version } = options;
  const { config } = settings;
  const clock = systemClock;
  const logging = startLogging(logSettings(config));
  const { log } = logging;
  log.info("starting", { version, deno: Deno.version.deno, pid: Deno.pid });
  log.info("settings read", { file: settings.file ?? "none", and: "environment and flags" });
  for (const warning of settings.warnings) log.warn(warning);

  const prepared = await prepare(config, undefined, { clock, log });
  if (!prepared.ok) return prepared;

  const meter = new Meter();
  const keyDeps: KeyBrokerDeps = {
    clock,
    log,
    meter,
    nextGeneration: makeGenerations(),
    cache: makeKeyCache({ clock, log }),
  };
  const keys = new KeyBroker(keySettings(config, prepared.value.providerCaCerts), keyDeps);
  const crew = await startCrew(options, prepared.value, keys, { clock, log, logging, meter });
  if (!crew.ok) {
    keys.close();
    return fail({ text: crew.failure, settings: false });
  }
  const running: Running = {
    clock,
    log,
    logging,
    meter,
    crew: crew.value,
    keyDeps,
    settings,
    prepared: prepared.value,
    keys,
    admin: undefined,
    stopping: false,
  };
  for (const url of crew.value.urls()) log.info("listening", { url });
  log.info("provider", { url: config.providerUrl.text, keys: keys.state() });
  log.info("upstream", { url: config.upstreamUrl.text });
  const admin = openAdminIfAsked(running, version);
  if (!admin.ok) {
    await crew.value.drain({ delayMs: 0, timeoutMs: 0 });
    keys.close();
    return fail({ text: admin.failure, settings: false });
  }
  running.admin = admin.value;
  if (admin.value !== undefined) log.info("admin", { url: admin.value.url });
  const { ready, wanted } = crew.value.strength();
  log.info("ready", { workers: `${ready}/${wanted}` });
  return ok(running);
}

async function startCrew(
  { runtime, workerEnv }: RunOptions,
  { config, worker }: Prepared,
  keys: KeyBroker,
  { clock, log, logging, meter }: Pick<Running, "clock" | "log" | "logging" | "meter">,
): Promise<Result<Crew, string>> {
  if (isSingle(config)) {
    const { startSingle } = await import("./single.ts");
    const parts = { keySource: keys, clock, log };
    return startSingle(worker, parts, (config) => logging.accessLog(logSettings(config)));
  }
  const { startSupervisor } = await import("./supervisor.ts");
  return await startSupervisor(worker, keys, {
    clock,
    log,
    meter,
    respawn: respawn("worker", runtime, config.upstreamUrl.socketPath),
    env: workerEnv,
  });
}

function openAdminIfAsked(running: Running, version: string): Result<Admin | undefined, string> {
  const { crew, meter, clock, log } = running;
  const { adminUrl } = running.settings.config;
  if (adminUrl === "off") return ok(undefined);
  const overview = makeOverview({
    crew,
    keys: () => running.keys,
    meter,
    clock,
    build: { version, deno: Deno.version.deno },
    stopping: () => running.stopping,
    certificateExpiresAt: () => running.prepared.certificateExpiresAt,
  });
  return openAdmin(adminUrl, overview, { clock, log });
}
