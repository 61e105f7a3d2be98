import { keySettings } from "../../src/app/prepare.ts";
import {
  adoptAll,
  closeBrokers,
  type KeyBrokers,
  openBrokers,
} from "../../src/keys/key_brokers.ts";
import type { KeySettings } from "../../src/keys/key_broker.ts";
import { makeKeyCache } from "../../src/keys/key_cache.ts";
import { makeGenerations } from "../../src/oidc/key_source.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { Meter } from "../../src/ops/meter.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { MemoryLog } from "../support/log.ts";
import { startProvider, type TestProvider } from "../support/provider.ts";
import { settings } from "../support/settings.ts";
import { publicJwk, rsaKey } from "../support/tokens.ts";

const publish = async (index: number) =>
  startProvider({ keys: [publicJwk(await rsaKey(index), { kid: "same" })] });

/** What the settings say about the keys of these providers, in the order of `[[provider]]`. */
function wanted(entries: readonly Readonly<Record<string, unknown>>[]): readonly KeySettings[] {
  return keySettings(settings({ PROVIDER_URL: "", PROVIDERS: JSON.stringify(entries) }));
}

function makeDeps() {
  const logs = new Map<string, MemoryLog>();
  return {
    logs,
    deps: {
      clock: systemClock,
      meter: new Meter(),
      nextGeneration: makeGenerations(),
      logFor(provider: string) {
        const log = new MemoryLog();
        logs.set(provider, log);
        return log;
      },
    },
  };
}

const fetchAll = (brokers: KeyBrokers) =>
  Promise.all([...brokers.values()].map((broker) => broker.fetch({ sinceMs: 0 })));

const entry = (name: string, provider: TestProvider) => ({ name, url: provider.url });

Deno.test("Each provider has a broker, a log and metrics of its own, and keys of another generation.", async () => {
  await using one = await publish(0);
  await using two = await publish(1);
  two.status(500);
  const { deps, logs } = makeDeps();
  const brokers = openBrokers(wanted([entry("one", one), entry("two", two)]), deps);
  await fetchAll(brokers);
  const states = () => [...brokers].map(([name, broker]) => [name, broker.state()]);
  assertEquals(states(), [["one", "usable"], ["two", "unavailable"]]);
  const loud = (name: string) => logs.get(name)?.lines.filter(({ level }) => level === "error");
  assertEquals([loud("one")?.length, loud("two")?.length], [0, 1]);
  const { providers } = deps.meter.data();
  assertEquals(Object.keys(providers).toSorted(), ["one", "two"]);
  assertEquals(providers.one?.keyFetches?.[0], 1);
  assertEquals(providers.two?.keyFetches?.[0], 0);
  assertEquals(brokers.get("one")?.current()?.issuer, one.url);
  assertEquals(brokers.get("two")?.current(), undefined);
  closeBrokers(brokers);
});

Deno.test("A reload keeps the broker of a provider that stays, keys included, and makes those of others.", async () => {
  await using one = await publish(0);
  await using two = await publish(1);
  await using three = await publish(2);
  const { deps } = makeDeps();
  const before = openBrokers(wanted([entry("one", one), entry("two", two)]), deps);
  await fetchAll(before);
  const asked = wanted([
    { ...entry("one", one), audience: '"new"', required_scopes: ["x"] },
    { ...entry("two", two), key_cooldown_secs: 3 },
    entry("three", three),
  ]);
  const after = openBrokers(asked, deps, before);
  assertEquals([...after.keys()], ["one", "two", "three"]);
  assert(after.get("one") === before.get("one"));
  assert(after.get("two") !== before.get("two"));
  adoptAll(after, asked);
  closeBrokers(before, after);
  // The one that was kept has its keys, and still works.
  assertEquals(after.get("one")?.state(), "usable");
  assertEquals(after.get("two")?.state(), "not needed yet");
  const fetches = () => [one, two, three].map((provider) => provider.count("jwks"));
  assertEquals(fetches(), [1, 1, 0]);
  assert((await fetchAll(after)).every(({ ok }) => ok));
  assertEquals(fetches(), [1, 2, 1]);
  closeBrokers(after);
});

Deno.test("A provider under another name is another provider.", async () => {
  await using one = await publish(0);
  const { deps } = makeDeps();
  const before = openBrokers(wanted([entry("one", one)]), deps);
  await fetchAll(before);
  const after = openBrokers(wanted([entry("renamed", one)]), deps, before);
  assertEquals([...after].map(([name, broker]) => [name, broker.state()]), [
    ["renamed", "not needed yet"],
  ]);
  closeBrokers(before, after);
  closeBrokers(after);
});

Deno.test("What a reload drops is closed, its fetch in flight too; a refused reload closes what it made.", async () => {
  await using one = await publish(0);
  await using two = await publish(1);
  two.hang();
  const { deps } = makeDeps();
  const before = openBrokers(wanted([entry("one", one), entry("two", two)]), deps);
  const hanging = before.get("two")?.fetch({ sinceMs: 0 });
  await before.get("one")?.fetch({ sinceMs: 0 });

  const refused = openBrokers(wanted([entry("one", one), entry("three", two)]), deps, before);
  const made = refused.get("three")?.fetch({ sinceMs: 0 });
  closeBrokers(refused, before);
  assertEquals((await made)?.ok, false);
  assertEquals(before.get("one")?.state(), "usable");

  const after = openBrokers(wanted([entry("one", one)]), deps, before);
  closeBrokers(before, after);
  assertEquals((await hanging)?.ok, false);
  assert((await after.get("one")?.fetch({ sinceMs: 0 }))?.ok);
  closeBrokers(after);
});

Deno.test("Each key cache file that cannot be written is logged once, and again when it can.", async () => {
  await using one = await publish(0);
  await using two = await publish(1);
  const folder = await Deno.makeTempDir({ prefix: "ooproxy_cache_" });
  try {
    const log = new MemoryLog();
    const cache = makeKeyCache({ clock: systemClock, log });
    const file = (name: string) => `${folder}/${name}/keys.json`;
    const entries = [entry("one", one), entry("two", two)];
    const asked = wanted(entries.map((own) => ({ ...own, key_cache_file: file(own.name) })));
    const brokers = openBrokers(asked, { ...makeDeps().deps, cache });
    await fetchAll(brokers);
    const store = async () => {
      for (const target of asked) {
        const keys = brokers.get(target.name)?.current();
        assert(keys !== undefined);
        cache.store(keys, target);
      }
      await cache.written();
    };
    for (let n = 0; n < 3; n++) await store();
    const said = () => log.lines.map(({ message, fields }) => [message, fields.file]);
    const failed = ["one", "two"].map((name) => ["cannot write KEY_CACHE_FILE", file(name)]);
    assertEquals(said(), failed);
    await Deno.mkdir(`${folder}/two`);
    for (let n = 0; n < 2; n++) await store();
    assertEquals(said(), [...failed, ["KEY_CACHE_FILE written again", file("two")]]);
    closeBrokers(brokers);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
