import { systemClock } from "../../src/ops/clock.ts";
import { Meter } from "../../src/ops/metrics.ts";
import { ok } from "../../src/result.ts";
import type { Crew } from "../../src/server/crew.ts";
import { KeyBroker, keySettings } from "../../src/server/key_broker.ts";
import { makeOverview } from "../../src/server/overview.ts";
import { assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { MemoryLog } from "../support/log.ts";
import { settings } from "./support.ts";

function overview(facts: { ready?: number; stopping?: boolean; expiresAt?: number } = {}) {
  const workers = new Meter();
  workers.countRequest(200, undefined, 0.01);
  const crew: Crew = {
    urls: () => [],
    strength: () => ({ ready: facts.ready ?? 2, wanted: 2 }),
    reload: () => Promise.resolve(ok(undefined)),
    meter: () => Promise.resolve(workers.data()),
    drain: () => Promise.resolve("finished"),
    kill() {},
  };
  const meter = new Meter();
  const deps = { clock: systemClock, log: new MemoryLog(), meter, nextGeneration: () => 1 };
  const keys = new KeyBroker(keySettings(settings()), deps);
  return makeOverview({
    crew,
    keys: () => keys,
    meter,
    clock: systemClock,
    build: { version: "1" },
    stopping: () => facts.stopping ?? false,
    certificateExpiresAt: () => facts.expiresAt,
  });
}

const failing = (facts: Parameters<typeof overview>[0]) =>
  overview(facts).readiness().filter(({ good }) => !good).map(({ name }) => name);

Deno.test("The service is ready with one worker, while keys are not needed yet.", () => {
  assertEquals(failing({}), []);
  assertEquals(failing({ ready: 1 }), []);
});

Deno.test("Without a worker, and on the way out, it is not.", () => {
  assertEquals(failing({ ready: 0 }), ["workers"]);
  assertEquals(failing({ stopping: true }), ["shutdown"]);
});

Deno.test("A scrape shows what workers counted; what has no value is left out.", async () => {
  const text = await overview({ expiresAt: 1_700_000_000_500 }).metrics();
  assertIncludes(text, 'ooproxy_requests_total{decision="allowed",status="2xx"} 1\n');
  assertIncludes(text, "ooproxy_certificate_expiry_timestamp_seconds 1700000000\n");
  assertIncludes(text, "ooproxy_workers 2\n");
  assertIncludes(text, "ooproxy_keys 0\n");
  assertExcludes(text, "ooproxy_keys_age_seconds");
  assertExcludes(await overview().metrics(), "ooproxy_certificate_expiry");
});
