import { Buffer } from "node:buffer";
import { MAX_PATH_DECODINGS } from "../limits.ts";

const ESCAPE = /%([0-9a-f]{2})/gi;

/** Another form of escape (`%u002e`), which some servers know and no standard does. */
const WIDE_ESCAPE = /%u[0-9a-f]{4}/i;

/**
 * The beginning of an ASCII character in two to six bytes of UTF-8 (RFC 3629, section 3 forbids it), for
 * decoders that look at the lower six bits of what follows alone as well.
 */
const OVERLONG = /[\xc0\xc1]|\xe0[@\x80-\x9f]|\xf0[@\x80-\x8f]|\xf8[@\x80-\x87]|\xfc[@\x80-\x83]/;

/** A name that is one to every server: it begins with a letter or digit, and nothing in it divides or ends it. */
const PLAIN = /^\w[\w !$&'()*+,.:=@~-]*$/;

const ASCII = /^[\0-\x7f]*$/;

/** What makes a segment more than a name. */
const NOTABLE = /[.%\\;]/;

/** What some servers divide a segment at: decoded slashes, backslashes, and what is converted to them. */
const DIVIDER = /[/\\\u2044\u2215\u2216\xa5\u20a9]/;

/** Where some servers end a segment. */
const SEGMENT_END = /[;?#]/;

/** What some servers strip off a name, or out of it: blanks, what cannot be seen or was not decoded. */
const STRIPPED = /[\p{C}\p{Z}\ufffd]/gu;

/**
 * Whether a path leaves the place it is put at, in the eyes of any kind of server: one that
 *
 * - decodes before it resolves dot segments, up to `MAX_PATH_DECODINGS` times, or keeps an encoded `/`;
 * - divides at `\`;
 * - drops what follows `;`, `?`, `#` or NUL in a segment;
 * - strips blanks and control characters off names, or out of them;
 * - takes full-width characters and their kin for ASCII, as compatibility mappings do (NFKC).
 *
 * Where they disagree, the lesser depth counts. Of a path that has a dot or an escape, also those are
 * said to leave that are encoded once more, or have overlong UTF-8 or `%uXXXX` in them.
 *
 * @param path begins with `/`, printable ASCII alone, without the query.
 */
export function climbsOut(path: string): boolean {
  if (!path.includes(".") && !path.includes("%")) return false;
  let depth = 0;
  for (const segment of path.split("/")) {
    if (!NOTABLE.test(segment)) {
      if (segment !== "") depth++;
      continue;
    }
    const text = segment.includes("%") ? decoded(segment) : segment;
    if (text === undefined) return true;
    if (PLAIN.test(text)) {
      depth++;
      continue;
    }
    // Names side by side are one to a server that does not divide here; behind an end there may be none.
    let named = false;
    let ended = false;
    for (const part of text.split(DIVIDER)) {
      const [name = "", ...dropped] = part.split(SEGMENT_END);
      // A NUL ends it as well, or is stripped.
      const ends = name.split("\0");
      const step = Math.min(stepOf(name), ...ends.map(stepOf));
      if (step < 0) {
        if (depth === 0) return true;
        depth--;
        named = false;
      } else if (step > 0 && !named && !ended) {
        depth++;
        named = true;
      }
      ended ||= dropped.length > 0 || ends.length > 1;
    }
  }
  return false;
}

/** What a name does to the depth: 1 for most, -1 for the parent, 0 where some server drops it. */
function stepOf(written: string): -1 | 0 | 1 {
  const name = written.replace(STRIPPED, "");
  if (/[^.]/.test(name)) return 1;
  const isParent = name.length === 2 || (name.length > 2 && name !== written);
  return isParent ? -1 : 0;
}

/** A segment as text, decoded until nothing changes; `undefined` for what no honest client sends. */
function decoded(segment: string): string | undefined {
  let bytes = segment;
  for (let times = 0;; times++) {
    if (OVERLONG.test(bytes) || WIDE_ESCAPE.test(bytes)) return undefined;
    const next = bytes.replace(ESCAPE, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
    if (next === bytes) break;
    if (times === MAX_PATH_DECODINGS) return undefined;
    bytes = next;
  }
  if (PLAIN.test(bytes)) return bytes;
  const text = ASCII.test(bytes)
    ? bytes
    : Buffer.from(bytes, "latin1").toString("utf8").normalize("NFKC");
  // An escape that was hidden in or among other characters.
  const visible = text.replace(/\p{C}/gu, "");
  return visible.search(ESCAPE) !== -1 || WIDE_ESCAPE.test(visible) ? undefined : text;
}
