/** Whether a part of a text, from `from` to before `to`, is what a segment of a pattern says. */
type SegmentMatch = (text: string, from: number, to: number) => boolean;

/** Gives the place behind the first occurrence between `from` and `to`, -1 where there is none. */
type Find = (text: string, from: number, to: number) => number;

const COLON = 0x3a;
const SLASH = 0x2f;

/**
 * Builds the match of whole texts against a pattern: `*` stands for any characters within one segment, and
 * segments end at `:` and `/`. A segment that is `*` alone is not empty. Everything else stands for itself.
 *
 * The text may come from a token that has not been verified. Its length alone decides the time, and there
 * is no regular expression: nothing is tried twice.
 */
export function makePattern(pattern: string): (text: string) => boolean {
  if (!pattern.includes("*")) return (text) => text === pattern;
  const segments: { readonly matches: SegmentMatch; readonly end: string }[] = [];
  for (let from = 0; from <= pattern.length;) {
    const to = segmentEnd(pattern, from);
    segments.push({ matches: makeSegment(pattern.slice(from, to)), end: pattern[to] ?? "" });
    from = to + 1;
  }
  return (text) => {
    let from = 0;
    for (const { matches, end } of segments) {
      const to = segmentEnd(text, from);
      if ((text[to] ?? "") !== end || !matches(text, from, to)) return false;
      from = to + 1;
    }
    return true;
  };
}

/** Where the segment that begins at `from` ends: at a `:`, a `/` or the end of the text. */
function segmentEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === COLON || character === SLASH) return at;
  }
  return text.length;
}

function makeSegment(segment: string): SegmentMatch {
  const [first = "", ...others] = segment.split("*");
  const last = others.pop();
  if (last === undefined) {
    return (text, from, to) => to - from === first.length && text.startsWith(first, from);
  }
  const finds = others.filter((piece) => piece !== "").map(makeFind);
  const least = first === "" && last === "" && finds.length === 0 ? 1 : first.length + last.length;
  return (text, from, to) => {
    if (to - from < least || !text.startsWith(first, from)) return false;
    if (!text.startsWith(last, to - last.length)) return false;
    // The first occurrence of a piece leaves most room for the next one.
    let at = from + first.length;
    for (const find of finds) {
      at = find(text, at, to - last.length);
      if (at === -1) return false;
    }
    return true;
  };
}

/** Knuth, Morris and Pratt: looks at each character of the text once, whatever is in it. */
function makeFind(piece: string): Find {
  // How much of the piece still matches when the character behind so much of it does not.
  const shorter = new Uint32Array(piece.length + 1);
  let prefix = 0;
  for (let at = 1; at < piece.length; at++) {
    prefix = extended(piece, shorter, prefix, piece.charCodeAt(at));
    shorter[at + 1] = prefix;
  }
  return (text, from, to) => {
    let matched = 0;
    for (let at = from; at < to; at++) {
      matched = extended(piece, shorter, matched, text.charCodeAt(at));
      if (matched === piece.length) return at + 1;
    }
    return -1;
  };
}

/** How much of the piece matches with one more character of the text. */
function extended(
  piece: string,
  shorter: Uint32Array,
  matchedBefore: number,
  character: number,
): number {
  let matched = matchedBefore;
  while (matched > 0 && piece.charCodeAt(matched) !== character) matched = shorter[matched] ?? 0;
  return piece.charCodeAt(matched) === character ? matched + 1 : matched;
}
