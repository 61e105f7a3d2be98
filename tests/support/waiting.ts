/** Waiting for what has to come true, and letting time pass. */
import { assert } from "./assert.ts";

/** How long it may take, in milliseconds: far more than it does, even where much else runs. */
const EVENTUALLY_MS = 15_000;

/** How often it is looked for, in milliseconds. */
const LOOK_EVERY_MS = 10;

/**
 * Looks until something is found, and returns it; throws when that takes too long.
 *
 * @param what it is waited for, as a noun.
 * @param shown what else is shown when it does not come.
 */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  shown?: { output(): string },
): Promise<T> {
  const end = performance.now() + EVENTUALLY_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    assert(performance.now() < end, `timed out waiting for ${what}\n${shown?.output() ?? ""}`);
    await pause(LOOK_EVERY_MS);
  }
}

/** Lets time pass, in milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
