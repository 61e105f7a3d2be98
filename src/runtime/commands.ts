import { fileURLToPath } from "node:url";
import {
  exactPermissions,
  permissionFlags,
  WITH_SOCKET,
  workerPermissions,
} from "./permissions.ts";
import type { Runtime } from "./runtime.ts";

/** How a process is started. */
export interface ProcessCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/**
 * A young generation of at most 4 MiB a space: most of what a request leaves behind is garbage at once,
 * and a larger space only holds more of it. Measured: a third less memory, no more CPU. It is collected
 * without helper threads, which only wait for each other where there are as many workers as cores:
 * measured on one busy core, 0.7 instead of 2.2 ms a collection.
 */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=4,--no-parallel-scavenge";

/** The argument by which the program takes the role of a worker; not for people. */
const WORKER_ROLE = "worker";

/**
 * The command that starts a worker. A compiled program starts itself, with the permissions that are
 * compiled in, and gives back what it does not need; a script is run by the same runtime, with fewer
 * permissions than its parent.
 *
 * @param socketPath the Unix socket that the worker connects to, if any: the runtime asks for the
 * permission to read and write it.
 */
export function workerCommand(runtime: Runtime, socketPath?: string): ProcessCommand {
  const roleArgs = socketPath === undefined ? [WORKER_ROLE] : [WORKER_ROLE, WITH_SOCKET];
  if (runtime.standalone) return { command: runtime.executable, args: roleArgs };
  return {
    command: runtime.executable,
    args: [
      "run",
      "--quiet",
      "--no-check",
      V8_FLAGS,
      ...permissionFlags(workerPermissions(socketPath)),
      runtime.mainModule,
      ...roleArgs,
    ],
  };
}

/**
 * The command that starts the program by hand with the least permissions that its settings need, for
 * a shell; nothing for a binary, whose permissions are fixed.
 *
 * @param caches the files in which keys are kept.
 * @param files the files that the settings name.
 * @param variables what can be read of the environment.
 * @param args the arguments for the program.
 */
export function exactCommand(
  runtime: Runtime,
  caches: readonly string[],
  files: readonly string[],
  variables: Readonly<Record<string, string>>,
  args: readonly string[],
): string | undefined {
  const { standalone, executable, mainModule } = runtime;
  if (standalone || !mainModule.startsWith("file:")) return undefined;
  const exact = exactPermissions(caches, files, Object.keys(variables), executable);
  const words = [
    executable,
    "run",
    "--quiet",
    V8_FLAGS,
    ...permissionFlags(exact),
    fileURLToPath(mainModule),
    ...args,
  ];
  return words.map(quoted).join(" ");
}

/** A word as a shell takes it for itself. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
