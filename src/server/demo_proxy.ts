/** Puts the real proxy into the demo, which knows nothing of the serving path. */
import type { DemoOptions } from "../config/args.ts";
import { load } from "../config/load.ts";
import { runDemo, type StartProxy } from "../demo/demo.ts";
import { ProviderKeys } from "../oidc/provider_keys.ts";
import { systemClock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { fail } from "../result.ts";
import { startWorker } from "./worker.ts";

/** Runs the demo; resolves with the exit code. */
export function demo(options: DemoOptions, print: (line: string) => void): Promise<number> {
  return runDemo(options, startProxy(print), print);
}

function startProxy(print: (line: string) => void): StartProxy {
  return async ({ providerUrl, upstreamUrl, listenPort, audience }) => {
    const loaded = load({
      env: {
        LISTEN_URL: `127.0.0.1:${listenPort}`,
        PROVIDER_URL: providerUrl,
        UPSTREAM_URL: upstreamUrl,
        AUDIENCE: JSON.stringify(audience),
      },
      flags: {},
      readFile: () => fail("the demo reads no files"),
    });
    if (!loaded.ok) throw new Error("the settings of the demo are wrong");
    const { config } = loaded.value;
    const log = onlyTroubles(print);
    const keySource = new ProviderKeys({
      providerUrl: config.providerUrl.base,
      expectedIssuer: config.providerUrl.text,
      cooldownMs: config.keyCooldownSecs * 1000,
      expiryMs: undefined,
      keysOptional: false,
    }, { clock: systemClock, log, fetcher: fetch });
    const worker = await startWorker(config, undefined, {
      keySource,
      clock: systemClock,
      log,
      accessLog: undefined,
    });
    if (!worker.ok) throw new Error(worker.failure);
    const [url = ""] = worker.value.urls;
    return {
      url,
      async close() {
        await worker.value.shutdown();
        keySource.close();
      },
    };
  };
}

/** The demo prints a transcript: only what goes wrong comes between its lines. */
function onlyTroubles(print: (line: string) => void): Log {
  const quiet = () => {};
  const tell: Log["warn"] = (message, fields) => print(`${message} ${JSON.stringify(fields)}`);
  return { error: tell, warn: tell, info: quiet, debug: quiet };
}
