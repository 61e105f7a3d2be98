/** Child processes of a run: pinned to a core, output in a file, ended whatever happens. */

/** The core of the load and of the upstream. */
export const LOAD_CORE = 0;

/** The core of the proxies. */
export const PROXY_CORE = 1;

/** How long a process may take to end after SIGTERM, in milliseconds. */
const TERM_LIMIT_MS = 3000;

/** How many characters of a process's output an error shows. */
const SHOWN_OUTPUT = 2000;

/** Variables that children keep; settings of the machine's own proxy stay outside. */
const KEPT_VARIABLES = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME", "TMPDIR"];

/** What to start. */
export interface ChildOptions {
  /** Used for the file with the output. */
  readonly name: string;
  readonly core: number;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A running process. Disposing ends it (SIGTERM, then SIGKILL) and waits for that. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** The file with both output streams. */
  readonly outputFile: string;
  running(): boolean;
  /** The end of its output, for an error. */
  lastWords(): Promise<string>;
}

/** The words that run a script with this runtime. */
export function denoCommand(permissions: readonly string[], script: string): string[] {
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", ...permissions, script];
}

/** Starts a process. The command replaces the shell that opens the file: the pid is the command's. */
export function startChild({ name, core, command, cwd, env = {} }: ChildOptions): Child {
  const outputFile = `${cwd}/${name}.out`;
  const script = 'exec "$@" >>"$BENCH_OUTPUT" 2>&1';
  const child = new Deno.Command("taskset", {
    args: ["-c", String(core), "sh", "-c", script, "sh", ...command],
    cwd,
    clearEnv: true,
    env: { ...childEnv(), BENCH_OUTPUT: outputFile, ...env },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let over = false;
  const ended = child.status.then(() => {
    over = true;
  });
  const signal = (what: Deno.Signal) => {
    try {
      if (!over) child.kill(what);
    } catch {
      // It has ended in this very moment.
    }
  };
  return {
    pid: child.pid,
    outputFile,
    running: () => !over,
    async lastWords() {
      const output = await Deno.readTextFile(outputFile).catch(() => "");
      return output.slice(-SHOWN_OUTPUT);
    },
    async [Symbol.asyncDispose]() {
      signal("SIGTERM");
      const killer = setTimeout(() => signal("SIGKILL"), TERM_LIMIT_MS);
      await ended;
      clearTimeout(killer);
    },
  };
}

/** What a pinned command that ends by itself has printed, and whether it ended well. */
export interface Ending {
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, at most `limitMs` milliseconds, and ends it when `signal` aborts. */
export async function runPinned(
  core: number,
  command: readonly string[],
  limits: { readonly limitMs: number; readonly signal: AbortSignal },
  env: Readonly<Record<string, string>> = {},
): Promise<Ending> {
  limits.signal.throwIfAborted();
  const over = new AbortController();
  const stop = () => over.abort();
  const timer = setTimeout(stop, limits.limitMs);
  limits.signal.addEventListener("abort", stop);
  try {
    const output = await new Deno.Command("taskset", {
      args: ["-c", String(core), ...command],
      clearEnv: true,
      env: { ...childEnv(), ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: over.signal,
    }).output();
    limits.signal.throwIfAborted();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return {
      success: output.success,
      stdout: text(output.stdout),
      stderr: text(output.stderr),
    };
  } finally {
    clearTimeout(timer);
    limits.signal.removeEventListener("abort", stop);
  }
}

function childEnv(): Record<string, string> {
  const kept = KEPT_VARIABLES.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(kept), NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
}
