/**
 * The serving program: settings → certificate → log → keys → worker → wait for a signal → end.
 */
import { type Config, effectiveLogLevel } from "../config/schema.ts";
import { ProviderKeys } from "../oidc/provider_keys.ts";
import { makeAccessLog } from "../ops/access_log.ts";
import { type Clock, systemClock } from "../ops/clock.ts";
import { formatJson, formatPretty } from "../ops/format.ts";
import { makeLineWriter } from "../ops/line_writer.ts";
import { type Log, startLog } from "../ops/log.ts";
import { listenForSignals } from "../ops/signals.ts";
import { fail, ok, type Result } from "../result.ts";
import type { TlsIdentity } from "./listeners.ts";
import { startWorker } from "./worker.ts";

/** What the program is started with. */
export interface RunOptions {
  readonly config: Config;
  /** Sentences about the settings for the log. */
  readonly warnings: readonly string[];
  /** The settings file that was read, if any. */
  readonly settingsFile: string | undefined;
  readonly version: string;
}

/** Why the program did not start. */
export interface StartFailure {
  readonly text: string;
  /** Whether the settings are to blame. */
  readonly settings: boolean;
}

/** Serves until SIGTERM or SIGINT; resolves with the reason if it cannot start. */
export async function run(options: RunOptions): Promise<StartFailure | undefined> {
  const { config } = options;
  const clock = systemClock;
  const lines = makeLineWriter(writeToStderr, clock, !Deno.stderr.isTerminal());
  const format = isPretty(config) ? formatPretty : formatJson;
  const level = effectiveLogLevel(config);
  const log = startLog(level, format, lines);

  const identity = await openIdentity(config, clock, log);
  if (!identity.ok) return { text: identity.failure, settings: true };
  tellSettings(options, log);
  const keySource = new ProviderKeys({
    providerUrl: config.providerUrl.base,
    expectedIssuer: config.issuer ?? config.providerUrl.text,
    cooldownMs: config.keyCooldownSecs * 1000,
    expiryMs: config.keyExpirySecs && config.keyExpirySecs * 1000,
    keysOptional: config.clientSecret !== undefined,
  }, { clock, log, fetcher: fetch });
  const accessLog = makeAccessLog(level, format, lines);
  const worker = await startWorker(config, identity.value, { keySource, clock, log, accessLog });
  if (!worker.ok) return { text: worker.failure, settings: false };
  for (const url of worker.value.urls) log.info("listening", { url });

  const signals = listenForSignals();
  const signal = await signals.stop;
  log.info("stopping: running requests are finished first", { signal });
  await worker.value.shutdown();
  keySource.close();
  signals.close();
  log.info("stopped");
  lines.flush();
  return undefined;
}

function isPretty({ logFormat }: Config): boolean {
  return logFormat === "auto" ? Deno.stderr.isTerminal() : logFormat === "pretty";
}

/** The certificate for TLS, where there is a TLS listener. */
async function openIdentity(
  config: Config,
  clock: Clock,
  log: Log,
): Promise<Result<TlsIdentity | undefined, string>> {
  const { certFile, certPassword = "", listenSslUrl } = config;
  if (certFile === undefined || listenSslUrl === undefined) return ok(undefined);
  // Only a process with a TLS listener pays for the modules that open PFX files.
  const { loadIdentity } = await import("../tls/identity.ts");
  const loaded = await loadIdentity({ certFile, certPassword, now: clock.now() });
  if (!loaded.ok) return fail(loaded.failure.text);
  for (const warning of loaded.value.warnings) log.warn(warning);
  log.info("certificate opened", {
    names: loaded.value.names.join(", "),
    daysLeft: loaded.value.daysLeft,
  });
  return ok(loaded.value.identity);
}

function tellSettings({ config, warnings, settingsFile, version }: RunOptions, log: Log): void {
  log.info("starting", { version, deno: Deno.version.deno, pid: Deno.pid });
  log.info("settings read", { file: settingsFile ?? "none", and: "the environment" });
  for (const warning of warnings) log.warn(warning);
  if (config.numWorkers !== 1) {
    log.info("one worker serves: more than one is not built yet", {
      asked: String(config.numWorkers),
    });
  }
  log.info("provider", {
    url: config.providerUrl.text,
    keys: "fetched when the first token arrives",
  });
  log.info("upstream", { url: config.upstreamUrl.text });
}

function writeToStderr(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
}
