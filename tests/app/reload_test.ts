import { makeGenerations } from "../../src/oidc/key_source.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { Meter } from "../../src/ops/meter.ts";
import { fail, ok, type Result } from "../../src/result.ts";
import type { Workers } from "../../src/ipc/workers.ts";
import { keySettings, workerSettings } from "../../src/app/prepare.ts";
import { closeBrokers, openBrokers } from "../../src/keys/key_brokers.ts";
import { watchWindows } from "../../src/app/accept_until.ts";
import type { Logging, LogSettings } from "../../src/ops/start_log.ts";
import { reload } from "../../src/app/reload.ts";
import type { Running } from "../../src/app/running.ts";
import type { ReadSettings } from "../../src/app/settings_source.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { MemoryLog } from "../support/log.ts";
import { startProvider } from "../support/provider.ts";
import { publicJwk, rsaKey } from "../support/tokens.ts";
import { loadSettings } from "../support/settings.ts";

function read(env: Readonly<Record<string, string>>): ReadSettings {
  const loaded = loadSettings(env);
  return {
    config: loaded.config,
    warnings: [],
    file: undefined,
    files: [],
    filesWhenNeeded: [],
    loaded,
  };
}

/** A running program whose workers say `verdict` to other settings. */
function makeRunning(env: Readonly<Record<string, string>>, verdict: Result<void, string>) {
  const log = new MemoryLog();
  const used: LogSettings[] = [];
  const logging: Logging = {
    log,
    accessLog: () => undefined,
    use: (asked) => void used.push(asked),
    end: async () => {},
  };
  const workers: Workers = {
    urls: () => [],
    strength: () => ({ ready: 1, wanted: 1 }),
    reload: () => Promise.resolve(verdict),
    meter: () => Promise.resolve(new Meter().data()),
    drain: () => Promise.resolve("finished"),
    kill() {},
  };
  const meter = new Meter();
  const keyDeps = {
    clock: systemClock,
    logFor: () => log,
    meter,
    nextGeneration: makeGenerations(),
  };
  const current = read(env);
  const { config } = current;
  const running: Running = {
    clock: systemClock,
    log,
    logging,
    meter,
    workers,
    keyDeps,
    settings: current,
    prepared: {
      config,
      worker: workerSettings(config),
      keys: keySettings(config),
      certificateExpiresAt: undefined,
    },
    keys: openBrokers(keySettings(config), keyDeps),
    windows: watchWindows(systemClock, () => log),
    admin: undefined,
    stopping: false,
  };
  return { running, used, [Symbol.dispose]: () => closeBrokers(running.keys) };
}

const NEW = { PROVIDER_URL: "http://127.0.0.1:10", LOG_LEVEL: "debug" };

Deno.test("A reload that the workers refuse leaves settings, log and keys as they are.", async () => {
  await using provider = startProvider({ keys: [publicJwk(await rsaKey(), { kid: "a" })] });
  using scene = makeRunning({ PROVIDER_URL: provider.url }, fail("no such address"));
  const { running, used } = scene;
  const keys = () => running.keys.get("default");
  await keys()?.fetch({ sinceMs: 0 });
  const before = { ...running };
  await reload(running, { read: () => ok(read(NEW)) });
  assertEquals({ ...running }, before);
  assertEquals([keys()?.current()?.keys.length, used], [1, []]);
});

Deno.test("A reload that the workers take exchanges settings, log and the keys of the old provider.", async () => {
  using scene = makeRunning({}, ok(undefined));
  const { running, used } = scene;
  const before = running.keys.get("default");
  await reload(running, { read: () => ok(read(NEW)) });
  assert(running.keys.get("default") !== before);
  assertEquals(running.settings.config.providers[0].url?.text, NEW.PROVIDER_URL);
  assertEquals(used, [{ level: "debug", form: "auto", refusalsPerSec: 100 }]);
});
