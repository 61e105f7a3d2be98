import { assertEquals, assertExcludes, assertIncludes, assertMatch } from "../support/assert.ts";
import { MEMORY_AIM_MB } from "./cases.ts";
import { comparisonTable, document, faults, memoryLine, peerTable, resultTable } from "./report.ts";
import { exampleRows, findings } from "./rows.ts";

/** The line of a table that begins with this cell, its cells without their padding. */
function cellsOf(text: string, first: string): string[] {
  const line = text.split("\n").find((line) => line.startsWith(`| ${first} `)) ?? "";
  return line.split("|").slice(2, -1).map((cell) => cell.trim());
}

Deno.test("the table says for each aim whether it was reached", () => {
  const lines = resultTable(exampleRows()).split("\n");
  const [warm, tls] = ["one token, used again", "one token over TLS"].map((title) =>
    lines.find((line) => line.startsWith(`| ${title} `) && line.includes("this proxy"))
  );
  assertMatch(warm ?? "", /\| +0\.50 \| ≤ 0\.65 \| +yes \|/);
  assertMatch(tls ?? "", /\| +1\.20 \| ≤ 0\.68 \| +no \|/);
});

Deno.test("memory is compared with its aim", () => {
  assertIncludes(memoryLine({ cpuMicros: 0, pssMb: MEMORY_AIM_MB, rssMb: 150 }), "reached: yes");
  assertIncludes(
    memoryLine({ cpuMicros: 0, pssMb: MEMORY_AIM_MB + 0.1, rssMb: 150 }),
    "reached: no",
  );
  assertIncludes(memoryLine(undefined), "not measured");
});

Deno.test("the document names the machine, the day, the versions and what was run", () => {
  const text = document(findings());
  const parts = ["2026-01-02", "A Processor", "Linux 6.1", "nginx 1.22", "Rounds: 3", "4 s a"];
  for (const part of parts) assertIncludes(text, part);
});

Deno.test("the document holds notes, faults and no path of the machine", () => {
  const text = document(findings({ faults: ["something broke"] }));
  assertIncludes(text, "- websocket: left out\n");
  assertIncludes(text, "- something broke\n");
  assertExcludes(text, "/somewhere");
});

Deno.test("the comparison has a column for each chosen proxy, a dash where nothing was measured", () => {
  const text = comparisonTable(findings());
  assertEquals(cellsOf(text, "one token, used again"), [
    "40.0 (1.00)",
    "200 (5.00)",
    "80.0 (2.00)",
    "–",
    "250 (6.25)",
    "20.0 (0.50)",
  ]);
  assertEquals(cellsOf(text, "6,000 tokens in turn"), ["–", "–", "–", "–", "–", "–"]);
  assertEquals(cellsOf(text, "memory after the run, MB"), ["16", "–", "–", "–", "–", "95"]);
  const { options } = findings();
  const two = comparisonTable(findings({ options: { ...options, peers: ["apache", "proxy"] } }));
  assertEquals(cellsOf(two, "one token, used again"), ["80.0 (2.00)", "20.0 (0.50)"]);
});

Deno.test("the table of the peers has their versions, or why they were left out", () => {
  const text = peerTable(findings());
  assertEquals(cellsOf(text, "HAProxy")[0], "HAProxy 2.6");
  assertEquals(cellsOf(text, "Fastify")[0], "left out: not named by `--fastify DIR`");
});

Deno.test("the document says how to get the programs and how to run them again", () => {
  const text = document(findings());
  for (
    const part of [
      "go install github.com/oauth2-proxy/oauth2-proxy/v7@v",
      "npm install --prefix /tmp/bench fastify@",
      "libapache2-mod-auth-openidc",
      "deno task bench --oauth2-proxy /tmp/bench/oauth2-proxy --fastify /tmp/bench\n",
    ]
  ) assertIncludes(text, part);
});

Deno.test("rows without failures are no faults", () => {
  assertEquals(faults(exampleRows()), []);
});

Deno.test("wrong responses, broken connections and no response at all are faults", () => {
  const counts = [{ unexpected: 3 }, { broken: 2 }, { requests: 0 }];
  assertEquals(counts.map((count) => faults(exampleRows(count)).length), [1, 1, 1]);
  assertIncludes(faults(exampleRows({ unexpected: 3 })).join(), "3 wrong of 100,000 responses");
});
