import { type Admin, openAdmin } from "../admin/admin.ts";
import { makeStatus } from "../admin/status.ts";
import { workerVariables } from "../config/environment.ts";
import { addressesOf } from "../config/provider.ts";
import { logSettings } from "../config/schema.ts";
import { servesInProcess, type Workers } from "../ipc/workers.ts";
import {
  closeBrokers,
  type KeyBrokers,
  type KeyBrokersDeps,
  openBrokers,
} from "../keys/key_brokers.ts";
import { makeKeyCache } from "../keys/key_cache.ts";
import { makeGenerations } from "../oidc/key_source.ts";
import { systemClock } from "../ops/clock.ts";
import { Meter } from "../ops/meter.ts";
import { logForProvider } from "./provider_log.ts";
import { type Logging, startLogging } from "../ops/start_log.ts";
import { fail, ok, type Result } from "../result.ts";
import { workerCommand } from "../runtime/commands.ts";
import { readRuntime } from "../runtime/runtime.ts";
import { watchWindows, windowsOf } from "./accept_until.ts";
import { failedNow, type ProgramFailure } from "./exit_code.ts";
import { prepare, type Prepared } from "./prepare.ts";
import type { Running } from "./running.ts";
import type { ReadSettings } from "./settings_source.ts";

/** What a start needs. */
export interface StartOptions {
  readonly settings: ReadSettings;
  /** The variables that can be read: workers get those that are not settings. */
  readonly env: Readonly<Record<string, string>>;
  readonly version: string;
}

/**
 * Starts everything until requests are served: log, certificate and addresses,
 * keys, workers, admin listener. On failure everything is closed again.
 */
export async function start(options: StartOptions): Promise<Result<Running, ProgramFailure>> {
  const { config } = options.settings;
  const meter = new Meter();
  const logging = startLogging(logSettings(config), { meter, shared: !servesInProcess(config) });
  const started = await startWith(options, logging, meter);
  // The program is about to say why, and to end.
  if (!started.ok) await logging.end();
  return started;
}

async function startWith(
  options: StartOptions,
  logging: Logging,
  meter: Meter,
): Promise<Result<Running, ProgramFailure>> {
  const { settings, version } = options;
  const { config } = settings;
  const clock = systemClock;
  const { log } = logging;
  log.info("starting", { version, deno: Deno.version.deno, pid: Deno.pid });
  log.info("configuration loaded", {
    file: settings.file ?? "none",
    sources: "environment, flags",
  });
  for (const warning of settings.warnings) log.warn(warning);

  const prepared = await prepare(config, undefined, { clock, log });
  if (!prepared.ok) return prepared;
  const keyDeps: KeyBrokersDeps = {
    clock,
    logFor: (provider) => logForProvider(log, provider),
    meter,
    nextGeneration: makeGenerations(),
    cache: makeKeyCache({ clock, log }),
  };
  const keys = openBrokers(prepared.value.keys, keyDeps);
  const workers = await startWorkers(options, prepared.value, keys, { clock, log, logging, meter });
  if (!workers.ok) {
    closeBrokers(keys);
    return fail(failedNow(workers.failure));
  }
  const running: Running = {
    clock,
    log,
    logging,
    meter,
    workers: workers.value,
    keyDeps,
    settings,
    prepared: prepared.value,
    keys,
    windows: watchWindows(clock, keyDeps.logFor),
    admin: undefined,
    stopping: false,
  };
  for (const url of running.workers.urls()) log.info("listening", { url });
  for (const provider of config.providers) {
    const { url, jwksUri = "" } = addressesOf(provider);
    logForProvider(log, provider.name).info("provider", {
      url: url === "" ? jwksUri : url,
      keys: keys.get(provider.name)?.state() ?? "not needed yet",
    });
  }
  log.info("upstream", { url: config.upstream.upstreamUrl.text });
  const admin = openAdminIfAsked(running, version);
  if (!admin.ok) {
    await running.workers.drain({ delayMs: 0, timeoutMs: 0 });
    closeBrokers(keys);
    return fail(failedNow(admin.failure));
  }
  running.admin = admin.value;
  if (admin.value !== undefined) log.info("admin", { url: admin.value.url });
  running.windows.use(windowsOf(config));
  const { ready, wanted } = running.workers.strength();
  log.info("ready", { workers: `${ready}/${wanted}` });
  return ok(running);
}

/** One worker in this process, or a supervisor with many. Only what is needed is loaded. */
async function startWorkers(
  { env }: StartOptions,
  { config, worker }: Prepared,
  keys: KeyBrokers,
  { clock, log, logging, meter }: Pick<Running, "clock" | "log" | "logging" | "meter">,
): Promise<Result<Workers, string>> {
  if (servesInProcess(config)) {
    const { startInProcessWorkers } = await import("../worker/in_process_workers.ts");
    const deps = { keySources: keys, clock, log };
    return startInProcessWorkers(worker, deps, logging.accessLog);
  }
  const { startSupervisor } = await import("../supervisor/supervisor.ts");
  return await startSupervisor(worker, keys, {
    clock,
    log,
    meter,
    command: workerCommand(readRuntime(Deno), config.upstream.upstreamUrl.socketPath),
    env: workerVariables(env),
  });
}

function openAdminIfAsked(running: Running, version: string): Result<Admin | undefined, string> {
  const { workers, meter, clock, log } = running;
  const { adminUrl } = running.settings.config.process;
  if (adminUrl === "off") return ok(undefined);
  const status = makeStatus({
    workers,
    keys: () => running.keys,
    meter,
    clock,
    build: { version, deno: Deno.version.deno },
    stopping: () => running.stopping,
    certificateExpiresAt: () => running.prepared.certificateExpiresAt,
  });
  const allowedHosts = () => running.settings.config.process.adminAllowedHosts ?? [];
  return openAdmin(adminUrl, status, { clock, log, allowedHosts });
}
