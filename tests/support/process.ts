/** The program as its users run it: a real process, its lines, its signals, its exit code. */
import { fileURLToPath } from "node:url";

/** Variables of the machine that a process keeps; all others stay outside. */
const KEPT_VARIABLES = ["PATH", "HOME", "DENO_DIR", "TMPDIR"];

/** How long a line or the end of the process is waited for, in milliseconds. */
const STEP_LIMIT_MS = 10_000;

/** How long a process may take to end by itself after SIGTERM, in milliseconds. */
const TERM_LIMIT_MS = 3000;

/**
 * Where the standard error of a process may go: a pipe that is read at once, or not before `readErrors`;
 * one that something else has filled before; a full disk; nowhere, with the descriptor closed.
 */
export type ErrorsTo = "reader" | "unread pipe" | "filled pipe" | "full disk" | "closed descriptor";

/** What a shell does with the standard error before it becomes the process. */
const REDIRECTED: Readonly<Record<ErrorsTo, string | undefined>> = {
  "reader": undefined,
  "unread pipe": undefined,
  // More than any pipe holds, from a process that waits as long as it is not read.
  "filled pipe": 'head -c 2000000 /dev/zero >&2 & sleep 0.2; exec "$0" "$@"',
  "full disk": 'exec "$0" "$@" 2>/dev/full',
  "closed descriptor": 'exec "$0" "$@" 2>&-',
};

/** What to run. */
export interface ProcessOptions {
  /** Arguments after the script. */
  readonly args?: readonly string[];
  /** Variables on top of the few kept ones. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory; the checkout if absent. */
  readonly cwd?: string;
  /** The script; the project's `main.ts`, or its `serve.ts`, if absent. */
  readonly script?: string;
  /** Starts it with `deno serve`, which prints its URL on the standard error. */
  readonly served?: true;
  /** Flags for `deno run`; every permission if absent. */
  readonly denoFlags?: readonly string[];
  /** Text for the standard input, which is closed after it; no input if absent. */
  readonly input?: string;
  /** A reader if absent. */
  readonly errorsTo?: ErrorsTo;
}

/** A running process. Disposing ends it (SIGTERM, then SIGKILL) and waits for that. */
export interface TestProcess extends AsyncDisposable {
  readonly pid: number;
  /** Whole lines so far. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** Both streams as one text, lines in order of arrival. */
  output(): string;
  /** Begins to read the standard error, where it is not read from the start. */
  readErrors(): void;
  /** Closes the reading end of the standard error, where it is not read. */
  dropErrors(): Promise<void>;
  /**
   * The first line of either stream that matches, also one that came earlier; rejects, showing
   * the output, when the process or the time (milliseconds) ends first.
   */
  waitForLine(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  signal(name: Deno.Signal): void;
  /** The exit status once the process has ended and its output is complete; rejects in time. */
  ended(timeoutMs?: number): Promise<Deno.CommandStatus>;
  close(): Promise<void>;
}

/** Absolute path of a file of the project, given from its root. */
export function projectFile(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/** Starts a script under `deno run` (or `deno serve`) with a clean environment. */
export function startProcess(options: ProcessOptions = {}): TestProcess {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const all: string[] = [];
  const watchers = new Set<() => void>();
  let over = false;

  const { errorsTo = "reader" } = options;
  const shell = REDIRECTED[errorsTo];
  const read = errorsTo !== "unread pipe" && errorsTo !== "filled pipe";
  const child = new Deno.Command(shell === undefined ? Deno.execPath() : "/bin/sh", {
    args: [
      ...(shell === undefined ? [] : ["-c", shell, Deno.execPath()]),
      ...(options.served ? ["serve", "--host=127.0.0.1", "--port=0"] : ["run", "--quiet"]),
      "--no-prompt",
      ...(options.denoFlags ?? ["--allow-all"]),
      options.script ?? projectFile(options.served ? "serve.ts" : "main.ts"),
      ...(options.args ?? []),
    ],
    cwd: options.cwd ?? projectFile("."),
    clearEnv: true,
    env: { ...keptVariables(), NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...options.env },
    stdin: options.input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();

  const notify = () => watchers.forEach((watcher) => watcher());
  const stop = new AbortController();
  const collect = (stream: ReadableStream<Uint8Array<ArrayBuffer>>, lines: string[]) =>
    eachLine(stream, stop.signal, (line) => {
      lines.push(line);
      all.push(line);
      notify();
    });
  let errorsRead: Promise<void> | undefined;
  const readErrors = () => void (errorsRead ??= collect(child.stderr, stderr));
  const dropErrors = () => errorsRead ??= child.stderr.cancel();
  if (read) readErrors();
  const collected = Promise.all([
    feed(child, options.input),
    collect(child.stdout, stdout),
  ]);
  const status = child.status;
  const complete = (async () => {
    const ending = await status;
    await collected;
    await (errorsRead ?? dropErrors());
    over = true;
    notify();
    return ending;
  })();

  function watch<T>(what: string, look: () => T | undefined, timeoutMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = (last: boolean) => {
        const found = look();
        if (found === undefined && !over && !last) return;
        clearTimeout(timer);
        watchers.delete(watcher);
        if (found !== undefined) resolve(found);
        else reject(new Error(`${what}; the output was:\n${all.join("\n")}`));
      };
      const watcher = () => check(false);
      const timer = setTimeout(() => check(true), timeoutMs);
      watchers.add(watcher);
      check(false);
    });
  }

  function signal(name: Deno.Signal): void {
    try {
      child.kill(name);
    } catch {
      // It has ended already, which is what most signals are sent for.
    }
  }

  async function close(): Promise<void> {
    signal("SIGTERM");
    const killer = setTimeout(() => signal("SIGKILL"), TERM_LIMIT_MS);
    await status;
    clearTimeout(killer);
    // A child process that outlived it may still hold the pipes: do not wait for those.
    stop.abort();
    await complete;
  }

  return {
    pid: child.pid,
    stdout,
    stderr,
    output: () => all.join("\n"),
    readErrors,
    dropErrors,
    waitForLine: (pattern, timeoutMs = STEP_LIMIT_MS) =>
      watch(`no line matched ${pattern}`, () => firstMatch(all, pattern), timeoutMs),
    signal,
    async ended(timeoutMs = STEP_LIMIT_MS) {
      await watch("the process did not end", () => over || undefined, timeoutMs);
      return await complete;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function keptVariables(): Record<string, string> {
  return Object.fromEntries(KEPT_VARIABLES.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

async function feed(child: Deno.ChildProcess, input: string | undefined): Promise<void> {
  if (input === undefined) return;
  try {
    await ReadableStream.from([new TextEncoder().encode(input)]).pipeTo(child.stdin);
  } catch {
    // The process ended without reading its input.
  }
}

/** Calls `take` with every line, the last one also without a line end. */
async function eachLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
  take: (line: string) => void,
): Promise<void> {
  let rest = "";
  const lines = new WritableStream<string>({
    write(text) {
      const [last = "", ...whole] = (rest + text).split("\n").reverse();
      rest = last;
      whole.reverse().forEach(take);
    },
  });
  try {
    await stream.pipeThrough(new TextDecoderStream()).pipeTo(lines, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  if (rest !== "") take(rest);
}

function firstMatch(lines: readonly string[], pattern: RegExp): RegExpExecArray | undefined {
  // A pattern with the flag `g` would remember where it stopped.
  const fresh = new RegExp(pattern.source, pattern.flags.replace("g", ""));
  return lines.map((line) => fresh.exec(line)).find((match) => match !== null);
}
