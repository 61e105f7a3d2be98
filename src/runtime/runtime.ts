/** Everything that differs between a script under `deno run` and a compiled binary. */
import { SELF } from "./permissions.ts";

/** What the program runs in. */
export interface Runtime {
  /** Compiled: the program and its modules are one file. */
  readonly standalone: boolean;
  /** What a worker is started with: the runtime, or the compiled program. */
  readonly executable: string;
  /** URL of the program's entry; in a binary a file that is embedded. */
  readonly mainModule: string;
}

/** The part of the runtime's interface that is used here. */
export interface RuntimeFacts {
  readonly build: { readonly standalone: boolean; readonly os: string };
  readonly mainModule: string;
  execPath(): string;
}

/**
 * Looks at what the program runs in. A binary is allowed to start its own file by the one name that
 * is known when it is made; only Linux has that name.
 */
export function readRuntime({ build, mainModule, execPath }: RuntimeFacts): Runtime {
  const { standalone, os } = build;
  const executable = standalone && os === "linux" ? SELF : execPath();
  return { standalone, executable, mainModule };
}
