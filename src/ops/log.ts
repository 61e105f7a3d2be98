import type { Clock } from "./clock.ts";
import type { LineWriter } from "./line_writer.ts";
import type { Format, LogFields, LogLevel } from "./log_record.ts";
import { fittingLine } from "./truncation.ts";

/**
 * The program's own log: what it does and why, one line a call.
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

/** How much is logged, and in which form. */
export interface LogStyle {
  readonly level: LogLevel;
  readonly format: Format;
}

/** The levels, the one that shows least first. */
const LEVELS: readonly LogLevel[] = ["off", "error", "warning", "info", "debug", "trace"];

/** Whether a line of one level is shown where another is asked for. */
export function isShown(level: Exclude<LogLevel, "off">, asked: LogLevel): boolean {
  return LEVELS.indexOf(level) <= LEVELS.indexOf(asked);
}

/**
 * Makes a log.
 *
 * @param style asked for at each line, so that it can change while the log is in use.
 */
export function makeLog(style: () => LogStyle, lines: LineWriter, clock: Clock): Log {
  const at = (level: Exclude<LogLevel, "off">) => (message: string, fields: LogFields = {}) => {
    const { level: asked, format } = style();
    if (!isShown(level, asked)) return;
    lines.write(fittingLine(format, { timeMs: clock.now(), level, message, fields }));
    // These lines are rare, and should be there even if the process dies next.
    lines.flush();
  };
  return { error: at("error"), warn: at("warning"), info: at("info"), debug: at("debug") };
}

/** The same log, whose lines have these fields in front of their own. */
export function withFields(log: Log, more: LogFields): Log {
  return {
    error: (message, fields) => log.error(message, { ...more, ...fields }),
    warn: (message, fields) => log.warn(message, { ...more, ...fields }),
    info: (message, fields) => log.info(message, { ...more, ...fields }),
    debug: (message, fields) => log.debug(message, { ...more, ...fields }),
  };
}
