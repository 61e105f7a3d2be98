/**
 * How one setting is called in each place, all derived from its environment name.
 */

/** `LISTEN_URL` → `listenUrl`, as a type. */
export type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Tail>>}`
  : Lowercase<Name>;

/** `LISTEN_URL` → `listenUrl`: the key in `Config`. */
export function camelCase(name: string): string {
  return name.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `LISTEN_URL` → `listen_url`: the key in `settings.toml`. */
export function tomlKey(name: string): string {
  return name.toLowerCase();
}

/** `LISTEN_URL` → `listen-url`: the command-line flag, without its dashes. */
export function flagName(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/** `CLIENT_SECRET` → `CLIENT_SECRET_FILE`: the twin of a secret that names a file with its value. */
export function fileForm(name: string): string {
  return `${name}_FILE`;
}
