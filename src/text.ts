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

/**
 * Whether a name stands twice in an object of a JSON text, at any depth. The parser keeps the last of such
 * members, so that fewer are left than were written.
 *
 * @param value what the text was parsed to.
 */
export function repeatsMember(text: string, value: unknown): boolean {
  return membersWritten(text) !== membersKept(value);
}

/** How many members the objects of a valid JSON text have in all, as written: its colons outside strings. */
function membersWritten(text: string): number {
  let count = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) inString = !inString;
    else if (inString && c === 0x5c) i++; // a backslash: what follows ends nothing
    else if (!inString && c === 0x3a) count++;
  }
  return count;
}

/** How many members the objects in a value have, itself included. */
function membersKept(value: unknown): number {
  let count = 0;
  const open = [value]; // no recursion: a client chooses the depth
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== "object" || next === null) continue;
    const values: readonly unknown[] = Array.isArray(next) ? next : Object.values(next);
    if (values !== next) count += values.length;
    for (const value of values) {
      if (typeof value === "object") open.push(value);
    }
  }
  return count;
}

/** A UTF-16 code unit as `\uXXXX`. */
function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
