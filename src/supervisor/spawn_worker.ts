import { fail, ok, type Result } from "../result.ts";
import type { ProcessCommand } from "../runtime/commands.ts";

/**
 * Variables by which a system's loader is told to load other code: whoever may start one program only
 * may not set them, and a runtime that runs does not need them.
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
        ? "a worker process may not be started: run with --allow-run, or with NUM_WORKERS=1"
        : `a worker process cannot be started: ${
          error instanceof Error ? error.message : String(error)
        }`,
    );
  }
}
