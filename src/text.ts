/**
 * Text from outside on its way into a log, onto a terminal or into a message, and back out of errors and
 * JSON. In one place, so that every output escapes the same characters.
 */
import { MAX_QUOTED_LENGTH } from "./limits.ts";

/** What moves the cursor, recolours the screen, ends a line, turns the reading direction or is invisible. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Whether a text may hold any of them: nearly all are plain ASCII, which is quickly seen. */
const UNUSUAL = /[^ -~]/;

/** Makes control and invisible characters visible as `\uXXXX`, so that no value can forge output. */
export function printable(text: string): string {
  if (!UNUSUAL.test(text)) return text;
  return text.replace(UNPRINTABLE, (character) => character.split("").map(escapeUnit).join(""));
}

/**
 * A value in double quotes: escaped as in JSON, control and invisible characters too, and cut when long.
 *
 * @param longest most UTF-16 units of the value that are shown.
 */
export function quote(text: string, longest = MAX_QUOTED_LENGTH): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return printable(JSON.stringify(cut));
}

/** The message of anything thrown. It may hold any text: escape it before it is shown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The JSON object that a text is; `undefined` for every other JSON value and for what is not JSON. Where a
 * member stands twice, the last one counts.
 */
export function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Record<string, unknown>
      : undefined;
  } catch {
    // The error's own text would quote what was given.
    return undefined;
  }
}

/** A UTF-16 code unit as `\uXXXX`. */
function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
