import { type AccessLog, makeAccessLog } from "../ops/access_log.ts";
import { systemClock } from "../ops/clock.ts";
import { formatJson, formatPretty } from "../ops/format.ts";
import { makeLineWriter } from "../ops/line_writer.ts";
import { type Log, type LogLevel, startLog } from "../ops/log.ts";
import { MAX_LOG_WRITE_BYTES } from "../limits.ts";

/** A process's log. */
export interface Logging {
  readonly log: Log;
  readonly accessLog: AccessLog | undefined;
  /** Writes what is kept back. */
  flush(): void;
}

/** Sets up the log of this process, on standard error: pretty on a terminal, JSON lines elsewhere. */
export function startLogging(level: LogLevel, form: "auto" | "pretty" | "json"): Logging {
  const terminal = Deno.stderr.isTerminal();
  const lines = makeLineWriter(writeToStderr, systemClock, !terminal);
  const pretty = form === "auto" ? terminal : form === "pretty";
  const format = pretty ? formatPretty : formatJson;
  return {
    log: startLog(level, format, lines),
    accessLog: makeAccessLog(level, format, lines),
    flush: lines.flush,
  };
}

const NEWLINE = 0x0a;

/** Writes whole lines in pieces that a pipe does not tear apart, as far as lines are that short. */
function writeToStderr(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    let end = Math.min(at + MAX_LOG_WRITE_BYTES, bytes.length);
    if (end < bytes.length) {
      const lineEnd = bytes.lastIndexOf(NEWLINE, end - 1);
      if (lineEnd >= at) end = lineEnd + 1;
    }
    while (at < end) at += Deno.stderr.writeSync(bytes.subarray(at, end));
  }
}
