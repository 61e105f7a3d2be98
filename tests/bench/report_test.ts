import { assertEquals, assertExcludes, assertIncludes, assertMatch } from "../support/assert.ts";
import { CASES, CHOOSABLE_PEERS } from "./cases.ts";
import { document, faults, type Findings, memoryLine, resultTable } from "./report.ts";
import { exampleRows } from "./rows.ts";

function findings(overrides: Partial<Findings> = {}): Findings {
  return {
    rows: exampleRows(),
    memory: { cpuMicros: 0, pssMb: 95, rssMb: 130 },
    notes: ["websocket: left out"],
    faults: [],
    machine: { processor: "A Processor", cores: 2, system: "Linux 6.1", versions: ["nginx 1.22"] },
    options: {
      rounds: 3,
      secs: 4,
      conns: 64,
      cases: CASES,
      peers: CHOOSABLE_PEERS,
      out: "/somewhere/docs",
    },
    date: new Date("2026-01-02T03:04:05Z"),
    ...overrides,
  };
}

Deno.test("the table says for each aim whether it was reached", () => {
  const lines = resultTable(exampleRows()).split("\n");
  const [warm, tls] = ["one token, used again", "one token over TLS"].map((title) =>
    lines.find((line) => line.startsWith(`| ${title} `) && line.includes("this proxy"))
  );
  assertMatch(warm ?? "", /\| +0\.50 \| ≤ 0\.50 \| +yes \|/);
  assertMatch(tls ?? "", /\| +1\.20 \| ≤ 0\.60 \| +no \|/);
});

Deno.test("memory is compared with its aim", () => {
  assertIncludes(memoryLine({ cpuMicros: 0, pssMb: 110, rssMb: 150 }), "reached: yes");
  assertIncludes(memoryLine({ cpuMicros: 0, pssMb: 110.1, rssMb: 150 }), "reached: no");
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

Deno.test("rows without failures are no faults", () => {
  assertEquals(faults(exampleRows()), []);
});

Deno.test("wrong responses, broken connections and no response at all are faults", () => {
  const counts = [{ unexpected: 3 }, { broken: 2 }, { requests: 0 }];
  assertEquals(counts.map((count) => faults(exampleRows(count)).length), [1, 1, 1]);
  assertIncludes(faults(exampleRows({ unexpected: 3 })).join(), "3 wrong of 100,000 responses");
});
