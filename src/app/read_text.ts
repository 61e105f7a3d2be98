import { fail, ok, type Result } from "../result.ts";
import { messageOf } from "../text.ts";

/** The text of a file; fails with a short reason, such as `no such file`. */
export function readText(path: string): Result<string, string> {
  try {
    return ok(Deno.readTextFileSync(path));
  } catch (error) {
    return fail(fileErrorText(error));
  }
}

/** Why a file cannot be read, in a few words without its path. */
export function fileErrorText(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.IsADirectory) return "is a directory";
  return messageOf(error);
}
