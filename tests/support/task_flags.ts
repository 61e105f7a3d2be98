/** The flags with which tasks run the program, taken from `deno.json` as it stands. */
import denoJson from "../../deno.json" with { type: "json" };
import { THIS_RUNTIME } from "../../tools/tasks.ts";

/** The flags of a task as `startProcess` takes them. */
export function taskFlags(task: "start" | "demo"): string[] {
  const { command } = denoJson.tasks[task];
  const [, flags] = /^deno run (.+) main\.ts(?: \w+)?$/.exec(command) ?? [];
  if (flags === undefined) throw new Error(`the task ${task} does not run the program: ${command}`);
  const words = flags.replaceAll(THIS_RUNTIME, Deno.execPath()).matchAll(/"([^"]*)"|(\S+)/g);
  return forProcess([...words].map(([, quoted, plain]) => quoted ?? plain ?? ""));
}

/** The flags of a way to start as `startProcess` takes them, which adds these two by itself. */
export function forProcess(flags: readonly string[]): string[] {
  return flags.filter((flag) => flag !== "--quiet" && flag !== "--no-prompt");
}
