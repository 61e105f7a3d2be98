/**
 * The commands of `deno.json` that run the program or make a binary of it: generated from the table
 * of permissions, so that nothing is granted by hand.
 */
import {
  BINARY_PERMISSIONS,
  DEMO_PERMISSIONS,
  permissionFlags,
  startPermissions,
} from "../src/server/permissions.ts";
import { V8_FLAGS } from "../src/server/respawn.ts";
import { BINARY_IMPORTS } from "./binary_imports.ts";

/** How a task finds the runtime that it runs in, in the words of the task runner's shell. */
const THIS_RUNTIME = "$(deno eval 'console.log(Deno.execPath())')";

/** What the program is started with by `deno task start`, without `deno run`. */
export function startFlags(runtime = Deno.execPath()): string[] {
  return [V8_FLAGS, ...permissionFlags(startPermissions(runtime))];
}

/** What a binary is made with, without `deno compile`, the name of the file and `main.ts`. */
export function compileFlags(): string[] {
  return [
    "--frozen",
    V8_FLAGS,
    ...permissionFlags(BINARY_PERMISSIONS),
    // It would be kept in the shared folder for temporary files, under a name that anybody can guess.
    "--no-code-cache",
    "--exclude-unused-npm",
    `--import-map=${BINARY_IMPORTS}`,
  ];
}

/** The generated commands, by the names of their tasks. */
export const TASK_COMMANDS: Readonly<Record<string, string>> = {
  // Without a word the runtime would point out that a handler is exported; see `server/entry.ts`.
  start: shell("deno run --quiet", startFlags(THIS_RUNTIME), "main.ts serve"),
  demo: shell("deno run --quiet", permissionFlags(DEMO_PERMISSIONS), "main.ts demo"),
  dev: shell("deno run --watch", startFlags(THIS_RUNTIME), "main.ts serve"),
  compile: shell("deno compile --quiet", compileFlags(), "--output=ooproxy main.ts"),
  install: shell(
    "deno install --quiet --global --force --name=ooproxy --config=deno.json",
    startFlags(THIS_RUNTIME),
    "main.ts serve",
  ),
};

/** `deno.json` with the generated commands in it. */
export function withTaskCommands(text: string): string {
  return Object.entries(TASK_COMMANDS).reduce((json, [task, command]) => {
    const place = new RegExp(`("${task}": \\{[^{}]*?"command": )"(?:[^"\\\\]|\\\\.)*"`);
    if (!place.test(json)) throw new Error(`deno.json has no task ${task} with a command`);
    return json.replace(place, (_, head: string) => head + JSON.stringify(command));
  }, text);
}

/** One command for the task runner's shell: `*` and `$` are quoted, but for the one substitution. */
function shell(command: string, flags: readonly string[], rest: string): string {
  const words = flags.map((word) => {
    if (word.includes(THIS_RUNTIME)) return `"${word}"`;
    return /[*$'"\s]/.test(word) ? `'${word}'` : word;
  });
  return [command, ...words, rest].join(" ");
}

/** The flags of a way to start as `startProcess` takes them, which adds these two by itself. */
export function forProcess(flags: readonly string[]): string[] {
  return flags.filter((flag) => flag !== "--quiet" && flag !== "--no-prompt");
}
