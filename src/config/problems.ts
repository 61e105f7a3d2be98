import { printable } from "../text.ts";

/** One thing that is wrong with the settings or the command line. */
export interface Problem {
  /** Name of the setting as the user knows it: an environment name, or an unknown key or flag. */
  readonly setting: string;
  /** Where it was found, such as `environment variable LISTEN_URL`; `not set` when nowhere. */
  readonly source: string;
  /** What is wrong, where "got … expected …" does not say it. */
  readonly fault?: string;
  /** The value found, already quoted and masked; never there for a secret. */
  readonly found?: string;
  /** What would be accepted. */
  readonly expected?: string;
  /** What to do about it. */
  readonly hint?: string;
}

/** Lays rows out in columns three spaces apart; the last column is not padded. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, at) => widths[at] = Math.max(widths[at] ?? 0, cell.length));
  }
  return rows.map((row) =>
    row.map((cell, at) => at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)).join("   ")
      .trimEnd()
  );
}

function statement(problem: Problem): string {
  return [
    problem.fault,
    problem.found === undefined ? undefined : `got ${problem.found}`,
    problem.expected === undefined ? undefined : `expected ${problem.expected}`,
  ].filter((part) => part !== undefined).join("   ");
}

/** One line for each problem, for the log of a program that goes on running. */
export function problemLines(problems: readonly Problem[]): string[] {
  return problems.map((problem) =>
    [printable(problem.setting), printable(problem.source), statement(problem), problem.hint]
      .filter((part) => part !== undefined).join("; ")
  );
}

/**
 * The text for a person, ending with a line break: one line a problem, its hint below it, and at
 * the end where to read what is accepted.
 *
 * It shows what the problems hold and masks nothing itself.
 */
export function renderProblems(problems: readonly Problem[]): string {
  const rows = columns(
    problems.map((problem) => [
      printable(problem.setting),
      printable(problem.source),
      statement(problem),
    ]),
  );
  const lines = [`error: invalid configuration: ${counted(problems)}`];
  problems.forEach((problem, at) => {
    lines.push(`  ${rows[at]}`);
    if (problem.hint !== undefined) lines.push(`      hint: ${problem.hint}`);
  });
  lines.push("hint: `ooproxy help` lists the common settings, `ooproxy help NAME` explains one");
  return lines.join("\n") + "\n";
}

function counted({ length }: readonly Problem[]): string {
  return length === 1 ? "1 problem" : `${length} problems`;
}
