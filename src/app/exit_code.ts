/** How the program ends: all went well, something failed, or the configuration is wrong. */
export const EXIT_CODES = {
  ok: 0,
  failed: 1,
  /** `EX_USAGE` of sysexits: a supervisor should not start the program again and again. */
  usage: 64,
} as const;

/** Why the program cannot do what was asked for. */
export interface ProgramFailure {
  /** One line for the operator. */
  readonly text: string;
  readonly exitCode: typeof EXIT_CODES["failed" | "usage"];
}

/** The configuration is wrong: another start ends the same way. */
export function wrongConfiguration(text: string): ProgramFailure {
  return { text, exitCode: EXIT_CODES.usage };
}

/** The machine does not give what the configuration asks for, or not now. */
export function failedNow(text: string): ProgramFailure {
  return { text, exitCode: EXIT_CODES.failed };
}
