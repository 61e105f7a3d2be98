/**
 * The part of `deno.json` that is generated from the table of permissions, so that nothing is granted by
 * hand: the permission sets, and the commands that use them.
 */
import { permissionFlags } from "../src/runtime/permissions.ts";
import { V8_FLAGS } from "../src/runtime/commands.ts";
import { BINARY_IMPORTS } from "./binary_imports.ts";
import { permissionWords, renderPermissionSets } from "./permission_sets.ts";
import { BINARY_PERMISSIONS, DEMO_PERMISSIONS, startPermissions } from "./permissions.ts";

/** How a task finds the runtime that it runs in, in the words of the task runner's shell. */
export const THIS_RUNTIME = "$(deno eval -p 'Deno.execPath()')";

/** What a binary is made with, without `deno compile`, the name of the file and `main.ts`. */
export function compileFlags(): string[] {
  return [
    "--frozen",
    V8_FLAGS,
    ...permissionWords("start", BINARY_PERMISSIONS),
    // It would be kept in the shared folder for temporary files, under a name that anybody can guess.
    "--no-code-cache",
    "--exclude-unused-npm",
    `--import-map=${BINARY_IMPORTS}`,
  ];
}

/**
 * What the command `ooproxy` is made with, without `deno install`. The command is a script with the
 * flags in it, and a permission set does not get into it.
 */
export function installArgs(runtime: string): string[] {
  return [
    "--quiet",
    "--global",
    "--force",
    "--name=ooproxy",
    "--config=deno.json",
    V8_FLAGS,
    ...permissionFlags(startPermissions(runtime)),
    "main.ts",
  ];
}

const START = shell([V8_FLAGS, ...permissionWords("start", startPermissions(THIS_RUNTIME))]);

/** The generated commands, by the names of their tasks. */
export const TASK_COMMANDS: Readonly<Record<string, string>> = {
  // `--quiet`: permission sets are new in the runtime, which would say so at each start.
  start: `deno run --quiet ${START} main.ts`,
  demo: `deno run --quiet ${shell(permissionWords("demo", DEMO_PERMISSIONS))} main.ts demo`,
  dev: `deno run --quiet --watch ${START} main.ts`,
  compile: `deno compile --quiet ${shell(compileFlags())} --output=ooproxy main.ts`,
};

/** `deno.json` with the generated parts in it. */
export function withTaskCommands(text: string): string {
  const withSets = replaced(
    text,
    /(\n {2}"permissions": )\{.*?\n {2}\}/s,
    renderPermissionSets(),
    "permissions",
  );
  return Object.entries(TASK_COMMANDS).reduce((json, [task, command]) => {
    const place = new RegExp(`("${task}": \\{[^{}]*?"command": )"(?:[^"\\\\]|\\\\.)*"`);
    return replaced(json, place, command, `the command of the task ${task}`);
  }, withSets);
}

function replaced(json: string, place: RegExp, value: unknown, what: string): string {
  if (!place.test(json)) throw new Error(`deno.json has no place for ${what}`);
  return json.replace(place, (_, head: string) => head + compact(JSON.stringify(value, null, 2)));
}

/** JSON with lists and objects of a single value on one line, where the formatter leaves them. */
function compact(json: string): string {
  return json.replaceAll(/([[{])\n\s*([^\n[{]*[^\n[{,])\n\s*([\]}])/g, "$1 $2 $3");
}

/** Words for the task runner's shell: `*` and `$` are quoted, but for the one substitution. */
function shell(words: readonly string[]): string {
  return words.map((word) => {
    if (word.includes(THIS_RUNTIME)) return `"${word}"`;
    return /[*$'"\s]/.test(word) ? `'${word}'` : word;
  }).join(" ");
}
