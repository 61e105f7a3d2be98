import { MAX_CLOCK_SKEW_SECS } from "../../src/limits.ts";
import { monitorClockSkew } from "../../src/keys/clock_skew_monitor.ts";
import { assertEquals, assertIncludes } from "../support/assert.ts";
import { MemoryLog } from "../support/log.ts";

function watch(skews: readonly (number | undefined)[]) {
  const log = new MemoryLog();
  const clock = monitorClockSkew(log);
  skews.forEach((skew) => clock.take(skew));
  return { log, clock, told: log.lines.map(({ level, fields }) => [level, fields.secs]) };
}

Deno.test("A clock that is apart by more than the limit is told once, with what to do.", () => {
  const { log, told } = watch([0, MAX_CLOCK_SKEW_SECS, 5.1, 60, 61, 60]);
  assertEquals(told, [["warn", 5]]);
  assertIncludes(log.text(), "ahead of ours");
  assertIncludes(String(log.lines[0]?.fields.hint), "LEEWAY");
});

Deno.test("It is told again when the state changes: ahead, behind, in agreement, behind.", () => {
  const { told } = watch([60, -60, -61, 0, 1, -7]);
  assertEquals(told, [["warn", 60], ["warn", 60], ["info", undefined], ["warn", 7]]);
});

Deno.test("An answer that does not tell changes nothing.", () => {
  assertEquals(watch([undefined]).clock.skewSecs, undefined);
  const { clock, told } = watch([60, undefined]);
  assertEquals([clock.skewSecs, told.length], [60, 1]);
});
