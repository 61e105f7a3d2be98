/** How this program starts itself again in another role. */
export interface Respawn {
  readonly command: string;
  readonly args: readonly string[];
}

/** What differs between a script under `deno run` and a compiled binary. */
export interface Runtime {
  readonly standalone: boolean;
  /** The running executable: the runtime, or the compiled program. */
  readonly execPath: string;
  /** URL of the program's entry. */
  readonly mainModule: string;
}

/**
 * A young generation of at most 4 MiB a space: most of what a request leaves behind is garbage at once,
 * and a larger space only holds more of it. Measured: a third less memory, no more CPU. It is collected
 * without helper threads, which only wait for each other where there are as many workers as cores:
 * measured on one busy core, 0.7 instead of 2.2 ms a collection.
 */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=4,--no-parallel-scavenge";

/** What a worker may do: talk to the network, nothing else; settings and secrets come over a pipe. */
const WORKER_PERMISSIONS = ["--allow-net"];

/**
 * The command that starts a worker. A compiled program starts itself, with the permissions that are
 * compiled in; a script is run by the same runtime, with fewer permissions than its parent.
 *
 * @param socketPath the Unix socket that the worker connects to, if any: the runtime asks for the
 * permission to read and write it.
 */
export function respawn(role: string, runtime: Runtime, socketPath?: string): Respawn {
  if (runtime.standalone) return { command: runtime.execPath, args: [role] };
  const socket = socketPath === undefined
    ? []
    : [`--allow-read=${socketPath}`, `--allow-write=${socketPath}`];
  return {
    command: runtime.execPath,
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-check",
      V8_FLAGS,
      ...WORKER_PERMISSIONS,
      ...socket,
      runtime.mainModule,
      role,
    ],
  };
}
