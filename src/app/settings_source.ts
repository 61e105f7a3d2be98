import { candidatePaths, load, type Loaded } from "../config/load.ts";
import type { Problem } from "../config/problems.ts";
import { filesNamedBy } from "../config/named_files.ts";
import type { Config } from "../config/schema.ts";
import type { SettingsFile } from "../config/settings_file.ts";
import { fail, ok, type Result } from "../result.ts";
import { fileErrorText, readText } from "./read_text.ts";

/** What settings come from besides files. */
export interface SettingsInputs {
  readonly env: Readonly<Record<string, string>>;
  /** Flags by their name without dashes. */
  readonly flags: Readonly<Record<string, string>>;
  /** The settings file that `--config` names. */
  readonly configFile: string | undefined;
}

/** Settings as they were read. */
export interface ReadSettings {
  readonly config: Config;
  /** Sentences about the settings for the log. */
  readonly warnings: readonly string[];
  /** The settings file that was read, if any. */
  readonly file: string | undefined;
  /** Every file that the settings depend on. */
  readonly files: readonly string[];
  /** Files that are read whenever they are needed: a change of them is no change of the settings. */
  readonly filesWhenNeeded: readonly string[];
  /** Where each value came from, and how it may be shown. */
  readonly loaded: Loaded;
}

/** Reads the settings from all their sources, at the start and again at each reload. */
export class SettingsSource {
  readonly #inputs: SettingsInputs;

  constructor(inputs: SettingsInputs) {
    this.#inputs = inputs;
  }

  /** Reads and checks everything; fails with every problem there is. */
  read(): Result<ReadSettings, readonly Problem[]> {
    const { env, flags } = this.#inputs;
    const file = this.#findFile();
    if (!file.ok) return fail([file.failure]);
    const secretFiles: string[] = [];
    const loaded = load({
      ...(file.value === undefined ? {} : { file: file.value }),
      env,
      flags,
      readFile(path) {
        secretFiles.push(path);
        return readText(path);
      },
    });
    if (!loaded.ok) return loaded;
    const { config, warnings } = loaded.value;
    const name = file.value?.name;
    const { atStart, whenNeeded } = filesNamedBy(config);
    const files = [...(name === undefined ? [] : [name]), ...atStart, ...secretFiles];
    return ok({
      config,
      warnings,
      file: name,
      files,
      filesWhenNeeded: whenNeeded,
      loaded: loaded.value,
    });
  }

  #findFile(): Result<SettingsFile | undefined, Problem> {
    const { configFile, env } = this.#inputs;
    if (configFile !== undefined) {
      const text = readText(configFile);
      return text.ok
        ? ok({ name: configFile, text: text.value })
        : fail({ setting: configFile, source: "flag --config", fault: text.failure });
    }
    const here = Deno.cwd();
    for (const name of candidatePaths(here, env.PATH ?? "")) {
      try {
        return ok({ name, text: Deno.readTextFileSync(name) });
      } catch (error) {
        // Missing, or a directory of $PATH without read access: try the next one. A file that exists but
        // cannot be read is a problem only where it was meant for this program.
        if (name.startsWith(here) && !(error instanceof Deno.errors.NotFound)) {
          return fail({
            setting: name,
            source: "the working directory",
            fault: fileErrorText(error),
          });
        }
      }
    }
    return ok(undefined);
  }
}
