import { renderCheck } from "../config/render.ts";
import { exactCommand } from "../runtime/commands.ts";
import { readRuntime } from "../runtime/runtime.ts";
import type { ReadSettings } from "./settings_source.ts";

/**
 * The text of `check`: every setting with its value and where it came from, and the command with the
 * least permissions that these settings need, where the runtime takes permissions.
 *
 * Nothing is started, and no server is asked.
 *
 * @param env the variables that can be read.
 * @param args the arguments that the program was called with.
 */
export function renderSettings(
  { loaded, config, files, filesWhenNeeded }: ReadSettings,
  env: Readonly<Record<string, string>>,
  args: readonly string[],
): string {
  const others = args.toSpliced(args.indexOf("check"), 1);
  const read = [...files, ...filesWhenNeeded];
  const caches = config.providers.flatMap(({ keyCacheFile }) => keyCacheFile ?? []);
  const command = exactCommand(readRuntime(Deno), caches, read, env, others);
  const hint = command === undefined
    ? ""
    : `\nThe least permissions that suffice for this:\n${command}\n`;
  return renderCheck(loaded) + hint;
}
