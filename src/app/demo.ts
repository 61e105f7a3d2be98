/** Puts the real proxy into the demo, which does not import the serving path. */
import type { DemoOptions } from "../config/args.ts";
import { load } from "../config/load.ts";
import { runDemo, type StartProxy } from "../demo/demo.ts";
import { DEMO_DRAIN_MS } from "../limits.ts";
import { makeGenerations } from "../oidc/key_source.ts";
import { systemClock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { Meter } from "../ops/meter.ts";
import { fail } from "../result.ts";
import { closeBrokers, openBrokers } from "../keys/key_brokers.ts";
import { startWorker } from "../worker/worker.ts";
import { keySettings, workerSettings } from "./prepare.ts";

/** Runs the demo; resolves with the exit code. */
export function demo(options: DemoOptions, print: (line: string) => void): Promise<number> {
  return runDemo(options, startProxy(print), print);
}

function startProxy(print: (line: string) => void): StartProxy {
  return ({ providerUrl, upstreamUrl, listenPort, audience, scope }) => {
    const loaded = load({
      env: {
        LISTEN_URL: `127.0.0.1:${listenPort}`,
        PROVIDER_URL: providerUrl,
        UPSTREAM_URL: upstreamUrl,
        AUDIENCE: JSON.stringify(audience),
        REQUIRED_SCOPES: scope,
      },
      flags: {},
      readFile: () => fail("the demo reads no files"),
    });
    if (!loaded.ok) return Promise.reject(new Error("invalid configuration of the demo"));
    const { config } = loaded.value;
    const log = onlyProblems(print);
    const meter = new Meter();
    const keySources = openBrokers(keySettings(config), {
      clock: systemClock,
      logFor: () => log,
      meter,
      nextGeneration: makeGenerations(),
    });
    const worker = startWorker(workerSettings(config), {
      keySources,
      clock: systemClock,
      log,
      accessLog: undefined,
      meter,
    });
    if (!worker.ok) return Promise.reject(new Error(worker.failure));
    const [url = ""] = worker.value.urls();
    return Promise.resolve({
      url,
      async close() {
        await worker.value.drain({ delayMs: 0, timeoutMs: DEMO_DRAIN_MS });
        closeBrokers(keySources);
      },
    });
  };
}

/** The demo prints a transcript: only warnings and errors are shown between its lines. */
function onlyProblems(print: (line: string) => void): Log {
  const quiet = () => {};
  const show: Log["warn"] = (message, fields) => print(`${message} ${JSON.stringify(fields)}`);
  return { error: show, warn: show, info: quiet, debug: quiet };
}
