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
  return [
    `error: invalid configuration: ${counted(problems)}`,
    ...withHints(problems, (problem) => [
      printable(problem.setting),
      printable(problem.source),
      statement(problem),
    ]),
    "hint: `ooproxy help` lists the common settings, `ooproxy help NAME` explains one",
    "",
  ].join("\n");
}

/** Problems of the command line that say everything in one sentence. */
const ALONE: readonly string[] = ["command", "help"];

/**
 * The same for the command line, from which all of these problems come. An unknown command or help
 * topic alone is one line: whatever else was given can hardly be judged without it.
 */
export function renderUsageProblems(problems: readonly Problem[]): string {
  const [first, ...more] = problems;
  const lines = first !== undefined && ALONE.includes(first.setting) && more.length === 0
    ? [`error: ${statement(first)}`]
    : [
      `error: invalid command line: ${counted(problems)}`,
      ...withHints(problems, (problem) => [printable(problem.setting), statement(problem)]),
    ];
  return [...lines, "hint: `ooproxy help` lists the commands and the common flags", ""].join("\n");
}

/** A line for each problem, in columns, with its hint below it. */
function withHints(
  problems: readonly Problem[],
  cells: (problem: Problem) => readonly string[],
): string[] {
  const rows = columns(problems.map(cells));
  return problems.flatMap(({ hint }, at) => [
    `  ${rows[at]}`,
    ...(hint === undefined ? [] : [`      hint: ${hint}`]),
  ]);
}

function counted({ length }: readonly Problem[]): string {
  return length === 1 ? "1 problem" : `${length} problems`;
}
