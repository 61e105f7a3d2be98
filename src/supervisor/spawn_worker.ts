import { fail, ok, type Result } from "../result.ts";
import type { ProcessCommand } from "../runtime/commands.ts";
import { messageOf } from "../text.ts";

/**
 * Variables that make a system's loader load other code: a process that may start one program only may
 * not set them, and a runtime that runs does not need them.
 */
const LOADER_VARIABLES = /^(LD|DYLD)_/;

/** Starts a process that speaks over its standard input and output; fails with one line. */
export function spawnWorker(
  command: ProcessCommand,
  env: Readonly<Record<string, string>>,
): Result<Deno.ChildProcess, string> {
  try {
    return ok(
      new Deno.Command(command.command, {
        args: [...command.args],
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
        clearEnv: true,
        env: Object.fromEntries(
          Object.entries(env).filter(([name]) => !LOADER_VARIABLES.test(name)),
        ),
      }).spawn(),
    );
  } catch (error) {
    return fail(
      error instanceof Deno.errors.NotCapable
        ? "no permission to start a worker process: run with --allow-run, or with NUM_WORKERS=1"
        : `cannot start a worker process: ${messageOf(error)}`,
    );
  }
}
