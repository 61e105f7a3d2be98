import { clockSkewSecs } from "../../src/oidc/clock_skew.ts";
import { assertEquals } from "../support/assert.ts";

const NOON = Date.parse("2026-01-01T12:00:00Z");

/** Times in milliseconds after noon by our clock; the header says noon exactly. */
const CASES: readonly (readonly [
  sentence: string,
  sent: number,
  received: number,
  skewSecs: number,
])[] = [
  ["at the same moment", 0, 0, 0],
  ["at the end of its second", 999, 999, 0],
  ["one millisecond after its second", 1001, 1001, -0.001],
  ["one millisecond before its second", -1, -1, 0.001],
  ["by a request that took long and holds its second", -4000, 4000, 0],
  ["by a request that ended before it", -4000, -2000, 2],
  ["by a request that began after it", 4000, 6000, -3],
  ["an hour ahead", -3_600_000, -3_600_000, 3600],
  ["an hour behind", 3_601_000, 3_601_000, -3600],
];

for (const [sentence, sent, received, skewSecs] of CASES) {
  Deno.test(`clock skew: a Date that was made ${sentence} means ${skewSecs} s`, () => {
    const headers = new Headers({ date: "Thu, 01 Jan 2026 12:00:00 GMT" });
    assertEquals(clockSkewSecs(headers, NOON + sent, NOON + received), skewSecs);
  });
}

const SILENT: readonly (readonly [sentence: string, headers: Record<string, string>])[] = [
  ["without a Date", {}],
  ["with a Date that is none", { date: "yesterday" }],
  ["from a cache", { date: "Thu, 01 Jan 2026 11:00:00 GMT", age: "3600" }],
];

for (const [sentence, headers] of SILENT) {
  Deno.test(`clock skew: a response ${sentence} says nothing`, () => {
    assertEquals(clockSkewSecs(new Headers(headers), NOON, NOON), undefined);
  });
}
