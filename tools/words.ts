/**
 * Words that a search in the field does not find, and the field's own. They are kept out of the
 * program, the tools and the documents. `tests/words_test.ts` holds the files against them.
 */

/** A word that stands where it should not. */
export interface FoundWord {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** As it is written there. */
  readonly word: string;
  /** What the field says. */
  readonly instead: string;
}

/** What may stand between two words of a phrase: a line of a comment or of a document may end there. */
const BETWEEN = String.raw`\s+(?:(?:\*|//)\s+)?`;

/**
 * Whole words and phrases, in lower or upper case; alternatives are divided by `|`. A pattern stands
 * for what is wrong in one place alone, such as a field of the log.
 */
const WORDS: readonly (readonly [not: string | RegExp, instead: string])[] = [
  [/\w*answer\w*/gi, "response, respond; between our own processes: reply"],
  ["told of|tells of|tell of", "logged, reported"],
  ["at hand", "cached, present"],
  ["in vain", "failed, timed out"],
  ["gives way|give way|gave way", "yields"],
  ["near enough", "approximately"],
  ["broken off|breaks off|break off|broke off", "aborted"],
  ["whoever", "who, a client that, a process that"],
  ["nobody", "no client, no process, no one"],
  ["vouches|vouch|vouched|voucher", "signed by"],
  ["story|stories", "request record"],
  ["crew", "workers"],
  [/\bkey ?desk\b/gi, "key broker"],
  [/\blasting ?server\b/gi, "reopening server"],
  ["whole line", "truncation"],
  ["token form", "decode JWT"],
  ["takeApart|take apart|takes apart|taken apart|took apart", "decodeJwt, parse"],
  ["something went wrong", "internal error"],
  ["a request met a bug", "internal error while handling request"],
  ["settings are wrong|setting is wrong", "invalid configuration: 3 problems"],
  ["are not taken over", "reload failed, keeping current configuration"],
  ["it is started again", "restarting"],
  ["not as it should be|as they should be", "unexpected, behaved as expected"],
  ["requests that are over", "completed requests"],
  ["lastWord", "lingering close"],
  ["doubting", "refresh waiters"],
  ["closesUnused", "closeWhenIdle"],
  [/\bgot\b.*\bwanted\b/g, "got … expected …"],
  [/\btodo(?=\??:|=|,| })/g, "hint"],
];

const PATTERNS = WORDS.map(([not, instead]) => ({ pattern: patternOf(not), instead }));

/** The pattern of whole words, which finds a phrase over the end of a line as well. */
function patternOf(not: string | RegExp): RegExp {
  if (not instanceof RegExp) return not;
  return new RegExp(String.raw`\b(?:${not.replaceAll(" ", BETWEEN)})\b`, "gi");
}

/**
 * Finds the words that should not be there, in the order of the list.
 *
 * @param file its path; in a document (`.md`) what is quoted on one line may be named.
 * @param text what is in it.
 */
export function findWords(file: string, text: string): readonly FoundWord[] {
  // Blanks keep every place where it is.
  const read = file.endsWith(".md")
    ? text.replaceAll(/"[^"\n]*"/g, (quoted) => " ".repeat(quoted.length))
    : text;
  return PATTERNS.flatMap(({ pattern, instead }) =>
    [...read.matchAll(pattern)].map(({ 0: word, index }) => ({
      file,
      line: read.slice(0, index).split("\n").length,
      word: word.replaceAll(/\s+(?:(?:\*|\/\/)\s+)?/g, " "),
      instead,
    }))
  );
}

/** One line for a person: where, what, and what to write. */
export function describeWord({ file, line, word, instead }: FoundWord): string {
  return `${file}:${line}: "${word}", in the field: ${instead}`;
}
