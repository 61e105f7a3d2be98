/** The proxy inside the test's own process: real listeners, settings as an operator writes them. */
import { load } from "../../src/config/load.ts";
import { renderProblems } from "../../src/config/problems.ts";
import type { AccessRecord } from "../../src/ops/access_log.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { Meter } from "../../src/ops/meter.ts";
import { makeGenerations } from "../../src/oidc/key_source.ts";
import { keySettings, workerSettings } from "../../src/app/prepare.ts";
import { logForProvider } from "../../src/app/provider_log.ts";
import { closeBrokers, openBrokers } from "../../src/keys/key_brokers.ts";
import type { TlsIdentity } from "../../src/tls/pfx.ts";
import { startWorker } from "../../src/worker/worker.ts";
import { fail } from "../../src/result.ts";
import { MemoryLog } from "./log.ts";

/** How long running requests may take at the end of a test, in milliseconds. */
const DRAIN_LIMIT_MS = 5000;

/** A running proxy. Disposing waits for the requests that run. */
export interface TestProxy extends AsyncDisposable {
  /** The first listener's URL, without a slash at the end. */
  readonly url: string;
  readonly urls: readonly string[];
  /** The first listener's port. */
  readonly port: number;
  /** Narration. */
  readonly log: MemoryLog;
  /** One record for each request whose response has ended. */
  readonly access: readonly AccessRecord[];
  close(): Promise<void>;
}

/**
 * Starts a proxy with these settings (environment names) on a free port of 127.0.0.1, unless they
 * say otherwise. `identity` goes to the TLS listener where there is one.
 */
export async function startTestProxy(
  settings: Readonly<Record<string, string>>,
  identity?: TlsIdentity,
): Promise<TestProxy> {
  const listens = "LISTEN_URL" in settings || "LISTEN_SSL_URL" in settings;
  const loaded = load({
    env: { ...(listens ? {} : { LISTEN_URL: "127.0.0.1:0" }), ...settings },
    flags: {},
    readFile: () => fail("no files here"),
  });
  if (!loaded.ok) throw new Error(renderProblems(loaded.failure));
  const { config } = loaded.value;
  const log = new MemoryLog();
  const access: AccessRecord[] = [];
  const meter = new Meter();
  const keySources = openBrokers(keySettings(config), {
    clock: systemClock,
    logFor: (provider) => logForProvider(log, provider),
    meter,
    nextGeneration: makeGenerations(),
  });
  const worker = startWorker({ ...workerSettings(config), identity }, {
    keySources,
    clock: systemClock,
    log,
    accessLog: (record) => access.push(record),
    meter,
  });
  if (!worker.ok) throw new Error(worker.failure);
  // The listeners are open; a caller may connect at once.
  await Promise.resolve();
  const urls = worker.value.urls();
  const [url = ""] = urls;
  const close = async () => {
    await worker.value.drain({ delayMs: 0, timeoutMs: DRAIN_LIMIT_MS });
    closeBrokers(keySources);
  };
  return {
    url,
    urls,
    port: Number(new URL(url).port),
    log,
    access,
    close,
    [Symbol.asyncDispose]: close,
  };
}
