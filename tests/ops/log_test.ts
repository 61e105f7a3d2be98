import { formatJson } from "../../src/ops/format.ts";
import { type LogLevel, startLog } from "../../src/ops/log.ts";
import { assertEquals } from "../support/assert.ts";

/** Tells one line at each level, and returns what was written. */
function told(level: LogLevel): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  let flushes = 0;
  const log = startLog(level, formatJson, {
    write: (line) => void lines.push(JSON.parse(line)),
    flush: () => void flushes++,
  });
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
    assertEquals(told(level as LogLevel).map((line) => line.level), [...shown]);
  });
}

Deno.test("A line carries its sentence and its fields, and is written at once.", () => {
  const [, warning, info] = told("info");
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
  const log = startLog("info", formatJson, { write: (line) => lines.push(line), flush() {} });
  log.info("a {b} c", { b: "{c}", c: "d" });
  const { msg, b } = JSON.parse(lines[0] ?? "");
  assertEquals(b, "{c}");
  assertEquals(typeof msg, "string");
});

Deno.test("Starting the log again replaces the one before.", () => {
  const lines: string[][] = [[], []];
  for (const own of lines) {
    startLog("info", formatJson, { write: (line) => own.push(line), flush() {} }).info("here");
  }
  assertEquals(lines.map((own) => own.length), [1, 1]);
});
