/** Reads docs/recipes.md: what a reader would copy from it. */
import { INPUT_NAMES } from "../../src/config/schema.ts";
import { projectFile } from "../support/process.ts";

/** Settings by environment name. */
export type Settings = Readonly<Record<string, string>>;

/** One recipe of the page. */
export interface Recipe {
  readonly section: string;
  readonly text: string;
  /** The settings of its block; none where the block is a settings file. */
  readonly settings: Settings;
  /** Its block where that is a settings file, with several providers. */
  readonly file: string | undefined;
  /** The rows of its table: what each is for, and the settings beside or in place of the block's. */
  readonly rows: Readonly<Record<string, Settings>>;
  /** How to get a token: one text for each code block that is not the settings. */
  readonly commands: readonly string[];
}

/** What a block of settings begins with. */
const FIRST_SETTING = /^PROVIDER_(?:URL|TYPE)=/;

/** The recipes of docs/recipes.md in order: its sections that have a block of settings. */
export function readRecipes(): readonly Recipe[] {
  return readPage().split(/^## /m).slice(1).flatMap((text) => {
    const inEnvironment = blocks(text, "sh").filter((block) => FIRST_SETTING.test(block));
    const [only, ...more] = [...inEnvironment, ...blocks(text, "toml")];
    if (only === undefined) return [];
    const section = text.split("\n", 1)[0] ?? "";
    if (more.length > 0) throw new Error(`${section}: more than one block of settings`);
    const isFile = inEnvironment.length === 0;
    return [{
      section,
      text,
      settings: isFile ? {} : readSettings(only),
      file: isFile ? only : undefined,
      rows: readRows(text),
      commands: commandBlocks(text).filter((block) => block !== only),
    }];
  });
}

/** The whole page. */
export function readPage(): string {
  return Deno.readTextFileSync(projectFile("docs/recipes.md"));
}

/** The code blocks of a text that are for a shell. */
export function shellBlocks(text: string): readonly string[] {
  return blocks(text, "sh");
}

/** The code blocks of a text that are for a shell, or jobs with lines for one. */
export function commandBlocks(text: string): readonly string[] {
  return [...blocks(text, "sh"), ...blocks(text, "yaml")];
}

function blocks(text: string, language: string): readonly string[] {
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter((block) => block[1] === language)
    .map((block) => block[2] ?? "");
}

/** The table of a recipe: its rows have a name, and settings as code. */
export function readRows(text: string): Record<string, Settings> {
  const lines = text.split("\n").filter((line) => line.startsWith("| "));
  return Object.fromEntries(
    lines.slice(2).map((line) => {
      const [, name = "", cell = ""] = line.split("|");
      const settings = [...cell.matchAll(/`([^`]+)`/g)].map((span) => span[1]);
      if (settings.length === 0) throw new Error(`a row without settings: ${line}`);
      return [name.trim(), readSettings(settings.join("\n"))];
    }),
  );
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
      if (!INPUT_NAMES.includes(name)) throw new Error(`not a setting with a value: ${line}`);
      return [name, quoted ?? word];
    }),
  );
}
