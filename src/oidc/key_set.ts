import { type KeyUse, type PublicKey, readPublicKey } from "../jws/public_key.ts";
import { MAX_KEYS, MAX_QUOTED_KID } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";

/** The usable keys of a set, and why others were skipped. */
export interface KeySet {
  readonly keys: readonly PublicKey[];
  /** One short sentence for each key that was skipped. */
  readonly skipped: readonly string[];
}

/**
 * Reads a JWK set (RFC 7517, section 5): keys that are not understood, not meant for signatures, not
 * public or too weak are skipped one by one and do not affect the others.
 *
 * Does not require any usable key: tokens may be signed with the client secret.
 *
 * @param use what its keys must be meant for.
 */
export function readKeySet(
  document: Readonly<Record<string, unknown>>,
  use: KeyUse = "sig",
): Result<KeySet, string> {
  const list = document.keys;
  if (!Array.isArray(list)) return fail("has no list of keys");
  const keys: PublicKey[] = [];
  const skipped: string[] = [];
  for (const [index, entry] of list.entries()) {
    if (index >= MAX_KEYS) {
      skipped.push(`keys after the first ${MAX_KEYS}`);
      break;
    }
    const key = readPublicKey(entry, use);
    if (key.ok) keys.push(key.value);
    else skipped.push(`key ${nameOf(entry, index)}: ${key.failure}`);
  }
  return ok({ keys, skipped });
}

function nameOf(entry: unknown, index: number): string {
  const kid = (entry as { kid?: unknown } | null)?.kid;
  return typeof kid === "string"
    ? JSON.stringify(kid.slice(0, MAX_QUOTED_KID))
    : `number ${index + 1}`;
}
