/**
 * Names that were probably meant: for unknown keys and flags, and for misspelt environment
 * variables.
 */

/** A slip in a third of the letters still reads as the same name; more is another name. */
const LETTERS_A_SLIP = 3;

/** Misspelt words in one environment name that still count as a near miss. */
const MOST_SLIPS = 2;

/**
 * Least number of single-letter slips (one left out, added, changed, or two neighbours swapped)
 * that turn `a` into `b`.
 */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(
        (previous[j] ?? 0) + 1,
        (current[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (beforePrevious[j - 2] ?? 0) + 1);
      }
      current.push(least);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** The known name nearest to `name`, upper and lower case alike; nothing when none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(name.length / LETTERS_A_SLIP)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}

/**
 * The setting that an environment variable was probably meant to be, if any.
 *
 * An environment is full of names of other programs, many of which share a word with ours
 * (`UPSTREAM_PORT`, `LISTEN_PID`). So the words are compared one by one: there must be as many as
 * in the setting, each with at most one slip. `PROVIDER_URI`, `UPSTREM_URL`, `CLIENT_SECRETS` are
 * near; a name in which a whole word differs is not. Missing underscores and lower case are near.
 */
export function nearMiss(variable: string, known: readonly string[]): string | undefined {
  if (!/^[A-Za-z0-9_]+$/.test(variable) || known.includes(variable)) return undefined;
  const name = variable.toUpperCase();
  const squashed = name.replaceAll("_", "");
  return known.find((setting) => setting.replaceAll("_", "") === squashed) ??
    known.find((setting) => sameWords(name.split("_"), setting.split("_")));
}

function sameWords(words: readonly string[], wanted: readonly string[]): boolean {
  if (words.length !== wanted.length) return false;
  let slips = 0;
  for (const [at, word] of words.entries()) {
    const other = wanted[at] ?? "";
    if (Math.abs(word.length - other.length) > 1) return false;
    const distance = editDistance(word, other);
    if (distance > 1) return false;
    slips += distance;
  }
  return slips <= MOST_SLIPS;
}
