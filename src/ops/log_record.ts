/** Values that a log line may carry; the format escapes them, so any text is safe here. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** The names of the levels, most severe first. */
export type LogLevel = "off" | "error" | "warning" | "info" | "debug" | "trace";

/** One log line before it is text. */
export interface LogRecord {
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  readonly level: Exclude<LogLevel, "off">;
  readonly message: string;
  readonly fields: LogFields;
}

/** Turns a record into one line without its line end. */
export type Format = (record: LogRecord) => string;
