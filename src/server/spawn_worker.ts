import { fail, ok, type Result } from "../result.ts";
import type { Respawn } from "./respawn.ts";

/** Starts a process that speaks over its standard input and output; fails with one line. */
export function spawnWorker(
  respawn: Respawn,
  env: Readonly<Record<string, string>>,
): Result<Deno.ChildProcess, string> {
  try {
    return ok(
      new Deno.Command(respawn.command, {
        args: [...respawn.args],
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
        clearEnv: true,
        env: { ...env },
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
