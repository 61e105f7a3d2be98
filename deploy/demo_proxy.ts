/** Stands in binary and image for `src/app/demo.ts`, whose provider is not for production. */

/** Says that there is no demo here; resolves with the exit code of a wrong command line. */
export function demo(_options: unknown, print: (line: string) => void): Promise<number> {
  print("The demo is not part of this build: run `deno task demo` in a checkout.");
  return Promise.resolve(64);
}
