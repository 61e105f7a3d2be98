import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { type LoadReport, manyScript, parseWrk, refusedScript } from "./wrk.ts";

/** What wrk 4.1 prints, with the lines of a bad run and the count of the script added. */
const TEXT = `Running 2s test @ http://127.0.0.1:4000/hello
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.63ms    1.02ms  37.90ms   95.13%
    Req/Sec    24.12k     1.31k   26.01k    75.00%
  Latency Distribution
     50%  950.00us
     75%    2.78ms
     90%    3.10ms
     99%    1.02s 
  48000 requests in 2.00s, 8.24MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 47990
Requests/sec:  24000.00
Transfer/sec:      4.12MB
responds with status 401: 47980
`;

function parsed(text: string, expected: "2xx" | "401"): LoadReport {
  const report = parseWrk(text, expected);
  assert(report.ok, "it should be understood");
  return report.value;
}

Deno.test("wrk's numbers are read in microseconds and seconds", () => {
  assertEquals(parsed(TEXT, "2xx"), {
    requests: 48_000,
    secs: 2,
    p50Micros: 950,
    p99Micros: 1_020_000,
    unexpected: 47_990,
    broken: 10,
  });
});

Deno.test("a run of more than a minute is read in its unit", () => {
  assertEquals(parsed(TEXT.replace("in 2.00s", "in 1.50m"), "2xx").secs, 90);
});

Deno.test("without lines about errors everything was well", () => {
  const text = TEXT.split("\n").filter((line) => !/errors|Non-2xx/.test(line)).join("\n");
  const { unexpected, broken } = parsed(text, "2xx");
  assertEquals({ unexpected, broken }, { unexpected: 0, broken: 0 });
});

Deno.test("where 401 is expected every other response is unexpected", () => {
  assertEquals(parsed(TEXT, "401").unexpected, 20);
});

Deno.test("where 401 is expected and they were not counted, no response counts as right", () => {
  const text = TEXT.replace(/^responds with.*$/m, "");
  assertEquals(parsed(text, "401").unexpected, 48_000);
});

Deno.test("a text that is not wrk's is refused and shown", () => {
  const report = parseWrk("unable to connect to 127.0.0.1:1 Connection refused\n", "2xx");
  assert(!report.ok);
  assertIncludes(report.failure, "Connection refused");
});

Deno.test("the script for refused tokens prints what the parser reads", () => {
  assertIncludes(refusedScript("a.b.c"), '"responds with status 401: "');
});

Deno.test("the script for many tokens quotes the name of its file", () => {
  assertIncludes(manyScript('/tmp/a "b"/tokens'), 'io.lines("/tmp/a \\"b\\"/tokens")');
});
