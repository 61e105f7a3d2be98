/**
 * What a row of the table of settings is made of.
 */
import type { Kind } from "./kinds.ts";

/** The headings under which settings are documented, in order. */
export const GROUPS = {
  listen: "Where clients connect",
  provider: "The OpenID provider and its keys",
  token: "What a token must say",
  upstream: "What is protected",
  process: "Processes and logging",
} as const;

/** One of the headings. */
export type Group = keyof typeof GROUPS;

/** One value that can be set, at the top or inside a table: `parse` and `accepts` come with its kind. */
export interface Field<T> extends Kind<T> {
  /** What it is for, whole sentences, plain text. */
  readonly doc: string;
  /** A value that works, as it is written in the environment. */
  readonly example: string;
  /** The text that stands in when nothing is given. */
  readonly default?: string;
  /** What happens when nothing is given and there is no default, such as `not checked`. */
  readonly unset?: string;
  /** Nothing starts without it. */
  readonly required?: true;
  /** Never shown and never on the command line; also read from the file named by `…_FILE`. */
  readonly secret?: true;
  /**
   * Names a file: one that is read at the start and at a reload, and watched with WATCH_FILES; or one
   * that is read whenever it is needed.
   */
  readonly file?: true | "read when needed";
}

/** Everything about one setting. */
export interface Row<T> extends Field<T> {
  readonly group: Group;
  /**
   * Each provider has its own: at the top it is that of the one unnamed provider. `true`, or its key in
   * `[[provider]]` where that is not its name in lower case.
   */
  readonly perProvider?: true | string;
  /** It holds the entries of a table as JSON, and has no value of its own. */
  readonly holdsTable?: true;
  /** A TOML table of this name with many entries is another way to write it in `settings.toml`. */
  readonly entries?: string;
  /** Part of the smallest working set-up without being required by itself. */
  readonly minimal?: true;
  /** One of the dozen that most people need: shown by `--help` and in the README. */
  readonly common?: true;
  /** What it is for in a few words without a full stop: there for each common setting. */
  readonly summary?: string;
  /** What a reload cannot apply: `true` for every change, else which change, such as `from or to 1`. */
  readonly restart?: true | string;
  /** Workers never get it: above all the passwords of files that the main process opens. */
  readonly supervisorOnly?: true;
  /** What becomes of it where a platform listens and starts processes (`deno serve`). */
  readonly edge?: "ignored";
}

type Parsed<R> = R extends Kind<infer T> ? T : never;

/** The type of a row's value. */
export type ValueOf<R> = R extends { readonly required: true } | { readonly default: string }
  ? Parsed<R>
  : Parsed<R> | undefined;

/** What a row accepts, for an error text; with the example where that helps, or where `always` asks for it. */
export function expectation(row: Field<unknown>, always = false): string {
  return always || row.showExample === true
    ? `${row.accepts}, such as ${row.example}`
    : row.accepts;
}
