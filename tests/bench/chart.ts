/**
 * The chart: for each case one bar a peer, as long as its CPU a request, each case on a scale of its
 * own. Plain SVG without a script; its colours follow the reader's light or dark setting. Pure.
 */
import { CASES, PEER_TITLES, PROXIES } from "./cases.ts";
import { micros, number } from "./format.ts";
import type { Row } from "./summary.ts";

/** Measures of the drawing, in SVG units. */
const WIDTH = 860;
const MARGIN = 24;
const BARS_LEFT = 200;
/** The longest bar; what is right of it is for the values. */
const LONGEST = 380;
const TITLE_HEIGHT = 84;
const GROUP_HEADING = 26;
const BAR_STEP = 22;
const BAR_HEIGHT = 15;
const GROUP_GAP = 16;

const STYLE = `
.page { fill: #ffffff; }
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 18px; font-weight: 600; }
.case { font-weight: 600; }
.quiet { fill: #59636e; }
.haproxy { fill: #8b95a1; }
.oauth2-proxy { fill: #4f9d69; }
.apache { fill: #b0577f; }
.fastify { fill: #8a74c9; }
.naive { fill: #d08a3e; }
.proxy { fill: #2f7fd1; }
.aim { stroke: #c2303f; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117; }
  text { fill: #e6edf3; }
  .quiet { fill: #9198a1; }
  .haproxy { fill: #768390; }
  .oauth2-proxy { fill: #57ab74; }
  .apache { fill: #c0668f; }
  .fastify { fill: #9885d6; }
  .naive { fill: #c7823a; }
  .proxy { fill: #4a9bf0; }
  .aim { stroke: #ff7b86; }
}`;

/** Draws the rows whose CPU was measured; cases stand in the order of the table of cases. */
export function chart(rows: readonly Row[]): string {
  const groups = CASES.map(({ name }) =>
    rows.filter((row) => row.benchCase.name === name && row.cpuMicros !== undefined)
  ).filter((group) => group.length > 0);
  let top = TITLE_HEIGHT;
  const drawn = groups.map((group) => {
    const svg = drawGroup(group, top);
    top += GROUP_HEADING + group.length * BAR_STEP + GROUP_GAP;
    return svg;
  });
  const height = top + MARGIN - GROUP_GAP;
  const what = "CPU time per request, in microseconds, of each proxy in each case; " +
    "the same numbers stand in the table of benchmarks.md.";
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" \
viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="name what">
<title id="name">CPU per request</title>
<desc id="what">${escape(what)}</desc>
<style>${STYLE}
</style>
<rect class="page" width="${WIDTH}" height="${height}"/>
${text(MARGIN, 34, "CPU per request, shorter is better", "title")}
${text(MARGIN, 58, "Microseconds of one core, medians; each case has its own scale.", "quiet")}
${legend()}
${drawn.join("\n")}
</svg>
`;
}

function legend(): string {
  const [left, top] = [WIDTH - MARGIN - 200, 45];
  return `<line class="aim" x1="${left}" x2="${left}" y1="${top}" y2="${top + 16}"/>\n` +
    text(left + 10, top + 13, "aim for this proxy, at most", "quiet");
}

function drawGroup(group: readonly Row[], top: number): string {
  const first = group[0];
  if (first === undefined) return "";
  const { title, aim } = first.benchCase;
  const reference = group.find(({ peer }) => peer === "haproxy")?.cpuMicros;
  const aimed = aim === undefined || reference === undefined ? undefined : aim * reference;
  const longest = Math.max(...group.map(({ cpuMicros }) => cpuMicros ?? 0), aimed ?? 0, 1);
  const scale = (value: number) => Math.round(value / longest * LONGEST * 10) / 10;
  const bars = inOrder(group).map((row, i) => {
    const y = top + GROUP_HEADING + i * BAR_STEP;
    const length = Math.max(scale(row.cpuMicros ?? 0), 1);
    const marker = row.peer === "proxy" && aimed !== undefined
      ? `<line class="aim" x1="${BARS_LEFT + scale(aimed)}" x2="${BARS_LEFT + scale(aimed)}" ` +
        `y1="${y - 3}" y2="${y + BAR_HEIGHT + 3}"/>`
      : "";
    const end = BARS_LEFT + Math.max(length, marker === "" ? 0 : scale(aimed ?? 0));
    return [
      text(BARS_LEFT - 10, y + 12, PEER_TITLES[row.peer], "quiet", "end"),
      `<rect class="${row.peer}" x="${BARS_LEFT}" y="${y}" width="${length}" ` +
      `height="${BAR_HEIGHT}" rx="2"/>`,
      marker,
      text(end + 10, y + 12, label(row)),
    ].filter((part) => part !== "").join("\n");
  });
  return [text(MARGIN, top + 14, title, "case"), ...bars].join("\n");
}

function label({ cpuMicros, ratio, peer, benchCase }: Row): string {
  const value = `${micros(cpuMicros)} µs`;
  if (ratio === undefined || peer === "haproxy") return value;
  const aim = peer === "proxy" && benchCase.aim !== undefined
    ? `, aim ${number(benchCase.aim, 2)}`
    : "";
  return `${value} (${number(ratio, 2)} of HAProxy${aim})`;
}

function inOrder(group: readonly Row[]): Row[] {
  return PROXIES.flatMap((peer) => group.filter((row) => row.peer === peer));
}

function text(x: number, y: number, words: string, kind = "", anchor = ""): string {
  const attributes = [
    kind === "" ? "" : ` class="${kind}"`,
    anchor === "" ? "" : ` text-anchor="${anchor}"`,
  ];
  return `<text x="${x}" y="${y}"${attributes.join("")}>${escape(words)}</text>`;
}

function escape(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
