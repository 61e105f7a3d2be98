import { formatJson, formatPretty } from "../../src/ops/format.ts";
import { type LogStyle, makeLog } from "../../src/ops/log.ts";
import type { LogLevel } from "../../src/ops/log_record.ts";
import { assertEquals, assertIncludes } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

/** Logs one line at each level, and returns what was written. */
function logged(level: LogLevel): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  let flushes = 0;
  const log = makeLog(() => ({ level, format: formatJson }), {
    write: (line) => void lines.push(JSON.parse(line)),
    flush: () => void flushes++,
  }, new FakeClock());
  log.error("an error");
  log.warn("a warning", { number: 1 });
  log.info("a sentence", { text: "x", flag: true, none: undefined });
  log.debug("a detail");
  assertEquals(flushes, lines.length);
  return lines;
}

const SHOWN: Readonly<Record<LogLevel, readonly string[]>> = {
  off: [],
  error: ["error"],
  warning: ["error", "warning"],
  info: ["error", "warning", "info"],
  debug: ["error", "warning", "info", "debug"],
  trace: ["error", "warning", "info", "debug"],
};

for (const [level, shown] of Object.entries(SHOWN)) {
  Deno.test(`At the level ${level} the log shows ${shown.join(", ") || "nothing"}.`, () => {
    assertEquals(logged(level as LogLevel).map((line) => line.level), [...shown]);
  });
}

Deno.test("A line carries its sentence and its fields, and is written at once.", () => {
  const [, warning, info] = logged("info");
  assertEquals([warning?.msg, warning?.number], ["a warning", 1]);
  assertEquals([info?.msg, info?.text, info?.flag, "none" in (info ?? {})], [
    "a sentence",
    "x",
    true,
    false,
  ]);
});

Deno.test("Braces in a sentence or a value are text.", () => {
  const lines: string[] = [];
  const style = { level: "info", format: formatJson } as const;
  const log = makeLog(
    () => style,
    { write: (line) => lines.push(line), flush() {} },
    new FakeClock(),
  );
  log.info("a {b} c", { b: "{c}", c: "d" });
  const { msg, b } = JSON.parse(lines[0] ?? "");
  assertEquals(b, "{c}");
  assertEquals(typeof msg, "string");
});

Deno.test("A log that is in use follows a change of its level and its format.", () => {
  const lines: string[] = [];
  let style: LogStyle = { level: "error", format: formatJson };
  const log = makeLog(
    () => style,
    { write: (line) => lines.push(line), flush() {} },
    new FakeClock(),
  );
  log.info("not shown");
  style = { level: "info", format: formatPretty };
  log.info("shown");
  assertEquals(lines.length, 1);
  assertIncludes(lines[0] ?? "", "INFO  shown");
});
