import { type AccessLog, makeAccessLog } from "./access_log.ts";
import { systemClock } from "./clock.ts";
import { formatJson, formatPretty } from "./format.ts";
import { makeLineWriter } from "./line_writer.ts";
import { type Log, type LogStyle, makeLog } from "./log.ts";
import type { LogLevel } from "./log_record.ts";
import { MAX_LOG_WRITE_BYTES } from "../limits.ts";

/** What the settings say about the log. */
export interface LogSettings {
  readonly level: LogLevel;
  /** `auto` is pretty on a terminal and JSON elsewhere. */
  readonly form: "auto" | "pretty" | "json";
}

/** A process's log. */
export interface Logging {
  readonly log: Log;
  /** The access log that settings ask for; `undefined` where their level shows no requests. */
  accessLog(settings: LogSettings): AccessLog | undefined;
  /** Logs with these settings from now on. */
  use(settings: LogSettings): void;
  /** Writes what is kept back. */
  flush(): void;
}

/** Sets up the log of this process, on standard error. */
export function startLogging(settings: LogSettings): Logging {
  const terminal = Deno.stderr.isTerminal();
  const lines = makeLineWriter(writeToStderr, systemClock, !terminal);
  const styleOf = ({ level, form }: LogSettings): LogStyle => {
    const pretty = form === "auto" ? terminal : form === "pretty";
    return { level, format: pretty ? formatPretty : formatJson };
  };
  let style = styleOf(settings);
  return {
    log: makeLog(() => style, lines, systemClock),
    accessLog: (asked) => makeAccessLog(styleOf(asked), lines),
    use: (asked) => void (style = styleOf(asked)),
    flush: lines.flush,
  };
}

const NEWLINE = 0x0a;

/** Writes whole lines in pieces that a pipe keeps whole, as far as lines are that short. */
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
