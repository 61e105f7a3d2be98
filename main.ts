/**
 * The program from its arguments to its exit code: which command, which settings, which role.
 *
 * Exit codes: 0 all went well, 1 the start or the output failed, 64 the command line or the configuration
 * is wrong.
 */
import denoJson from "./deno.json" with { type: "json" };
import { EXIT_CODES } from "./src/app/exit_code.ts";
import { print, printError } from "./src/app/print.ts";
import { type ReadSettings, SettingsSource } from "./src/app/settings_source.ts";
import { type Invocation, parseArguments } from "./src/config/args.ts";
import { readVariables } from "./src/config/environment.ts";
import { renderHelp } from "./src/config/help.ts";
import { renderProblems, renderUsageProblems } from "./src/config/problems.ts";

/** The role of a process that the supervisor has started; not for people. */
const WORKER_ROLE = "worker";

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === WORKER_ROLE) {
    const { keepWorkerPermissions } = await import("./src/runtime/permissions.ts");
    keepWorkerPermissions(args[1]);
    const { runWorkerProcess } = await import("./src/worker/worker_process.ts");
    await runWorkerProcess();
    return EXIT_CODES.ok;
  }
  const invocation = parseArguments(args);
  if (!invocation.ok) return await refuse(renderUsageProblems(invocation.failure));
  switch (invocation.value.command) {
    case "help":
      return await show(renderHelp(invocation.value.topic));
    case "version":
      return await show(
        `ooproxy ${denoJson.version} (Deno ${Deno.version.deno}, V8 ${Deno.version.v8})\n`,
      );
    case "demo": {
      const { demo } = await import("./src/app/demo.ts");
      return await demo(invocation.value.demo, printLine);
    }
  }
  const env = readVariables(Deno.env);
  const source = new SettingsSource({ ...invocation.value, env });
  const settings = source.read();
  if (!settings.ok) return await refuse(renderProblems(settings.failure));
  return await COMMANDS[invocation.value.command]({ settings: settings.value, source, env, args });
}

/** What a command that needs settings gets. */
interface CommandInput {
  readonly settings: ReadSettings;
  readonly source: SettingsSource;
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
}

/** The commands that need settings. */
const COMMANDS = { check, health, serve } satisfies Partial<
  Record<Invocation["command"], (input: CommandInput) => Promise<number>>
>;

/** Shows the settings; nothing is started, and no server is asked. */
async function check({ settings, env, args }: CommandInput): Promise<number> {
  const { renderSettings } = await import("./src/app/check.ts");
  for (const warning of settings.warnings) await printError(`warning: ${warning}\n`);
  return await show(renderSettings(settings, env, args));
}

/** Asks the program that runs with these settings whether it is ready. */
async function health({ settings }: CommandInput): Promise<number> {
  const { askHealth } = await import("./src/app/health.ts");
  const asked = await askHealth(settings.config);
  if (asked.ok) return await show(`healthy: ${asked.value}\n`);
  await printError(`unhealthy: ${asked.failure.text}\n`);
  return asked.failure.exitCode;
}

/** Serves until a signal ends it. */
async function serve({ settings, source, env }: CommandInput): Promise<number> {
  const { run } = await import("./src/app/run.ts");
  const failed = await run({ settings, source, env, version: denoJson.version });
  if (failed === undefined) return EXIT_CODES.ok;
  await printError(`error: ${failed.text}\n`);
  return failed.exitCode;
}

async function refuse(text: string): Promise<number> {
  await printError(text);
  return EXIT_CODES.usage;
}

/** Prints what was asked for; that it cannot be written is a failure. */
async function show(text: string): Promise<number> {
  const shown = print(text);
  if (shown.ok) return EXIT_CODES.ok;
  await printError(`error: ${shown.failure}\n`);
  return EXIT_CODES.failed;
}

/** A line of the demo, which goes on without a reader: its outcome is the exit code. */
function printLine(line: string): void {
  print(`${line}\n`);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
