/** What commands print, on the standard output and the standard error. */
import { LOG_END_MS } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import { messageOf } from "../text.ts";

/**
 * Prints on the standard output, and waits for its reader (a pager) as long as that takes.
 *
 * A reader that has seen enough and is gone is no failure; anything else is, with one line about it.
 */
export function print(text: string): Result<void, string> {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
    return ok(undefined);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return ok(undefined);
    return fail(`cannot write to the standard output: ${messageOf(error)}`);
  }
}

/**
 * Prints on the standard error, as far as that is possible within `LOG_END_MS`: a program that ends does
 * not wait for a log collector that has stalled, and its exit code says enough.
 */
export async function printError(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, LOG_END_MS);
  await Promise.race([writeWhole(bytes).catch(() => {}), late.promise]);
  clearTimeout(timer);
}

async function writeWhole(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await Deno.stderr.write(bytes.subarray(at));
}
