import type { Log } from "../../src/ops/log.ts";
import type { LogFields } from "../../src/ops/log_record.ts";

/** One line as it was logged. */
export interface Line {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly message: string;
  readonly fields: LogFields;
}

/** A log that keeps its lines, so that a test can read them. */
export class MemoryLog implements Log {
  readonly lines: Line[] = [];

  error(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "error", message, fields });
  }
  warn(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "warn", message, fields });
  }
  info(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "info", message, fields });
  }
  debug(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "debug", message, fields });
  }

  /** Everything as one text, for searching. */
  text(): string {
    return this.lines.map((line) => JSON.stringify(line)).join("\n");
  }
}
