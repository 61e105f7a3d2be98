/** The workers as the main process sees them, whether they are processes or itself. */
import type { Config } from "../config/schema.ts";
import type { KeySource } from "../oidc/key_source.ts";
import type { MeterData } from "../ops/metrics.ts";
import type { LogSettings } from "../ops/start_log.ts";
import type { UpstreamTls } from "../proxy/dial.ts";
import type { Result } from "../result.ts";
import type { TlsIdentity } from "../tls/pfx.ts";

/** Settings that only the main process uses: above all the passwords of files that it opens. */
const NOT_FOR_WORKERS = [
  "certFile",
  "certPassword",
  "upstreamCaFile",
  "upstreamCertFile",
  "upstreamCertPassword",
  "jwksUri",
  "providerCaFile",
  "keyExpirySecs",
  "keyStaleSecs",
  "keyCacheFile",
  "adminUrl",
  "watchFiles",
] as const satisfies readonly (keyof Config)[];

/** The settings that a worker uses. */
export type WorkerConfig = Omit<Config, typeof NOT_FOR_WORKERS[number]>;

/** The part of the settings that a worker uses. */
export function workerConfig(config: Config): WorkerConfig {
  const kept: Partial<Record<keyof Config, unknown>> = { ...config };
  for (const name of NOT_FOR_WORKERS) delete kept[name];
  return kept as WorkerConfig; // all that is left of a whole Config
}

/** What a worker serves with; plain data, so that it can cross a pipe. */
export interface WorkerSettings {
  readonly config: WorkerConfig;
  /** The issuer that tokens have to name, but for a trailing slash. */
  readonly issuer: string;
  /** How this worker logs. */
  readonly log: LogSettings;
  /** Certificate and key of the TLS listener, where there is one. */
  readonly identity?: TlsIdentity | undefined;
  readonly upstreamTls?: UpstreamTls | undefined;
}

/** The configured number of workers. */
export function workerCount({ numWorkers }: Pick<Config, "numWorkers">): number {
  return numWorkers === "auto" ? navigator.hardwareConcurrency : numWorkers;
}

/**
 * Whether the main process serves by itself. For an upstream on a Unix socket there is always a worker
 * process, which gets the permission for that one path.
 */
export function servesInProcess(config: Pick<Config, "numWorkers" | "upstreamUrl">): boolean {
  return workerCount(config) === 1 && config.upstreamUrl.socketPath === undefined;
}

/** How long a drain may take, in milliseconds. */
export interface DrainTimes {
  /** How long requests are still accepted. */
  readonly delayMs: number;
  /** How long running requests may take after that. */
  readonly timeoutMs: number;
}

/** How a drain ended: every running request was over, or some were aborted. */
export type DrainOutcome = "finished" | "aborted";

/** The workers, whether they are processes or this process itself. */
export interface Workers {
  /** The URLs that are listened on, with the actual ports. */
  urls(): readonly string[];
  /** How many workers accept requests, and how many should. */
  strength(): { readonly ready: number; readonly wanted: number };
  /**
   * Serves with other settings, and the keys that belong to them, from now on. Fails with one line if a
   * worker refuses them; then all of them serve as before.
   */
  reload(settings: WorkerSettings, keys: KeySource): Promise<Result<void, string>>;
  /** The sum over all workers, those that have exited included. */
  meter(): Promise<MeterData>;
  /** Stops accepting, lets running requests finish for a while, then aborts the rest. */
  drain(times: DrainTimes): Promise<DrainOutcome>;
  /** Ends everything at once. */
  kill(): void;
}
