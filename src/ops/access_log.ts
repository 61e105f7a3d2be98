import { isShown, type LogStyle } from "./log.ts";
import type { LogFields } from "./log_record.ts";
import type { LineWriter } from "./line_writer.ts";
import { fittingLine } from "./truncation.ts";

/**
 * What is logged about one request. There is no member for a token, a query string or a header value,
 * so none of them can reach the log.
 */
export interface AccessRecord {
  /** When the request came in, milliseconds since the epoch. */
  readonly timeMs: number;
  readonly requestId: string;
  /** Address of the peer. */
  readonly client: string;
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  readonly status: number;
  /** Why it was refused, or why it failed on its way to the upstream and back. */
  readonly reason?: string | undefined;
  /** More about the reason. */
  readonly detail?: string | undefined;
  /** Whether a token was verified, whatever came of the request after that. */
  readonly verified: boolean;
  /** The provider that issued a verified token, where it has a name. */
  readonly provider?: string | undefined;
  /** Subject and client id of a verified token. */
  readonly subject?: string | undefined;
  readonly clientId?: string | undefined;
  /** Bytes of the upstream's response that were handed over; 0 where the response is the proxy's own. */
  readonly bytes: number;
  readonly durationMs: number;
  /** Time until the head of the upstream's response. */
  readonly upstreamMs?: number | undefined;
}

/** Takes one record for each request. */
export type AccessLog = (record: AccessRecord) => void;

/** The access log for a style: one line a request at `info` and below, nothing otherwise. */
export function makeAccessLog(
  { level, format }: LogStyle,
  lines: LineWriter,
): AccessLog | undefined {
  if (!isShown("info", level)) return undefined;
  return (record) => {
    const { timeMs, durationMs, upstreamMs } = record;
    // Named one by one: copying objects costs more than writing the line.
    const fields: LogFields = {
      requestId: record.requestId,
      client: record.client,
      method: record.method,
      path: record.path,
      status: record.status,
      reason: record.reason,
      detail: record.detail,
      provider: record.provider,
      subject: record.subject,
      clientId: record.clientId,
      bytes: record.bytes,
      durationMs: round(durationMs),
      upstreamMs: upstreamMs && round(upstreamMs),
    };
    lines.write(fittingLine(format, { timeMs, level: "info", message: "request", fields }));
  };
}

/** Milliseconds with one digit after the point: more is noise. */
function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
