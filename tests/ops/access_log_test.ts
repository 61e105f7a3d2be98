import { type AccessRecord, makeAccessLog } from "../../src/ops/access_log.ts";
import { formatJson } from "../../src/ops/format.ts";
import type { LogLevel } from "../../src/ops/log_record.ts";
import { assertEquals } from "../support/assert.ts";

const RECORD: AccessRecord = {
  timeMs: Date.parse("2026-01-02T03:04:05.678Z"),
  requestId: "id-1",
  client: "192.0.2.1",
  method: "GET",
  path: "/a",
  status: 200,
  verified: true,
  bytes: 12,
  durationMs: 3.14159,
};

/** The lines of one record at a level, and how often they were flushed. */
function linesOf(level: LogLevel, record: AccessRecord): unknown[] | undefined {
  const lines: unknown[] = [];
  const writer = {
    write: (line: string) => void lines.push(JSON.parse(line)),
    flush: () => void lines.push("flushed"),
  };
  const accessLog = makeAccessLog({ level, format: formatJson }, writer);
  accessLog?.(record);
  return accessLog && lines;
}

for (const level of ["info", "debug", "trace"] as const) {
  Deno.test(`At the level ${level} each request is one line, written with others.`, () => {
    assertEquals(linesOf(level, RECORD), [{
      time: "2026-01-02T03:04:05.678Z",
      level: "info",
      msg: "request",
      requestId: "id-1",
      client: "192.0.2.1",
      method: "GET",
      path: "/a",
      status: 200,
      bytes: 12,
      durationMs: 3.1,
    }]);
  });
}

for (const level of ["off", "error", "warning"] as const) {
  Deno.test(`At the level ${level} requests are not logged.`, () => {
    assertEquals(linesOf(level, RECORD), undefined);
  });
}

Deno.test("A line says why a request failed, who called and how long the upstream took.", () => {
  const [line] = linesOf("info", {
    ...RECORD,
    status: 504,
    reason: "upstream_timeout",
    detail: "more",
    subject: "s",
    clientId: "c",
    upstreamMs: 0.04,
  }) ?? [];
  assertEquals(line, {
    time: "2026-01-02T03:04:05.678Z",
    level: "info",
    msg: "request",
    requestId: "id-1",
    client: "192.0.2.1",
    method: "GET",
    path: "/a",
    status: 504,
    reason: "upstream_timeout",
    detail: "more",
    subject: "s",
    clientId: "c",
    bytes: 12,
    durationMs: 3.1,
    upstreamMs: 0,
  });
});
