import { LOG_TEXT_LENGTHS, MAX_LOG_WRITE_BYTES } from "../limits.ts";
import type { Format, LogRecord } from "./log_record.ts";

/** Most bytes that a UTF-16 code unit takes in UTF-8. */
const BYTES_A_UNIT = 3;

/**
 * A record as a line that is written at once and whole, so that lines of several processes never mix:
 * where it would be longer than that allows, its longest texts are cut.
 */
export function fittingLine(format: Format, record: LogRecord): string {
  let line = format(record);
  for (const cut of LOG_TEXT_LENGTHS) {
    if (fits(line)) break;
    line = format({ ...record, fields: shortened(record.fields, cut) });
  }
  return line;
}

function fits(line: string): boolean {
  // Room for the line's end.
  const most = MAX_LOG_WRITE_BYTES - 1;
  return line.length * BYTES_A_UNIT <= most || new TextEncoder().encode(line).length <= most;
}

function shortened(fields: LogRecord["fields"], cut: number): LogRecord["fields"] {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "string" && value.length > cut ? `${value.slice(0, cut)}…` : value,
    ]),
  );
}
