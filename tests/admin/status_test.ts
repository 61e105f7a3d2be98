import { systemClock } from "../../src/ops/clock.ts";
import { Meter } from "../../src/ops/meter.ts";
import { ok } from "../../src/result.ts";
import type { Workers } from "../../src/ipc/workers.ts";
import { keySettings } from "../../src/app/prepare.ts";
import { closeBrokers, openBrokers } from "../../src/keys/key_brokers.ts";
import { makeStatus } from "../../src/admin/status.ts";
import { assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { MemoryLog } from "../support/log.ts";
import { startProvider, type TestProvider } from "../support/provider.ts";
import { settings } from "../support/settings.ts";
import { publicJwk, rsaKey } from "../support/tokens.ts";

function status(facts: { ready?: number; stopping?: boolean; expiresAt?: number } = {}) {
  const counted = new Meter();
  counted.countRequest(200, undefined, 0.01);
  const workers: Workers = {
    urls: () => [],
    strength: () => ({ ready: facts.ready ?? 2, wanted: 2 }),
    reload: () => Promise.resolve(ok(undefined)),
    meter: () => Promise.resolve(counted.data()),
    drain: () => Promise.resolve("finished"),
    kill() {},
  };
  const meter = new Meter();
  const log = new MemoryLog();
  const deps = { clock: systemClock, logFor: () => log, meter, nextGeneration: () => 1 };
  const keys = openBrokers(keySettings(settings()), deps);
  return makeStatus({
    workers,
    keys: () => keys,
    meter,
    clock: systemClock,
    build: { version: "1" },
    stopping: () => facts.stopping ?? false,
    certificateExpiresAt: () => facts.expiresAt,
  });
}

const failing = (facts: Parameters<typeof status>[0]) =>
  status(facts).readiness().filter(({ good }) => !good).map(({ name }) => name);

Deno.test("The service is ready with one worker, while keys are not needed yet.", () => {
  assertEquals(failing({}), []);
  assertEquals(failing({ ready: 1 }), []);
});

Deno.test("Without a worker, and on the way out, it is not.", () => {
  assertEquals(failing({ ready: 0 }), ["workers"]);
  assertEquals(failing({ stopping: true }), ["shutdown"]);
});

Deno.test("A scrape shows what workers counted; what has no value is left out.", async () => {
  const text = await status({ expiresAt: 1_700_000_000_500 }).metrics();
  assertIncludes(text, 'ooproxy_requests_total{decision="allowed",status="2xx"} 1\n');
  assertIncludes(text, "ooproxy_certificate_expiry_timestamp_seconds 1700000000\n");
  assertIncludes(text, "ooproxy_workers 2\n");
  assertIncludes(text, 'ooproxy_keys{provider="default"} 0\n');
  assertExcludes(text, "ooproxy_keys_age_seconds");
  assertExcludes(await status().metrics(), "ooproxy_certificate_expiry");
});

/** A status over two providers, `main` and `other`, whose settings and brokers can change. */
async function twoProviders() {
  const [main, other] = await Promise.all(
    [0, 1].map(async (index) =>
      startProvider({ keys: [publicJwk(await rsaKey(index), { kid: "same" })] })
    ),
  );
  const meter = new Meter();
  const log = new MemoryLog();
  const deps = { clock: systemClock, logFor: () => log, meter, nextGeneration: () => 1 };
  const brokersOf = (providers: Readonly<Record<string, TestProvider | undefined>>) => {
    const entries = Object.entries(providers).map(([name, provider]) => ({
      name,
      url: provider?.url,
    }));
    const config = settings({ PROVIDER_URL: "", PROVIDERS: JSON.stringify(entries) });
    return openBrokers(keySettings(config), deps, keys);
  };
  let keys: ReturnType<typeof openBrokers> = new Map();
  keys = brokersOf({ main, other });
  const workers: Workers = {
    urls: () => [],
    strength: () => ({ ready: 1, wanted: 1 }),
    reload: () => Promise.resolve(ok(undefined)),
    meter: () => Promise.resolve(new Meter().data()),
    drain: () => Promise.resolve("finished"),
    kill() {},
  };
  const source = makeStatus({
    workers,
    keys: () => keys,
    meter,
    clock: systemClock,
    build: { version: "1" },
    stopping: () => false,
    certificateExpiresAt: () => undefined,
  });
  return {
    main,
    other,
    ask: (name: string) => keys.get(name)?.fetch({ sinceMs: 0 }),
    /** What a reload does that leaves this provider alone. */
    keepOnly(name: "main" | "other") {
      const before = keys;
      keys = brokersOf({ [name]: { main, other }[name] });
      closeBrokers(before, keys);
    },
    metrics: () => source.metrics(),
    /** Names and texts of the checks about keys, and whether the service is ready. */
    keys: () => ({
      ready: source.readiness().every(({ good, forInformation }) => good || forInformation),
      shown: source.readiness().filter(({ name }) => name.startsWith("keys"))
        .map(({ name, good, text }) => `${good ? "+" : "-"} ${name} ${text}`),
    }),
    async [Symbol.asyncDispose]() {
      closeBrokers(keys);
      await Promise.all([main?.close(), other?.close()]);
    },
  };
}

Deno.test("Of several providers one is enough to be ready, and each is shown by its name.", async () => {
  await using scene = await twoProviders();
  const { main, other } = scene;
  assertEquals(scene.keys(), {
    ready: true,
    shown: [
      "+ keys 2 of 2 providers can be asked or have keys",
      "+ keys main: not needed yet",
      "+ keys other: not needed yet",
    ],
  });
  other?.status(500);
  await scene.ask("other");
  assertEquals(scene.keys(), {
    ready: true,
    shown: [
      "+ keys 1 of 2 providers can be asked or have keys",
      "+ keys main: not needed yet",
      "- keys other: none: JWKS fetch failed",
    ],
  });
  await scene.ask("main");
  assertEquals([scene.keys().ready, scene.keys().shown[1]], [
    true,
    "+ keys main: 1 held, fetched 0 s ago",
  ]);
  main?.status(500);
});

Deno.test("Without keys of any provider it is not ready.", async () => {
  await using scene = await twoProviders();
  for (const provider of [scene.main, scene.other]) provider?.status(500);
  await Promise.all([scene.ask("main"), scene.ask("other")]);
  assertEquals(scene.keys(), {
    ready: false,
    shown: [
      "- keys 0 of 2 providers can be asked or have keys",
      "- keys main: none: JWKS fetch failed",
      "- keys other: none: JWKS fetch failed",
    ],
  });
});

Deno.test("Gauges of a provider that a reload dropped are no longer shown, what it counted is.", async () => {
  await using scene = await twoProviders();
  await Promise.all([scene.ask("main"), scene.ask("other")]);
  const series = ["ooproxy_keys{", "ooproxy_keys_age_seconds{"];
  const both = await scene.metrics();
  for (const start of series) {
    for (const name of ["main", "other"]) assertIncludes(both, `${start}provider="${name}"} `);
  }
  scene.keepOnly("other");
  const text = await scene.metrics();
  for (const start of series) {
    assertExcludes(text, `${start}provider="main"}`);
    assertIncludes(text, `${start}provider="other"} `);
  }
  assertIncludes(text, 'ooproxy_key_fetches_total{provider="main",result="ok"} 1\n');
});
