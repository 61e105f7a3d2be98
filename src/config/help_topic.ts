/**
 * What `ooproxy help WORD` is about.
 */
import { type Command, COMMANDS, DEMO_FLAGS, isCommand } from "./commands.ts";
import { nearest } from "./nearest_name.ts";
import { INPUT_NAMES, inputNames, SETTING_NAMES, type SettingName } from "./schema.ts";

/** One thing that the help explains; `overview` is what fits on one screen. */
export type HelpTopic =
  | "overview"
  | "all"
  | { readonly command: Command }
  | { readonly setting: SettingName };

/** The topic that a word names: `all`, a command, or a setting by any of its names. */
export function helpTopicOf(word: string): HelpTopic | undefined {
  const flag = word.replace(/^--/, "");
  if (flag === "all") return "all";
  if (isCommand(flag)) return { command: flag };
  if (Object.hasOwn(DEMO_FLAGS, flag)) return { command: "demo" };
  if (flag === "config") return { command: "serve" };
  const setting = SETTING_NAMES.find((name) => inputNames(name).includes(environmentForm(flag)));
  return setting === undefined ? undefined : { setting };
}

/** The topic that was probably meant, as it should be written. */
export function nearestTopic(word: string): string | undefined {
  const topics = [...INPUT_NAMES, ...Object.keys(COMMANDS), "all"];
  return nearest(environmentForm(word.replace(/^--/, "")), topics);
}

/** `listen-url` → `LISTEN_URL`. */
function environmentForm(word: string): string {
  return word.toUpperCase().replaceAll("-", "_");
}
