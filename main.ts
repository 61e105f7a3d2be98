/**
 * The program from its arguments to its exit code: which command, which settings, which role.
 *
 * Exit codes: 0 all went well, 1 the start failed, 64 the command line or the settings are wrong.
 */
import { parseArguments } from "./src/config/args.ts";
import type { Invocation } from "./src/config/args.ts";
import { candidatePaths, load, type Loaded } from "./src/config/load.ts";
import { renderProblems } from "./src/config/problem.ts";
import { renderCheck, renderHelp } from "./src/config/render.ts";
import denoJson from "./deno.json" with { type: "json" };
import { fail, ok, type Result } from "./src/result.ts";

const EXIT_OK = 0;
const EXIT_FAILED = 1;
/** `EX_USAGE` of sysexits: a supervisor should not start the program again and again. */
const EXIT_USAGE = 64;

async function main(args: readonly string[]): Promise<number> {
  const invocation = parseArguments(args);
  if (!invocation.ok) return refuse(renderProblems(invocation.failure));
  switch (invocation.value.command) {
    case "help":
      print(renderHelp());
      return EXIT_OK;
    case "version":
      print(`ooproxy ${denoJson.version} (Deno ${Deno.version.deno}, V8 ${Deno.version.v8})\n`);
      return EXIT_OK;
    case "demo": {
      const { demo } = await import("./src/server/demo_proxy.ts");
      return await demo(invocation.value.demo, (line) => print(`${line}\n`));
    }
    case "check":
      return check(invocation.value);
    case "serve":
      return await serve(invocation.value);
  }
}

/** Reads and shows the settings; nothing is started and nobody is asked. */
function check(invocation: Invocation): number {
  const settings = readSettings(invocation);
  if (!settings.ok) return refuse(settings.failure);
  print(renderCheck(settings.value.loaded));
  return EXIT_OK;
}

/** Serves until a signal ends it. */
async function serve(invocation: Invocation): Promise<number> {
  const settings = readSettings(invocation);
  if (!settings.ok) return refuse(settings.failure);
  const { run } = await import("./src/server/run.ts");
  const { loaded, file } = settings.value;
  const failed = await run({
    config: loaded.config,
    warnings: loaded.warnings,
    settingsFile: file,
    version: denoJson.version,
  });
  if (failed === undefined) return EXIT_OK;
  printError(`error: ${failed.text}\n`);
  return failed.settings ? EXIT_USAGE : EXIT_FAILED;
}

/** The settings, and the file that some of them came from; or everything that is wrong with them. */
function readSettings(
  invocation: Invocation,
): Result<{ loaded: Loaded; file: string | undefined }, string> {
  const file = findSettingsFile(invocation.configFile);
  if (!file.ok) return file;
  const loaded = load({
    ...(file.value === undefined ? {} : { file: file.value }),
    env: Deno.env.toObject(),
    flags: invocation.flags,
    readFile: readText,
  });
  return loaded.ok
    ? ok({ loaded: loaded.value, file: file.value?.name })
    : fail(renderProblems(loaded.failure));
}

function findSettingsFile(
  named: string | undefined,
): Result<{ name: string; text: string } | undefined, string> {
  if (named !== undefined) {
    const text = readText(named);
    return text.ok
      ? ok({ name: named, text: text.value })
      : fail(`error: --config ${named}: ${text.failure}\n`);
  }
  for (const name of candidatePaths(Deno.cwd(), Deno.env.get("PATH") ?? "")) {
    try {
      return ok({ name, text: Deno.readTextFileSync(name) });
    } catch (error) {
      // Not there, or a directory of $PATH that is not for us: the next one may have it. A file that is
      // there but cannot be read is worth a word only where it was meant for this program.
      if (name.startsWith(Deno.cwd()) && !(error instanceof Deno.errors.NotFound)) {
        return fail(`error: ${name}: ${reasonOf(error)}\n`);
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
  return error instanceof Error ? error.message : String(error);
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

if (import.meta.main) Deno.exit(await main(Deno.args));
