/**
 * The program from its arguments to its exit code: which command, which settings, which role.
 *
 * Exit codes: 0 all went well, 1 the start failed, 64 the command line or the settings are wrong.
 */
import { parseArguments } from "./src/config/args.ts";
import type { Invocation } from "./src/config/args.ts";
import { readVariables } from "./src/config/environment.ts";
import { renderHelp } from "./src/config/help.ts";
import { candidatePaths, load, type Loaded } from "./src/config/load.ts";
import {
  type Problem,
  problemLines,
  renderProblems,
  renderUsageProblems,
} from "./src/config/problems.ts";
import { renderCheck } from "./src/config/render.ts";
import { filesNamedBy, INPUT_NAMES } from "./src/config/schema.ts";
import denoJson from "./deno.json" with { type: "json" };
import { fail, ok, type Result } from "./src/result.ts";
import { lazyFetch, unlessServed } from "./src/server/entry.ts";
import { messageOf } from "./src/text.ts";

const EXIT_OK = 0;
const EXIT_FAILED = 1;
/** `EX_USAGE` of sysexits: a supervisor should not start the program again and again. */
const EXIT_USAGE = 64;

/** The role of a process that the supervisor has started; not for people. */
const WORKER_ROLE = "worker";

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === WORKER_ROLE) {
    const { WITH_SOCKET } = await import("./src/server/respawn.ts");
    const { keepWorkerPermissions } = await import("./src/server/permissions.ts");
    keepWorkerPermissions(args[1] === WITH_SOCKET);
    const { runWorkerProcess } = await import("./src/server/worker_process.ts");
    await runWorkerProcess();
    return EXIT_OK;
  }
  const invocation = parseArguments(args);
  if (!invocation.ok) return refuse(renderUsageProblems(invocation.failure));
  switch (invocation.value.command) {
    case "help":
      print(renderHelp(invocation.value.topic));
      return EXIT_OK;
    case "version":
      print(`ooproxy ${denoJson.version} (Deno ${Deno.version.deno}, V8 ${Deno.version.v8})\n`);
      return EXIT_OK;
    case "demo": {
      const { demo } = await import("./src/server/demo_proxy.ts");
      return await demo(invocation.value.demo, (line) => print(`${line}\n`));
    }
    case "check":
      return await check(invocation.value);
    case "health":
      return await health(invocation.value);
    case "serve":
      return await serve(invocation.value);
  }
}

/** Reads and shows the settings; nothing is started and nobody is asked. */
async function check(invocation: Invocation): Promise<number> {
  const settings = readSettings(invocation);
  if (!settings.ok) return refuse(renderProblems(settings.failure));
  for (const warning of settings.value.loaded.warnings) printError(`warning: ${warning}\n`);
  print(renderCheck(settings.value.loaded));
  const { exactCommand } = await import("./src/server/respawn.ts");
  const { readRuntime } = await import("./src/server/runtime.ts");
  const { config, files } = forRun(settings.value);
  const args = Deno.args.toSpliced(Deno.args.indexOf("check"), 1);
  const command = exactCommand(readRuntime(Deno), config, files, readVariables(Deno.env), args);
  if (command !== undefined) print(`\nThe least permissions that suffice for this:\n${command}\n`);
  return EXIT_OK;
}

/** Asks the program that runs with these settings whether it is well. */
async function health(invocation: Invocation): Promise<number> {
  const settings = readSettings(invocation);
  if (!settings.ok) return refuse(renderProblems(settings.failure));
  const { askHealth } = await import("./src/server/health.ts");
  const asked = await askHealth(settings.value.loaded.config);
  if (asked.ok) {
    print(`healthy: ${asked.value}\n`);
    return EXIT_OK;
  }
  printError(`unhealthy: ${asked.failure.text}\n`);
  return asked.failure.settings ? EXIT_USAGE : EXIT_FAILED;
}

/** Serves until a signal ends it. */
async function serve(invocation: Invocation): Promise<number> {
  const settings = readSettings(invocation);
  if (!settings.ok) return refuse(renderProblems(settings.failure));
  const { run } = await import("./src/server/run.ts");
  const { readRuntime } = await import("./src/server/runtime.ts");
  const failed = await run({
    settings: forRun(settings.value),
    readAgain() {
      const again = readSettings(invocation);
      return again.ok ? ok(forRun(again.value)) : fail(problemLines(again.failure));
    },
    readFile: (path) => {
      try {
        return Deno.readFileSync(path).toBase64();
      } catch {
        return undefined;
      }
    },
    version: denoJson.version,
    runtime: readRuntime(Deno),
    workerEnv: withoutSettings(readVariables(Deno.env)),
  });
  if (failed === undefined) return EXIT_OK;
  printError(`error: ${failed.text}\n`);
  return failed.settings ? EXIT_USAGE : EXIT_FAILED;
}

/** The settings with the files that they depend on. */
interface Settings {
  readonly loaded: Loaded;
  /** The settings file, if there is one. */
  readonly file: string | undefined;
  /** The files that hold secrets. */
  readonly secretFiles: readonly string[];
}

function forRun({ loaded, file, secretFiles }: Settings) {
  const { config, warnings } = loaded;
  const files = [...(file === undefined ? [] : [file]), ...filesNamedBy(config), ...secretFiles];
  return { config, warnings, file, files };
}

/** What a worker's environment may hold: everything but settings, which reach it over a pipe. */
function withoutSettings(env: Readonly<Record<string, string>>): Record<string, string> {
  const settings = new Set(INPUT_NAMES);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !settings.has(name)));
}

/** Reads all sources; fails with everything that is wrong. */
function readSettings(invocation: Invocation): Result<Settings, readonly Problem[]> {
  const file = findSettingsFile(invocation.configFile);
  if (!file.ok) return fail([file.failure]);
  const secretFiles: string[] = [];
  const loaded = load({
    ...(file.value === undefined ? {} : { file: file.value }),
    env: readVariables(Deno.env),
    flags: invocation.flags,
    readFile(path) {
      secretFiles.push(path);
      return readText(path);
    },
  });
  return loaded.ok
    ? ok({ loaded: loaded.value, file: file.value?.name, secretFiles })
    : fail(loaded.failure);
}

function findSettingsFile(
  named: string | undefined,
): Result<{ name: string; text: string } | undefined, Problem> {
  if (named !== undefined) {
    const text = readText(named);
    return text.ok
      ? ok({ name: named, text: text.value })
      : fail({ setting: named, source: "flag --config", fault: text.failure });
  }
  for (const name of candidatePaths(Deno.cwd(), readVariables(Deno.env).PATH ?? "")) {
    try {
      return ok({ name, text: Deno.readTextFileSync(name) });
    } catch (error) {
      // Not there, or a directory of $PATH that is not for us: the next one may have it. A file that is
      // there but cannot be read is worth a word only where it was meant for this program.
      if (name.startsWith(Deno.cwd()) && !(error instanceof Deno.errors.NotFound)) {
        return fail({ setting: name, source: "the working directory", fault: reasonOf(error) });
      }
    }
  }
  return ok(undefined);
}

function readText(path: string): Result<string, string> {
  try {
    return ok(Deno.readTextFileSync(path));
  } catch (error) {
    return fail(reasonOf(error));
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory";
  return messageOf(error);
}

function refuse(text: string): number {
  printError(text);
  return EXIT_USAGE;
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

function printError(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}

/** For `deno serve` and its kin. Nothing is read or built before the first request. */
export default {
  fetch: lazyFetch(async () => {
    const { openEdge } = await import("./src/server/edge.ts");
    const env = readVariables(Deno.env);
    return (await openEdge({ env, readFile: readText, version: denoJson.version })).fetch;
  }),
};

if (import.meta.main) {
  // With a command, or compiled, this can only be the program: nothing else is waited for.
  if (Deno.args.length > 0 || Deno.build.standalone) Deno.exit(await main(Deno.args));
  unlessServed(async () => Deno.exit(await main([])));
}
