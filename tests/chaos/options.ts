/** The options of `deno task test:chaos`. Pure but for the seed that is drawn where none is given. */
import { parseArgs } from "node:util";
import { fail, ok, type Result } from "../../src/result.ts";

const DEFAULT_SECS = 90;
const LEAST_SECS = 10;
const MOST_SECS = 240;
const MOST_SEED = 0xffff_ffff;

export const HELP = `deno task test:chaos [--seed N] [--secs N]

  --seed N  the schedule to play (default: another one each time)
  --secs N  how long there is load, ${LEAST_SECS} to ${MOST_SECS} (default ${DEFAULT_SECS})`;

/** What to play. */
export interface Options {
  readonly seed: number;
  readonly secs: number;
}

/** Reads the arguments; fails with what to print. */
export function readOptions(args: readonly string[]): Result<Options, string> {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({ args: [...args], options: { seed: text, secs: text } });
    const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
    const secs = Number(values.secs ?? DEFAULT_SECS);
    const right = Number.isInteger(seed) && seed >= 0 && seed <= MOST_SEED &&
      Number.isInteger(secs) && secs >= LEAST_SECS && secs <= MOST_SECS;
    return right ? ok({ seed, secs }) : fail(HELP);
  } catch {
    return fail(HELP);
  }
}
