/**
 * As much of a container engine as these tests need: an image's files as a read-only root, its user,
 * variables and entry point, a process table of its own, read-only mounts. The network is the
 * machine's.
 */
import { childrenOf, eventually, type LogLine } from "../e2e/harness.ts";
import { projectFile } from "../support/process.ts";
import type { ImageConfig } from "./buildah.ts";
import { must, type Outcome, outcomeOf, run } from "./command.ts";

/** How long a container may take to end by itself before it is killed, in milliseconds. */
const STOP_LIMIT_MS = 10_000;

/** An image that containers are started from. */
export interface Image {
  readonly root: string;
  readonly config: ImageConfig["config"];
}

/** What `docker run` is given. */
export interface RunOptions {
  /** `-e`. */
  readonly env?: Readonly<Record<string, string>>;
  /** `-v …:ro`: files of the machine by their paths in the container. */
  readonly mounts?: Readonly<Record<string, string>>;
  /** Names that lead to this machine, as `--add-host` gives them. */
  readonly hosts?: readonly string[];
  /** What follows the image's name. */
  readonly args?: readonly string[];
}

/** A running container. Disposing stops it. */
export interface Container extends AsyncDisposable {
  /** Its process 1, by the number that it has outside. */
  readonly pid: number;
  /** All that it wrote. */
  output(): string;
  log(): LogLine[];
  logged(msg: string, fields?: Readonly<Record<string, unknown>>): Promise<LogLine>;
  /** `docker exec`. */
  exec(command: readonly string[]): Promise<Outcome>;
  signal(name: Deno.Signal): void;
  /** The exit code, once it has ended. */
  ended(): Promise<number>;
}

/** What stands around each container: variables, user, directory. */
function surroundings({ config }: Image, options: RunOptions) {
  const [uid = "", gid = ""] = config.User.split(":");
  const given = config.Env.map((line) => {
    const at = line.indexOf("=");
    return [line.slice(0, at), line.slice(at + 1)];
  });
  return { uid, gid, env: { ...Object.fromEntries(given), ...options.env } };
}

/** The command that starts a container, and its variables. */
async function prepare(image: Image, options: RunOptions) {
  const { root, config } = image;
  const { uid, gid, env } = surroundings(image, options);
  const hosts = await Deno.makeTempFile({ prefix: "ooproxy_hosts_" });
  await Deno.writeTextFile(hosts, `127.0.0.1 localhost ${(options.hosts ?? []).join(" ")}\n`);
  await Deno.chmod(hosts, 0o644);
  const mounts = Object.entries({ ...options.mounts, "/etc/hosts": hosts });
  await must("mkdir", ["-p", `${root}/proc`, `${root}/dev`]);
  for (const [target] of mounts) await must("touch", [root + target]);
  const args = [
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    projectFile("tests/container/enter.sh"),
    root,
    uid,
    gid,
    config.WorkingDir,
    String(mounts.length),
    ...mounts.flatMap(([target, source]) => [source, target]),
    ...config.Entrypoint,
    ...(options.args ?? config.Cmd ?? []),
  ];
  /** Removes the places for the mounts, which an engine keeps outside of the image too. */
  const tidy = () =>
    must("rm", ["-f", hosts, ...mounts.map(([target]) => root + target)])
      .then(() => must("rmdir", [`${root}/proc`, `${root}/dev`]));
  return { args, env, tidy };
}

/** `docker run` of a command that ends by itself. */
export async function runToEnd(image: Image, options: RunOptions): Promise<Outcome> {
  const { args, env, tidy } = await prepare(image, options);
  try {
    return await outcomeOf(new Deno.Command("unshare", { args, env, clearEnv: true }));
  } finally {
    await tidy();
  }
}

/** `docker run --detach`; returns when the program says that it is ready. */
export async function start(image: Image, options: RunOptions): Promise<Container> {
  const { args, env, tidy } = await prepare(image, options);
  const child = new Deno.Command("unshare", {
    args,
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  const collect = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) output += text;
  };
  let over = false;
  const ended = Promise.all([child.status, collect(child.stdout), collect(child.stderr)])
    .then(([{ code }]) => {
      over = true;
      return code;
    });
  const first = () => childrenOf(child.pid)[0];
  const log = () => output.split("\n").slice(0, -1).flatMap(logLine);

  async function close(): Promise<void> {
    const pid = first();
    if (!over && pid !== undefined) Deno.kill(pid, "SIGTERM");
    const killer = setTimeout(() => over || child.kill("SIGKILL"), STOP_LIMIT_MS);
    await ended;
    clearTimeout(killer);
    await tidy();
  }

  const container: Container = {
    get pid() {
      return first() ?? NaN;
    },
    output: () => output,
    log,
    logged: (msg, fields = {}) =>
      eventually(`the log line ${msg} ${JSON.stringify(fields)}`, () => {
        const found = log().find((line) =>
          line.msg === msg && Object.entries(fields).every(([name, value]) => line[name] === value)
        );
        if (found === undefined && over) throw new Error(`the container has ended:\n${output}`);
        return found;
      }),
    exec(command) {
      const { uid, gid } = surroundings(image, options);
      const place = [`--target=${first()}`, "--mount", "--pid", "--root"];
      const user = [`--setuid=${uid}`, `--setgid=${gid}`, "--wd"];
      return run("nsenter", [...place, ...user, "--", ...command], env);
    },
    signal: (name) => Deno.kill(first() ?? NaN, name),
    ended: () => ended,
    [Symbol.asyncDispose]: close,
  };
  try {
    await container.logged("ready");
  } catch (error) {
    await close();
    throw new Error(`not ready:\n${output}`, { cause: error });
  }
  return container;
}

/** A line of the log; nothing for a line of another kind. */
function logLine(line: string): LogLine[] {
  try {
    return [JSON.parse(line) as LogLine];
  } catch {
    return [];
  }
}
