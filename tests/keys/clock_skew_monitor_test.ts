import { MAX_CLOCK_SKEW_SECS } from "../../src/limits.ts";
import { monitorClockSkew } from "../../src/keys/clock_skew_monitor.ts";
import { assertEquals, assertIncludes } from "../support/assert.ts";
import { MemoryLog } from "../support/log.ts";

function watch(skews: readonly (number | undefined)[]) {
  const log = new MemoryLog();
  const clock = monitorClockSkew(log);
  skews.forEach((skew) => clock.take(skew));
  return { log, clock, logged: log.lines.map(({ level, fields }) => [level, fields.secs]) };
}

Deno.test("A clock skew above the limit is logged once, with what to do.", () => {
  const { log, logged } = watch([0, MAX_CLOCK_SKEW_SECS, 5.1, 60, 61, 60]);
  assertEquals(logged, [["warn", 5]]);
  assertIncludes(log.text(), "provider clock ahead");
  assertIncludes(String(log.lines[0]?.fields.hint), "LEEWAY");
});

Deno.test("It is logged again when the state changes: ahead, behind, in sync, behind.", () => {
  const { logged } = watch([60, -60, -61, 0, 1, -7]);
  assertEquals(logged, [["warn", 60], ["warn", 60], ["info", undefined], ["warn", 7]]);
});

Deno.test("A response without a date changes nothing.", () => {
  assertEquals(watch([undefined]).clock.skewSecs, undefined);
  const { clock, logged } = watch([60, undefined]);
  assertEquals([clock.skewSecs, logged.length], [60, 1]);
});
