import { formatJson, formatPretty } from "../../src/ops/format.ts";
import type { Format, LogRecord } from "../../src/ops/log_record.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";

const TIME = Date.parse("2026-01-02T03:04:05.678Z");

function record(fields: LogRecord["fields"], message = "a sentence"): LogRecord {
  return { timeMs: TIME, level: "info", message, fields };
}

Deno.test("A line for machines is one JSON object with time, level, sentence and fields.", () => {
  const line = formatJson(record({ path: "/a", status: 200, ok: true, none: undefined }));
  assertEquals(JSON.parse(line), {
    time: "2026-01-02T03:04:05.678Z",
    level: "info",
    msg: "a sentence",
    path: "/a",
    status: 200,
    ok: true,
  });
});

Deno.test("A line for people has time, level, sentence and pairs.", () => {
  assertEquals(
    formatPretty(record({ path: "/a", status: 200, ok: true, none: undefined })),
    "03:04:05.678 INFO  a sentence  path=/a  status=200  ok=true",
  );
});

Deno.test("Each level has a word of five letters for people.", () => {
  const levels = ["error", "warning", "info", "debug", "trace"] as const;
  const words = levels.map((level) => formatPretty({ ...record({}), level }).slice(13, 19));
  assertEquals(words, ["ERROR ", "WARN  ", "INFO  ", "DEBUG ", "TRACE "]);
});

Deno.test("A value for people that could be taken for two, or for none, is quoted.", () => {
  const values: readonly (readonly [string, string])[] = [
    ["a b", '"a b"'],
    ["a=b", '"a=b"'],
    ["", '""'],
    ['"', '"\\""'],
    ["\\", '"\\\\"'],
    ["/a/b:c@d,e+f-g%20.h", "/a/b:c@d,e+f-g%20.h"],
  ];
  for (const [value, shown] of values) {
    assertEquals(formatPretty(record({ x: value })), `03:04:05.678 INFO  a sentence  x=${shown}`);
  }
});

/** What could end a line, move the cursor, recolour the screen or turn the text around. */
const DANGEROUS = {
  "line feed": "\n",
  "carriage return": "\r",
  "NUL": "\0",
  "escape": "\x1b[2J",
  "backspace": "\b",
  "bell": "\x07",
  "tab": "\t",
};

/** The same, for a terminal that shows Unicode. */
const DANGEROUS_FOR_PEOPLE = {
  ...DANGEROUS,
  "delete": "\x7f",
  "control sequence introducer": "\x9b2J",
  "next line": "\x85",
  "line separator": "\u2028",
  "paragraph separator": "\u2029",
  "right-to-left override": "\u202e",
  "zero-width space": "\u200b",
  "byte order mark": "\ufeff",
  "tag": "\u{e0041}",
};

const FORMATS: readonly (readonly [string, Format, Readonly<Record<string, string>>])[] = [
  ["machines", formatJson, DANGEROUS],
  ["people", formatPretty, DANGEROUS_FOR_PEOPLE],
];

for (const [whom, format, dangers] of FORMATS) {
  for (const [name, text] of Object.entries(dangers)) {
    Deno.test(`A ${name} never gets into a line for ${whom} as it is.`, () => {
      const first = String.fromCodePoint(text.codePointAt(0) ?? 0);
      for (const line of [format(record({ x: `a${text}b` })), format(record({}, `a${text}b`))]) {
        assert(!line.includes(first), JSON.stringify(line));
        assertIncludes(line, "a\\");
      }
    });
  }
}

Deno.test("A forged line stays inside the line that it was meant to end.", () => {
  const forged = '/x\n{"time":"2026-01-01","level":"error","msg":"forged"}';
  for (const format of [formatJson, formatPretty]) {
    assertEquals(format(record({ path: forged })).split(/[\n\r\u2028\u2029]/).length, 1);
  }
  assertEquals(JSON.parse(formatJson(record({ path: forged }))).path, forged);
});
