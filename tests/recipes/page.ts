/** Reads docs/recipes.md: what a reader would copy from it. */
import { SETTING_NAMES } from "../../src/config/schema.ts";
import { projectFile } from "../support/process.ts";

/** One recipe of the page. */
export interface Recipe {
  readonly section: string;
  readonly text: string;
  /** Its settings by environment name. */
  readonly settings: Readonly<Record<string, string>>;
  /** Its commands, one text for each code block that is not the settings. */
  readonly commands: readonly string[];
}

/** The settings that every block of settings begins with. */
const FIRST_SETTING = "PROVIDER_URL=";

/** The recipes of docs/recipes.md in order: its sections that have a block of settings. */
export function readRecipes(): readonly Recipe[] {
  return readPage().split(/^## /m).slice(1).flatMap((text) => {
    const blocks = shellBlocks(text);
    const settings = blocks.filter((block) => block.startsWith(FIRST_SETTING));
    const [only] = settings;
    if (only === undefined) return [];
    const section = text.split("\n", 1)[0] ?? "";
    if (settings.length > 1) throw new Error(`${section}: more than one block of settings`);
    const commands = blocks.filter((block) => block !== only);
    return [{ section, text, settings: readSettings(only), commands }];
  });
}

/** The whole page. */
export function readPage(): string {
  return Deno.readTextFileSync(projectFile("docs/recipes.md"));
}

/** The code blocks of a text that are for a shell. */
export function shellBlocks(text: string): readonly string[] {
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map((block) => block[1] ?? "");
}

/**
 * Reads lines `NAME=value` as a shell would: a value is a word without anything special, or stands
 * in single quotes. Throws at everything else, and at names that are no settings.
 */
export function readSettings(block: string): Record<string, string> {
  return Object.fromEntries(
    block.trim().split("\n").map((line) => {
      const [, name = "", quoted, word = ""] =
        /^([A-Z_]+)=(?:'([^']*)'|([\w:/.,@%+-]+))$/.exec(line) ?? [];
      if (!SETTING_NAMES.some((known) => known === name)) {
        throw new Error(`not a setting with a value: ${line}`);
      }
      return [name, quoted ?? word];
    }),
  );
}
