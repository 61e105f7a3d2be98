/**
 * Tables of a settings file that may have many entries: `[[provider]]`, each with settings of its own.
 *
 * Environment variables and flags have no names for entries: beside the file there is one variable for a
 * whole table, in JSON.
 */
import { type CamelCase, fileForm, tomlKey } from "./names.ts";
import type { Field, ValueOf } from "./row.ts";

/** One value of an entry. */
export interface TableRow extends Field<unknown> {
  /** The setting at the top with the same meaning, where there is one. */
  readonly setting?: string;
  /** As in `Row`: the name of a table inside the entry that is another way to write the value. */
  readonly entries?: string;
}

/** One kind of entry. */
export interface Table {
  /** Its name in the file: `provider` for `[[provider]]`. */
  readonly key: string;
  /** The setting that holds all of its entries as JSON. */
  readonly variable?: string;
  /** The heading under which it is documented. */
  readonly heading: string;
  /** What one entry is for, whole sentences, plain text. */
  readonly doc: string;
  /** What an entry holds, by its key in the file, in lower case. */
  readonly rows: Readonly<Record<string, TableRow>>;
}

/** One entry of a table, ready for use: `jwks_uri` is `jwksUri`. */
export type EntryOf<T extends Table> = {
  readonly [Key in keyof T["rows"] & string as CamelCase<Key>]: ValueOf<T["rows"][Key]>;
};

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
