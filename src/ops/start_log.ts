import { type AccessLog, makeAccessLog } from "./access_log.ts";
import { systemClock } from "./clock.ts";
import { formatJson, formatPretty } from "./format.ts";
import { makeLineWriter } from "./line_writer.ts";
import { isShown, type Log, type LogStyle, makeLog } from "./log.ts";
import { makeLogOutput } from "./log_output.ts";
import type { LogLevel, LogRecord } from "./log_record.ts";
import type { Meter } from "./meter.ts";
import { RefusalLimit } from "./refusal_limit.ts";
import { fittingLine } from "./truncation.ts";
import { LOG_BATCH_CHARACTERS, LOG_END_MS, MAX_LOG_WRITE_BYTES } from "../limits.ts";

/** What the settings say about the log. */
export interface LogSettings {
  readonly level: LogLevel;
  /** `auto` is pretty on a terminal and JSON elsewhere. */
  readonly form: "auto" | "pretty" | "json";
  /** Most lines a second of requests without a verified token. */
  readonly refusalsPerSec: number | "unlimited";
}

/** What the log of a process needs besides its settings. */
export interface LoggingDeps {
  /** Where lines that were dropped are counted. */
  readonly meter: Meter;
  /**
   * Whether other processes of this program write to the same standard error. Then each write is short
   * enough for a pipe to keep it whole; else there are fewer and longer ones.
   */
  readonly shared: boolean;
}

/** A process's log. */
export interface Logging {
  readonly log: Log;
  /** The access log that settings ask for; `undefined` where their level shows no requests. */
  accessLog(settings: LogSettings): AccessLog | undefined;
  /** Logs with these settings from now on. */
  use(settings: LogSettings): void;
  /**
   * Writes what is kept back, before the process ends. Waits no longer than `LOG_END_MS`: a reader that
   * has stalled must not hold the end.
   */
  end(): Promise<void>;
}

/** Sets up the log of this process, on standard error. Nothing that is logged waits for the reader. */
export function startLogging(settings: LogSettings, { meter, shared }: LoggingDeps): Logging {
  const clock = systemClock;
  const terminal = Deno.stderr.isTerminal();
  const styleOf = ({ level, form }: LogSettings): LogStyle => {
    const pretty = form === "auto" ? terminal : form === "pretty";
    return { level, format: pretty ? formatPretty : formatJson };
  };
  let style = styleOf(settings);
  const line = (record: Omit<LogRecord, "timeMs">) =>
    fittingLine(style.format, { timeMs: clock.now(), ...record });

  const hint = "check the disk or the collector behind standard error";
  const output = makeLogOutput({
    clock,
    write: (bytes) => Deno.stderr.write(bytes),
    pieceBytes: shared ? MAX_LOG_WRITE_BYTES : LOG_BATCH_CHARACTERS,
    onDropped: (lines) => meter.add("logLinesDropped", 0, lines),
    droppedLine: (lines) =>
      line({ level: "error", message: "log lines dropped", fields: { lines, hint } }),
  });
  const lines = makeLineWriter(output.put, clock, !terminal);
  const refusals = new RefusalLimit(clock, (unlogged) => {
    if (!isShown("info", style.level)) return;
    const requests = [...unlogged.values()].reduce((sum, count) => sum + count, 0);
    const fields = { requests, ...Object.fromEntries(unlogged) };
    lines.write(line({ level: "info", message: "refusals not logged", fields }));
  });
  return {
    log: makeLog(() => style, lines, clock),
    accessLog(asked) {
      const accessLog = makeAccessLog(styleOf(asked), lines);
      return accessLog && refusals.limit(accessLog, asked.refusalsPerSec);
    },
    use: (asked) => void (style = styleOf(asked)),
    end() {
      refusals.flush();
      lines.flush();
      return output.end(LOG_END_MS);
    },
  };
}
