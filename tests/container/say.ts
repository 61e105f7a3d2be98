/** Writes lines of the transcript, past the test runner, which would frame them. */
export function say(...lines: readonly string[]): void {
  Deno.stdout.writeSync(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
}
