import { printable } from "../text.ts";
import type { Format } from "./log_record.ts";

/** One JSON object a line. JSON leaves some characters as they are that terminals act on. */
export const formatJson: Format = ({ timeMs, level, message, fields }) => {
  const head = JSON.stringify({ time: new Date(timeMs).toISOString(), level, msg: message });
  const rest = JSON.stringify(fields);
  // Joined as texts: copying the fields into one object costs more than all the rest.
  return printable(rest === "{}" ? head : `${head.slice(0, -1)},${rest.slice(1)}`);
};

/** For people: time, level, sentence, then `name=value` pairs. */
export const formatPretty: Format = ({ timeMs, level, message, fields }) => {
  const time = new Date(timeMs).toISOString().slice(11, 23);
  let line = `${time} ${LABELS[level]} ${printable(message)}`;
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) line += `  ${name}=${shown(value)}`;
  }
  return line;
};

const LABELS = { error: "ERROR", warning: "WARN ", info: "INFO ", debug: "DEBUG", trace: "TRACE" };

/** A value that cannot be mistaken for two, nor for the end of the line. */
function shown(value: string | number | boolean): string {
  const text = String(value);
  return /^[\w.:/@%+,-]+$/.test(text) ? text : printable(JSON.stringify(text));
}
