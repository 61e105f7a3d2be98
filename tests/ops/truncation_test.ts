import { MAX_LOG_WRITE_BYTES } from "../../src/limits.ts";
import { formatJson, formatPretty } from "../../src/ops/format.ts";
import { fittingLine } from "../../src/ops/truncation.ts";
import { assert, assertEquals } from "../support/assert.ts";

const record = (fields: Record<string, string | number>) =>
  ({ timeMs: 0, level: "info", message: "m", fields }) as const;

Deno.test("A line that is short enough stays as it is.", () => {
  const short = record({ path: "/a", status: 200, subject: "é".repeat(1000) });
  assertEquals(fittingLine(formatJson, short), formatJson(short));
});

for (const [name, format] of [["JSON", formatJson], ["pretty", formatPretty]] as const) {
  Deno.test(`Long texts are cut until the ${name} line is written whole.`, () => {
    for (const text of ["x", "é", "\x1b", "\u{e0001}", '"']) {
      const long = record({ a: text.repeat(20_000), b: text.repeat(3000), status: 200 });
      const line = fittingLine(format, long);
      assert(new TextEncoder().encode(`${line}\n`).length <= MAX_LOG_WRITE_BYTES);
      if (format === formatJson) assertEquals(JSON.parse(line).status, 200);
      assert(!/\p{Cc}|\p{Cf}/u.test(line));
    }
  });
}
