import type { Config } from "../config/schema.ts";
import type { KeySource } from "../oidc/key_source.ts";
import type { AccessLog } from "../ops/access_log.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { ok, type Result } from "../result.ts";
import { listen, type TlsIdentity } from "./listeners.ts";
import { buildService } from "./service.ts";

/** What a worker needs from outside. */
export interface WorkerParts {
  readonly keySource: KeySource;
  readonly clock: Clock;
  readonly log: Log;
  readonly accessLog: AccessLog | undefined;
}

/** A worker that accepts requests. */
export interface Worker {
  /** The URLs it listens on, with the ports that were really taken. */
  readonly urls: readonly string[];
  /** Stops accepting and resolves when the last running request is over. */
  shutdown(): Promise<void>;
}

/**
 * Starts to serve: builds the pipeline, opens the listeners.
 *
 * Fails with one line for the operator when an address cannot be had.
 */
export async function startWorker(
  config: Config,
  identity: TlsIdentity | undefined,
  parts: WorkerParts,
): Promise<Result<Worker, string>> {
  const service = buildService(config, parts);
  const { listenUrl, listenSslUrl } = config;
  const listeners = await listen({
    plain: listenUrl,
    tls: listenSslUrl && identity && { ...listenSslUrl, identity },
    shared: false,
  }, () => service.handler);
  if (!listeners.ok) {
    service.close();
    return listeners;
  }
  return ok({
    urls: listeners.value.urls,
    async shutdown() {
      await listeners.value.shutdown();
      service.close();
    },
  });
}
