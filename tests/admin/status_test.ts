import { systemClock } from "../../src/ops/clock.ts";
import { Meter } from "../../src/ops/meter.ts";
import { ok } from "../../src/result.ts";
import type { Workers } from "../../src/ipc/workers.ts";
import { keySettings } from "../../src/app/prepare.ts";
import { openBrokers } from "../../src/keys/key_brokers.ts";
import { makeStatus } from "../../src/admin/status.ts";
import { assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { MemoryLog } from "../support/log.ts";
import { settings } from "../support/settings.ts";

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
