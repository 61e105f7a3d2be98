import type { AccessRecord } from "../../src/ops/access_log.ts";
import { RefusalLimit } from "../../src/ops/refusal_limit.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

function started(perSec: number | "unlimited") {
  const clock = new FakeClock();
  const reports: Record<string, number>[] = [];
  const paths: string[] = [];
  const limit = new RefusalLimit(clock, (unlogged) => reports.push(Object.fromEntries(unlogged)));
  const accessLog = limit.limit(({ path }) => paths.push(path), perSec);
  return { clock, limit, accessLog, reports, paths };
}

function record(path: string, rest: Partial<AccessRecord> = {}): AccessRecord {
  const fixed = { timeMs: 0, requestId: "", client: "", method: "GET", bytes: 0, durationMs: 0 };
  return { ...fixed, path, status: 401, verified: false, reason: "missing_token", ...rest };
}

Deno.test("Lines within the limit are written, the others are counted once a second.", async () => {
  const { clock, accessLog, reports, paths } = started(2);
  for (const path of ["1", "2", "3"]) accessLog(record(path));
  accessLog(record("4", { reason: "expired" }));
  assertEquals([paths, reports], [["1", "2"], []]);
  await clock.advance(1000);
  assertEquals(reports, [{ missing_token: 1, expired: 1 }]);
  assertEquals(clock.pending, 0);
  accessLog(record("5"));
  await clock.advance(1000);
  assertEquals([paths.at(-1), reports.length], ["5", 1]);
});

Deno.test("Requests with a verified token are written whatever became of them, and so are good ones.", () => {
  const { accessLog, reports, paths, limit } = started(0);
  accessLog(record("audience", { verified: true, reason: "wrong_audience" }));
  accessLog(record("good", { verified: true, status: 200, reason: undefined }));
  accessLog(record("upstream's own 401", { verified: true, reason: undefined }));
  accessLog(record("public", { status: 200, reason: undefined }));
  limit.flush();
  assertEquals([paths.length, reports], [4, []]);
});

Deno.test("With a limit of 0 none is written and all are counted.", () => {
  const { accessLog, reports, paths, limit, clock } = started(0);
  for (let i = 0; i < 1000; i++) accessLog(record("x"));
  limit.flush();
  assertEquals([paths, reports, clock.pending], [[], [{ missing_token: 1000 }], 0]);
});

Deno.test("Without a limit every line is written, and no timer runs.", () => {
  const { accessLog, paths, clock } = started("unlimited");
  for (let i = 0; i < 1000; i++) accessLog(record("x"));
  assertEquals([paths.length, clock.pending], [1000, 0]);
});

Deno.test("Access logs of one process share the second, each with its own limit.", async () => {
  const { clock, limit, accessLog, paths, reports } = started(3);
  const other = limit.limit(({ path }) => paths.push(path), 1);
  accessLog(record("1"));
  other(record("2"));
  accessLog(record("3"));
  assertEquals(paths, ["1", "3"]);
  await clock.advance(1000);
  assertEquals(reports, [{ missing_token: 1 }]);
});
