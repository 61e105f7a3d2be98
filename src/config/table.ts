/**
 * Tables of a settings file that may have many entries: `[[provider]]`, each with settings of its own.
 *
 * Environment variables and flags have no names for entries: tables come from the file alone.
 */
import { type CamelCase, fileForm, tomlKey } from "./names.ts";
import type { Field, ValueOf } from "./row.ts";

/** One kind of entry. */
export interface Table {
  /** Its name in the file: `provider` for `[[provider]]`. */
  readonly key: string;
  /** The heading under which it is documented. */
  readonly heading: string;
  /** What one entry is for, whole sentences, plain text. */
  readonly doc: string;
  /** What an entry holds, by its key in the file, in lower case. */
  readonly rows: Readonly<Record<string, Field<unknown>>>;
}

/** One entry of a table, ready for use: `jwks_uri` is `jwksUri`. */
export type EntryOf<T extends Table> = {
  readonly [Key in keyof T["rows"] & string as CamelCase<Key>]: ValueOf<T["rows"][Key]>;
};

/** Every table that a settings file may have. */
export const TABLES: readonly Table[] = [];

/** `client_secret` → `client_secret_file`: the twin of a secret that names a file with its value. */
export function fileKey(key: string): string {
  return tomlKey(fileForm(key));
}

/** The keys under which an entry's row is read: its own, and for a secret the `…_file` twin. */
export function entryKeys(table: Table): readonly string[] {
  return Object.entries(table.rows).flatMap(([key, row]) =>
    row.secret === true ? [key, fileKey(key)] : [key]
  );
}
