/**
 * The primitive parsers: each turns the text of a setting into a value, or refuses it.
 *
 * A `Kind` carries its own words for what it accepts, so that error texts, `--help` and the
 * documentation always say what the parser does.
 */
import { fail, ok, type Result } from "../result.ts";

/** Why a parser refused a text, beyond "not what is accepted". */
export interface Refusal {
  /** What to do about it, when the slip is a known one. */
  readonly hint?: string;
}

/** One kind of value. */
export interface Kind<T> {
  /** What is accepted, in words that fit behind "expected"; without a comma or full stop at the end. */
  readonly accepts: string;
  /** Text, never empty → value. Pure. */
  readonly parse: (text: string) => Result<T, Refusal>;
  /** The error text adds the setting's example to `accepts`. */
  readonly showExample?: true;
  /** Hides parts of a refused text that may be secret (a password in a URL). */
  readonly mask?: (text: string) => string;
  /**
   * A list of strings in `settings.toml` is accepted too, or any list and any table (`structure`): `parse`
   * gets it as JSON. Or a date and time of TOML (`date`), as text.
   */
  readonly list?: true | "structure" | "date";
}

/** Most seconds accepted: their milliseconds are still an exact number. */
const MOST_SECONDS = Math.floor(Number.MAX_SAFE_INTEGER / 1000);

/** Bytes a unit, by its lower-case name. */
const BYTE_UNITS: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["b", 1],
  ["kib", 1024],
  ["mib", 1024 ** 2],
  ["gib", 1024 ** 3],
]);

const BOOLEANS = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
} as const;

/** Any text that is not empty, kept exactly as it is. */
export function text(accepts = "a text"): Kind<string> {
  return { accepts, parse: (given) => given === "" ? fail({}) : ok(given) };
}

/** A whole number in decimal digits, `min` to `max`, both included. */
export function wholeNumber(
  { min, max, accepts }: { min: number; max: number; accepts?: string },
): Kind<number> {
  return {
    accepts: accepts ?? `a whole number from ${min} to ${max}`,
    parse(given) {
      if (/^\d+ ?s(ec(ond)?s?)?$/i.test(given)) return fail({ hint: "write the number alone" });
      if (!/^\d+$/.test(given)) return fail({});
      const value = Number(given);
      if (value > max) return fail({ hint: `the largest accepted is ${max}` });
      return value < min ? fail({}) : ok(value);
    },
  };
}

/** Whole seconds, `min` or more. */
export function seconds(min: number): Kind<number> {
  return wholeNumber({ min, max: MOST_SECONDS, accepts: `whole seconds, ${min} or more` });
}

/** A TCP port; 0 means any free one. */
export function port(): Kind<number> {
  return wholeNumber({ min: 0, max: 65535, accepts: "a port number from 0 (any free) to 65535" });
}

/** A size in bytes, from `min` up: a plain number, or one with the unit KiB, MiB or GiB. */
export function bytes(min: number): Kind<number> {
  return {
    accepts: `bytes, ${min} or more, plain or with a unit (65536, 64KiB, 1MiB, 2GiB)`,
    parse(given) {
      const parts = /^(\d+) ?([a-z]*)$/i.exec(given);
      const unit = BYTE_UNITS.get((parts?.[2] ?? "").toLowerCase());
      if (parts === null || unit === undefined) return fail({});
      const value = Number(parts[1]) * unit;
      return Number.isSafeInteger(value) && value >= min ? ok(value) : fail({});
    },
  };
}

/** One of a fixed set of words, upper and lower case alike; each stands for a value. */
export function word<const Words extends Readonly<Record<string, string | boolean>>>(
  words: Words,
  hint?: string,
): Kind<Words[keyof Words]> {
  const values = new Map(Object.entries(words)) as Map<string, Words[keyof Words]>;
  return {
    accepts: `one of ${[...values.keys()].join(", ")}`,
    parse(given) {
      const value = values.get(given.toLowerCase());
      if (value !== undefined) return ok(value);
      return fail(hint === undefined ? {} : { hint });
    },
  };
}

/** Yes or no: `true`, `yes`, `on`, `1` or `false`, `no`, `off`, `0`. */
export function boolean(): Kind<boolean> {
  return { ...word(BOOLEANS), accepts: "true or false (or yes, no, on, off, 1, 0)" };
}

/** Parts of a date-time (RFC 3339, section 5.6); in place of the `T` a blank is usual as well. */
const DATE_TIME =
  /^(\d{4})-(\d{2})-(\d{2})[t ](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(z|[+-]\d{2}:\d{2})?$/i;

/**
 * A date with a time and a zone (RFC 3339, section 5.6) → milliseconds since the epoch, fractions of a second
 * left out. Refuses days that no month has, and leap seconds.
 */
export function isoTime(): Kind<number> {
  return {
    accepts: "a date with time and zone",
    showExample: true,
    list: "date",
    parse(given) {
      if (/^\d{4}-\d{2}-\d{2}$/.test(given)) {
        return fail({ hint: `${given}T00:00:00Z is its begin` });
      }
      const parts = DATE_TIME.exec(given);
      if (parts === null) return fail({});
      const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7)
        .map(Number);
      const zone = parts[7];
      if (zone === undefined) return fail({ hint: "a zone is missing: Z, or such as +01:00" });
      const offset = offsetMinutes(zone);
      const written = Date.UTC(year, month - 1, day, hour, minute, second);
      // Everything out of range comes out as another time.
      const spelt = `${parts.slice(1, 4).join("-")}T${parts.slice(4, 7).join(":")}.000Z`;
      if (offset === undefined || new Date(written).toISOString() !== spelt) return fail({});
      return ok(written - offset * 60_000);
    },
  };
}

/** Minutes east of Greenwich. */
function offsetMinutes(zone: string): number | undefined {
  if (zone.length === 1) return 0;
  const [hours = 0, minutes = 0] = zone.slice(1).split(":").map(Number);
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

/** What `kind` accepts, or one special word (as written, lower case), which stands for itself. */
export function orWord<T, const Word extends string>(kind: Kind<T>, special: Word): Kind<T | Word> {
  return {
    ...kind,
    accepts: `${kind.accepts}, or ${special}`,
    parse: (given) => given === special ? ok(special) : kind.parse(given),
  };
}

/** The audiences that are accepted: one, or several. */
export type Audience = string | readonly string[];

/**
 * The JSON text of a string or of an array of strings; nothing in it may be empty.
 *
 * `\"c\"` with real backslashes, which a quoted shell line leaves behind, is read as `"c"`.
 */
export function audience(): Kind<Audience> {
  return {
    accepts: "JSON: a string or an array of strings, none empty",
    showExample: true,
    list: true,
    parse(given) {
      const value = json(given) ?? json(given.replaceAll('\\"', '"'));
      if (value === undefined) return fail({ hint: audienceHint(given) });
      const members: readonly unknown[] = Array.isArray(value) ? value : [value];
      const texts = members.filter((member) => typeof member === "string" && member !== "");
      if (texts.length === 0 || texts.length !== members.length) return fail({});
      return ok(value as Audience);
    },
  };
}

/** The value of a JSON text; nothing when it is not JSON. */
export function parseJson(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    // The error's own text would quote what was given.
    return undefined;
  }
}

/** JSON that is a string or an array; nothing when it is neither. `null` never comes out. */
function json(given: string): string | unknown[] | undefined {
  const value = parseJson(given);
  return typeof value === "string" || Array.isArray(value) ? value : undefined;
}

function audienceHint(given: string): string {
  const name = /^[\w.:/@-]{1,60}$/.test(given) ? given : "myapi";
  return `the quotes belong to the value: AUDIENCE='"${name}"', in settings.toml audience = '"${name}"'`;
}
