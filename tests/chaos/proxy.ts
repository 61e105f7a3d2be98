/** The proxy of a chaos run: the program in processes of its own, that can be hit in every way. */
import { childrenOf, runs } from "../e2e/harness.ts";
import { projectFile } from "../support/process.ts";
import { pause } from "../support/waiting.ts";
import { type ProviderName, PROVIDERS } from "./history.ts";
import { AUDIENCE } from "./tokens.ts";

/** How long a step of the program may take, in milliseconds. */
const STEP_MS = 15_000;

/** Total time of a request to the upstream, in seconds: longer than `late`, shorter than patience. */
const UPSTREAM_TIMEOUT_SECS = 6;

/** Least time between two fetches, in seconds: short, so that much happens in one run. */
export const COOLDOWN_SECS = 1;

/** Age at which keys are fetched again in every other run, in seconds; else only tokens cause that. */
const EXPIRY_SECS = 6;

/** The proxy. */
export interface ChaosProxy {
  readonly port: number;
  start(): Promise<void>;
  /** SIGTERM, and what it ended with. */
  stop(): Promise<{ readonly code: number; readonly left: readonly number[] }>;
  /** The workers' process ids. */
  workers(): number[];
  /** Writes the settings file, sends SIGHUP and waits until the log says what came of it. */
  reload(leewaySecs: number | "wrong"): Promise<"reloaded" | "refused" | "no outcome">;
  writeSettings(leewaySecs: number): Promise<void>;
  /** Stops reading the log, or goes on. */
  stallLog(stalled: boolean): void;
  /** The log but for the lines about requests. */
  readonly log: readonly string[];
  kill(): void;
}

/** Where it is, and what it is between. */
export interface ChaosProxyOptions {
  readonly dir: string;
  readonly providers: Readonly<Record<ProviderName, { readonly url: string }>>;
  readonly upstream: string;
  /** Whether keys are fetched again by themselves at an age. */
  readonly expiry: boolean;
}

/** Makes it; nothing is started yet. `dir` is for its settings file and its key caches. */
export function makeChaosProxy(
  { dir, providers, upstream, expiry }: ChaosProxyOptions,
): ChaosProxy {
  const free = Deno.listen({ hostname: "::", port: 0 });
  const { port } = free.addr;
  free.close();
  const log: string[] = [];
  let child: Deno.ChildProcess | undefined;
  let collected: Promise<void> = Promise.resolve();
  let workersAtEnd: readonly number[] = [];
  let reading = Promise.withResolvers<void>();
  reading.resolve();

  async function collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      await reading.promise;
      for (const line of lines) {
        if (!line.includes('"msg":"request"')) log.push(line);
      }
    }
  }

  /** Waits for a line that came after the first `after` lines. */
  async function logged(pattern: RegExp, after: number): Promise<string | undefined> {
    for (const end = performance.now() + STEP_MS; performance.now() < end;) {
      const line = log.slice(after).find((one) => pattern.test(one));
      if (line !== undefined) return line;
      await pause(20);
    }
    return undefined;
  }

  async function writeSettings(leewaySecs: number | "wrong"): Promise<void> {
    const value = leewaySecs === "wrong" ? '"soon"' : leewaySecs;
    await Deno.writeTextFile(`${dir}/settings.toml`, `leeway = ${value}\n`);
  }

  return {
    port,
    log,
    stallLog(stalled) {
      reading.resolve();
      if (stalled) reading = Promise.withResolvers();
    },
    writeSettings,
    workers: () => child === undefined ? [] : childrenOf(child.pid),
    async start() {
      const before = log.length;
      child = new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--no-prompt", "--allow-all", projectFile("main.ts")],
        cwd: dir,
        clearEnv: true,
        env: {
          ...kept(),
          // Both families: an attack comes from another address than the clients.
          LISTEN_URL: `[::]:${port}`,
          ADMIN_URL: "off",
          NUM_WORKERS: "2",
          PROVIDERS: JSON.stringify(PROVIDERS.map((name) => ({
            name,
            url: providers[name].url,
            audience: JSON.stringify(AUDIENCE),
            key_cooldown_secs: COOLDOWN_SECS,
            ...(expiry ? { key_expiry_secs: EXPIRY_SECS } : {}),
            key_cache_file: `${dir}/keys-${name}.json`,
          }))),
          UPSTREAM_URL: upstream,
          UPSTREAM_TIMEOUT_SECS: String(UPSTREAM_TIMEOUT_SECS),
          SHUTDOWN_TIMEOUT_SECS: "10",
          LOG_FORMAT: "json",
        },
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).spawn();
      collected = collect(child.stderr);
      if (await logged(/"msg":"ready"/, before) === undefined) {
        throw new Error(`the proxy does not start:\n${log.slice(before).join("\n")}`);
      }
    },
    async stop() {
      if (child === undefined) throw new Error("it does not run");
      workersAtEnd = childrenOf(child.pid);
      child.kill("SIGTERM");
      const { code } = await child.status;
      const left = workersAtEnd.filter(runs);
      child = undefined;
      // A worker that is left may hold the pipe.
      if (left.length === 0) await collected;
      return { code, left };
    },
    async reload(leewaySecs) {
      await writeSettings(leewaySecs);
      const before = log.length;
      child?.kill("SIGHUP");
      const line = await logged(/"msg":"(configuration reloaded|reload failed)/, before);
      if (line === undefined) return "no outcome";
      return line.includes("configuration reloaded") ? "reloaded" : "refused";
    },
    kill() {
      try {
        for (const pid of child === undefined ? [] : childrenOf(child.pid)) {
          Deno.kill(pid, "SIGKILL");
        }
        child?.kill("SIGKILL");
      } catch {
        // It has ended already.
      }
    },
  };
}

/** Variables of the machine that the program needs. */
function kept(): Record<string, string> {
  return Object.fromEntries(["PATH", "HOME", "DENO_DIR", "TMPDIR"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}
