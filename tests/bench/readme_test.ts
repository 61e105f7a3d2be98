import { assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { projectFile } from "../support/process.ts";
import { summary, withSummary } from "./readme.ts";
import { document } from "./report.ts";
import { exampleRows, findings } from "./rows.ts";

Deno.test("the sentence has both costs of each measured peer and the conditions", () => {
  assertEquals(
    summary(findings()),
    "CPU a request in µs (small GET, 64 connections, loopback, one core, A Processor, " +
      "medians of 3 rounds, 2026-01-02): with a token seen before 20.0 here, 40.0 HAProxy, " +
      "200 oauth2-proxy, 80.0 Apache; with a new one 230 here, 40.0 HAProxy, 80.0 Apache.",
  );
});

Deno.test("a single round has no figures that the README would quote", () => {
  const options = { ...findings().options, rounds: 1 };
  const text = summary(findings({ options })) ?? "";
  assertIncludes(text, "in one round, on 2026-01-02: too rough");
  assertExcludes(text, "µs");
});

Deno.test("the document has the sentence too", () => {
  assertIncludes(document(findings()), `${summary(findings())}\n`);
});

Deno.test("a run without this proxy, without HAProxy or without both cases has no sentence", () => {
  const rows = exampleRows();
  const partial = [
    rows.filter(({ peer }) => peer !== "proxy"),
    rows.filter(({ peer }) => peer !== "haproxy"),
    rows.filter(({ benchCase }) => benchCase.name !== "no-cache"),
  ];
  for (const rows of partial) {
    assertEquals(summary(findings({ rows })), undefined);
    assertEquals(withSummary("anything", findings({ rows })), "anything");
  }
});

Deno.test("the sentence replaces the one in the README", () => {
  const readme = "a\n\n<!-- benchmark:begin -->\n\nold\n\n<!-- benchmark:end -->\n\nz\n";
  const text = withSummary(readme, findings());
  assertEquals(
    text,
    readme.replace("old", `${summary(findings())} [More](docs/benchmarks.md).`),
  );
});

Deno.test("the README says what docs/benchmarks.md says", () => {
  const words = (file: string) => Deno.readTextFileSync(projectFile(file)).replaceAll(/\s+/g, " ");
  const found = /<!-- benchmark:begin --> (.+) \[More\].*<!-- benchmark:end -->/.exec(
    words("README.md"),
  );
  assertIncludes(words("docs/benchmarks.md"), found?.[1] ?? "a sentence in the README");
});
