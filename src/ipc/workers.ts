/** The workers as the main process sees them, whether they are processes or itself. */
import type { WorkerConfig, WorkerProviderConfig } from "../config/schema.ts";
import type { KeySources } from "../oidc/key_source.ts";
import type { MeterData } from "../ops/meter.ts";
import type { LogSettings } from "../ops/start_log.ts";
import type { UpstreamTls } from "../proxy/dial.ts";
import type { Result } from "../result.ts";
import type { TlsIdentity } from "../tls/pfx.ts";

/** One provider, as a worker knows it. */
export interface WorkerProvider {
  readonly config: WorkerProviderConfig;
  /** The issuer that tokens have to name, but for a trailing slash. */
  readonly issuer: string;
  /** CA certificates in PEM, trusted for the provider besides those of the system. */
  readonly caCerts: readonly string[];
}

/** What a worker serves with; plain data, so that it can cross a pipe. */
export interface WorkerSettings {
  readonly config: WorkerConfig;
  readonly providers: readonly [WorkerProvider, ...WorkerProvider[]];
  /** How this worker logs. */
  readonly log: LogSettings;
  /** Certificate and key of the TLS listener, where there is one. */
  readonly identity?: TlsIdentity | undefined;
  readonly upstreamTls?: UpstreamTls | undefined;
}

/** The configured number of workers. */
export function workerCount({ process: { numWorkers } }: Pick<WorkerConfig, "process">): number {
  return numWorkers === "auto" ? navigator.hardwareConcurrency : numWorkers;
}

/**
 * Whether the main process serves by itself. For an upstream on a Unix socket there is always a worker
 * process, which gets the permission for that one path.
 */
export function servesInProcess(config: Pick<WorkerConfig, "process" | "upstream">): boolean {
  return workerCount(config) === 1 && config.upstream.upstreamUrl.socketPath === undefined;
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
  reload(settings: WorkerSettings, keys: KeySources): Promise<Result<void, string>>;
  /** The sum over all workers, those that have exited included. */
  meter(): Promise<MeterData>;
  /** Stops accepting, lets running requests finish for a while, then aborts the rest. */
  drain(times: DrainTimes): Promise<DrainOutcome>;
  /** Ends everything at once. */
  kill(): void;
}
