import { configureSync, getLogger, type LogRecord as TapeRecord } from "@logtape/logtape";
import type { Format } from "./format.ts";
import type { LineWriter } from "./line_writer.ts";
import { wholeLine } from "./whole_line.ts";

/** Values that a log line may carry; the format escapes them, so any text is safe here. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** The names of the levels, most severe first. */
export type LogLevel = "off" | "error" | "warning" | "info" | "debug" | "trace";

/**
 * Narration: what the program does and why, one line a call.
 *
 * A message is a fixed sentence; everything that varies goes into `fields`. Tokens, secrets and
 * query strings are never passed.
 */
export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
}

/**
 * Sets the process's logging up and returns the log. The logging library has one configuration a
 * process, so this is called once, by the program; parts get the log passed.
 */
export function startLog(level: LogLevel, format: Format, lines: LineWriter): Log {
  const sink = (record: TapeRecord) => {
    lines.write(wholeLine(format, {
      timeMs: record.timestamp,
      level: record.level === "fatal" ? "error" : record.level,
      message: record.message.map(String).join(""),
      fields: record.properties as LogFields,
    }));
    // Narration is rare; what it tells should be there even if the process dies next.
    lines.flush();
  };
  configureSync({
    reset: true,
    sinks: { lines: sink },
    loggers: [
      { category: "ooproxy", sinks: ["lines"], lowestLevel: level === "off" ? null : level },
      { category: ["logtape", "meta"], sinks: ["lines"], lowestLevel: "warning" },
    ],
  });
  const logger = getLogger("ooproxy");
  return {
    error: (message, fields = {}) => logger.error(message, fields),
    warn: (message, fields = {}) => logger.warn(message, fields),
    info: (message, fields = {}) => logger.info(message, fields),
    debug: (message, fields = {}) => logger.debug(message, fields),
  };
}
