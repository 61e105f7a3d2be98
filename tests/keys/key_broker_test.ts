import { systemClock } from "../../src/ops/clock.ts";
import { Meter } from "../../src/ops/meter.ts";
import { metricRow, seriesOf } from "../../src/ops/metrics.ts";
import { makeGenerations } from "../../src/oidc/key_source.ts";
import { KeyBroker, type KeyBrokerDeps } from "../../src/keys/key_broker.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { MemoryLog } from "../support/log.ts";
import { startProvider } from "../support/provider.ts";
import { publicJwk, rsaKey } from "../support/tokens.ts";
import { keysOf } from "../support/settings.ts";

function makeDeps(): KeyBrokerDeps {
  return {
    clock: systemClock,
    log: new MemoryLog(),
    meter: new Meter(),
    nextGeneration: makeGenerations(),
  };
}

function startBroker(env: Readonly<Record<string, string>>, deps = makeDeps()) {
  const broker = new KeyBroker(keysOf(env), deps);
  let changes = 0;
  broker.onChange(() => changes++);
  const fetches = (result: string) =>
    deps.meter.data().providers.default?.keyFetches?.[
      seriesOf(metricRow("keyFetches")).indexOf(`{result="${result}"}`)
    ];
  return { broker, fetches, changes: () => changes, [Symbol.dispose]: () => broker.close() };
}

const publishedKey = async () => publicJwk(await rsaKey(), { kid: "a" });

Deno.test("A broker says whether keys are needed, had, or not to be had, and counts the fetches.", async () => {
  await using provider = startProvider({ keys: [await publishedKey()] });
  using test = startBroker({ PROVIDER_URL: provider.url, KEY_COOLDOWN_SECS: "1" });
  const { broker, fetches, changes } = test;
  assertEquals([broker.state(), provider.count()], ["not needed yet", 0]);
  provider.status(500);
  assertEquals((await broker.fetch({ sinceMs: 0 })).ok, false);
  assertEquals([broker.state(), fetches("status"), changes()], ["unavailable", 1, 0]);
  provider.recover();
  await new Promise((resolve) => setTimeout(resolve, 1050));
  assert((await broker.fetch({ sinceMs: 0 })).ok);
  assertEquals([broker.state(), fetches("ok"), changes()], ["usable", 1, 1]);
  assertEquals(broker.current()?.keys.length, 1);
});

Deno.test("A broker serves settings that name the same provider, and no others.", () => {
  using test = startBroker({ PROVIDER_URL: "http://127.0.0.1:9" });
  const serves = (env: Readonly<Record<string, string>>) =>
    test.broker.serves(keysOf({ PROVIDER_URL: "http://127.0.0.1:9", ...env }));
  assert(serves({ AUDIENCE: '"new"', KEY_CACHE_FILE: "/nowhere/keys.json" }));
  assert(!serves({ PROVIDER_URL: "http://127.0.0.1:10" }));
  assert(!serves({ ISSUER: "http://127.0.0.1:10" }));
  assert(!serves({ KEY_COOLDOWN_SECS: "3" }));
});

Deno.test("Two brokers of one process never give keys of the same generation.", async () => {
  await using provider = startProvider({ keys: [await publishedKey()] });
  await using other = startProvider({ keys: [await publishedKey()] });
  const deps = makeDeps();
  using one = startBroker({ PROVIDER_URL: provider.url }, deps);
  using two = startBroker({ PROVIDER_URL: other.url }, deps);
  await Promise.all([one.broker.fetch({ sinceMs: 0 }), two.broker.fetch({ sinceMs: 0 })]);
  const generations = [one, two].map(({ broker }) => broker.current()?.generation);
  assertEquals(generations.toSorted(), [1, 2]);
});

Deno.test("Without a wrong reply everybody who asks at once gets the keys of one fetch.", async () => {
  await using provider = startProvider({ keys: [await publishedKey()] });
  using test = startBroker({ PROVIDER_URL: provider.url });
  const replies = await Promise.all(
    Array.from({ length: 40 }, () => test.broker.fetch({ sinceMs: 0 })),
  );
  assert(replies.every(({ ok }) => ok));
  assertEquals([provider.count("discovery"), provider.count("jwks")], [1, 1]);
});
