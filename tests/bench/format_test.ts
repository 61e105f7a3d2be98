import { assertEquals } from "../support/assert.ts";
import { micros, millis, number, table, yesNo } from "./format.ts";

Deno.test("numbers have a comma every three digits and the decimals that are asked for", () => {
  assertEquals([number(1234567), number(0.456, 2), number(undefined)], ["1,234,567", "0.46", "–"]);
});

Deno.test("small times keep a decimal, large ones do not", () => {
  assertEquals([micros(9.04), micros(99.9), micros(1596.6)], ["9.0", "99.9", "1,597"]);
  assertEquals(millis(1234), "1.23");
});

Deno.test("a verdict is yes, no or nothing", () => {
  assertEquals([true, false, undefined].map(yesNo), ["yes", "no", "–"]);
});

Deno.test("a table is padded, words to the left and numbers to the right", () => {
  assertEquals(
    table(["Case", "µs"], [["warm", "1,000"], ["a", "–"]], 1),
    `| Case |    µs |
| ---- | ----: |
| warm | 1,000 |
| a    |     – |
`,
  );
});
