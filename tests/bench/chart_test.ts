import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { PROXIES } from "./cases.ts";
import { chart } from "./chart.ts";
import { exampleRows } from "./rows.ts";

/** Attribute `name` of every element that matches. */
function attributes(svg: string, element: RegExp, name: string): number[] {
  return [...svg.matchAll(element)].map(([found]) =>
    Number(new RegExp(` ${name}="([^"]*)"`).exec(found)?.[1])
  );
}

/** The rows of the first case. */
function warmRows() {
  return exampleRows().filter(({ benchCase }) => benchCase.name === "warm");
}

Deno.test("every proxy has a colour of its own, in light and in dark", () => {
  const svg = chart(exampleRows());
  for (const peer of PROXIES) {
    const colours = [...svg.matchAll(new RegExp(`\\.${peer} \\{ fill: (#\\w+); \\}`, "g"))];
    assertEquals(new Set(colours.map(([, colour]) => colour)).size, 2, peer);
  }
});

Deno.test("the chart has one bar for each row with CPU", () => {
  const svg = chart(exampleRows());
  const bars = PROXIES.map((peer) => svg.split(`<rect class="${peer}"`).length - 1);
  assertEquals(bars, [3, 1, 2, 0, 1, 4]);
});

Deno.test("the bars of a case are in proportion", () => {
  const svg = chart(warmRows());
  const widths = attributes(svg, /<rect class="(?!page)[^>]*>/g, "width");
  assertEquals(widths, [60.8, 304, 121.6, 380, 30.4]);
});

Deno.test("the aim is marked where this proxy's bar would have to end", () => {
  const svg = chart(warmRows());
  const [, first] = attributes(svg, /<line class="aim"[^>]*>/g, "x1");
  assertEquals(first, 200 + 39.5);
});

Deno.test("the values stand in the chart as text", () => {
  assertIncludes(chart(exampleRows()), "20.0 µs (0.50 of HAProxy, aim 0.65)");
});

Deno.test("the chart follows light and dark, and runs nothing", () => {
  const svg = chart(exampleRows());
  assertIncludes(svg, "prefers-color-scheme: dark");
  for (const part of ["<script", "href", "url(", "@import"]) assertExcludes(svg, part);
});

Deno.test("everything lies within the drawing", () => {
  const svg = chart(exampleRows());
  const [height = 0] = attributes(svg, /<svg [^>]*>/g, "height");
  const lowest = Math.max(...attributes(svg, /<(rect|text) [^>]*>/g, "y").filter(Number.isFinite));
  assert(lowest < height, `${lowest} of ${height}`);
});

Deno.test("a chart of nothing is still a drawing", () => {
  assertIncludes(chart([]), "</svg>");
});
