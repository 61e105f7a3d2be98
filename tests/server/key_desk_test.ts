import { systemClock } from "../../src/ops/clock.ts";
import { Meter, metricRow, seriesOf } from "../../src/ops/metrics.ts";
import { KeyDesk } from "../../src/server/key_desk.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { MemoryLog } from "../support/log.ts";
import { startProvider } from "../support/provider.ts";
import { publicJwk, rsaKey } from "../support/tokens.ts";
import { settings } from "./support.ts";

function startDesk() {
  const meter = new Meter();
  let told = 0;
  const desk = new KeyDesk({
    clock: systemClock,
    log: new MemoryLog(),
    meter,
    fetcher: fetch,
    onKeys: () => told++,
  });
  const fetches = (result: string) =>
    meter.data().keyFetches[seriesOf(metricRow("keyFetches")).indexOf(`{result="${result}"}`)];
  return { desk, fetches, told: () => told, [Symbol.dispose]: () => desk.close() };
}

const publishedKey = async () => publicJwk(await rsaKey(), { kid: "a" });

Deno.test("The desk tells whether keys are needed, had, or not to be had, and counts the fetches.", async () => {
  await using provider = startProvider({ keys: [await publishedKey()] });
  using test = startDesk();
  const { desk, fetches, told } = test;
  desk.configure(settings({ PROVIDER_URL: provider.url, KEY_COOLDOWN_SECS: "1" }));
  assertEquals([desk.state(), provider.count()], ["not needed yet", 0]);
  provider.status(500);
  assertEquals((await desk.since(0)).ok, false);
  assertEquals([desk.state(), fetches("status"), told()], ["unavailable", 1, 0]);
  provider.recover();
  await new Promise((resolve) => setTimeout(resolve, 1050));
  assert((await desk.since(0)).ok);
  assertEquals([desk.state(), fetches("ok"), told()], ["usable", 1, 1]);
  assertEquals(desk.current()?.keys.length, 1);
});

Deno.test("Keys stay over a change of settings that names the same provider, and go with another.", async () => {
  await using provider = startProvider({ keys: [await publishedKey()] });
  await using other = startProvider({ keys: [await publishedKey()] });
  using test = startDesk();
  const { desk } = test;
  desk.configure(settings({ PROVIDER_URL: provider.url }));
  await desk.since(0);
  desk.configure(settings({ PROVIDER_URL: provider.url, AUDIENCE: '"new"' }));
  assertEquals([desk.state(), provider.count("jwks")], ["usable", 1]);
  desk.configure(settings({ PROVIDER_URL: other.url }));
  assertEquals([desk.state(), desk.current()], ["not needed yet", undefined]);
  await desk.since(0);
  assertEquals(desk.current()?.issuer, other.url);
});

Deno.test("Without a wrong answer everybody who asks at once gets the keys of one fetch.", async () => {
  await using provider = startProvider({ keys: [await publishedKey()] });
  using test = startDesk();
  test.desk.configure(settings({ PROVIDER_URL: provider.url }));
  const answers = await Promise.all(Array.from({ length: 40 }, () => test.desk.since(0)));
  assert(answers.every(({ ok }) => ok));
  assertEquals([provider.count("discovery"), provider.count("jwks")], [1, 1]);
});
