import {
  MAX_KEYS,
  MAX_RSA_BITS,
  MAX_RSA_EXPONENT_BITS,
  MIN_RSA_BITS,
  MIN_RSA_EXPONENT,
} from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";

/** A public RSA key of the provider, reduced to what is needed. Plain data: it crosses processes. */
export interface PublicKey {
  readonly kid?: string;
  /** The one algorithm it is for; without it, any RS* algorithm. */
  readonly alg?: string;
  /** Modulus and exponent, base64url. */
  readonly n: string;
  readonly e: string;
}

/** Why a key for encryption is left out: nothing is wrong with it, many providers publish one. */
export const FOR_ENCRYPTION = "not meant for signatures but for encryption (use)";

/** The usable keys of a set, and why the others are not. */
export interface KeySet {
  readonly keys: readonly PublicKey[];
  /** One short sentence for each key left out. */
  readonly skipped: readonly string[];
}

const RSA_ALGORITHMS = new Set(["RS256", "RS384", "RS512"]);
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/**
 * Reads a JWK set (RFC 7517, section 5): keys that are not understood, not meant for signatures, not
 * public or too weak are left out one by one and never spoil the others.
 *
 * Does not check whether any key is left: that depends on what tokens are signed with.
 */
export function readKeySet(document: Readonly<Record<string, unknown>>): Result<KeySet, string> {
  const list = document.keys;
  if (!Array.isArray(list)) return fail("has no list of keys");
  const keys: PublicKey[] = [];
  const skipped: string[] = [];
  for (const [index, entry] of list.entries()) {
    if (index >= MAX_KEYS) {
      skipped.push(`keys after the first ${MAX_KEYS}`);
      break;
    }
    const key = readKey(entry);
    if (key.ok) keys.push(key.value);
    else skipped.push(`key ${nameOf(entry, index)}: ${key.failure}`);
  }
  return ok({ keys, skipped });
}

function readKey(entry: unknown): Result<PublicKey, string> {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    return fail("not an object");
  }
  const jwk = entry as Record<string, unknown>;
  if (jwk.kty !== "RSA") return fail("not an RSA key");
  if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member))) {
    return fail("holds private members; a provider must never publish them");
  }
  if (jwk.use === "enc") return fail(FOR_ENCRYPTION);
  if (jwk.use !== undefined && jwk.use !== "sig") return fail("not meant for signatures (use)");
  if (
    jwk.key_ops !== undefined &&
    !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes("verify"))
  ) return fail("not meant for verification (key_ops)");
  const { kid, alg, n, e } = jwk;
  if (kid !== undefined && typeof kid !== "string") return fail("kid is not a text");
  if (alg !== undefined && (typeof alg !== "string" || !RSA_ALGORITHMS.has(alg))) {
    return fail("its algorithm is not one of RS256, RS384, RS512");
  }
  const weakness = typeof n === "string" && typeof e === "string"
    ? weaknessOf(n, e)
    : "n or e is missing";
  if (weakness !== undefined) return fail(weakness);
  return ok({
    ...(kid === undefined ? {} : { kid }),
    ...(alg === undefined ? {} : { alg }),
    n: n as string,
    e: e as string,
  });
}

/** Why an RSA public key must not be trusted, or `undefined` (RFC 7518, section 3.3). */
function weaknessOf(n: string, e: string): string | undefined {
  const modulus = integer(n);
  const exponent = integer(e);
  if (modulus === undefined || exponent === undefined) return "n or e is not base64url";
  const bits = modulus.toString(2).length;
  if (bits < MIN_RSA_BITS) return `only ${bits} bits, at least ${MIN_RSA_BITS} are needed`;
  if (bits > MAX_RSA_BITS) return `${bits} bits, at most ${MAX_RSA_BITS} are accepted`;
  if (modulus % 2n === 0n) return "an even modulus";
  if (exponent < MIN_RSA_EXPONENT || exponent % 2n === 0n) {
    return "its public exponent is too small or even";
  }
  if (exponent.toString(2).length > MAX_RSA_EXPONENT_BITS) {
    return "its public exponent is too large";
  }
  return undefined;
}

function integer(base64url: string): bigint | undefined {
  try {
    const hex = Uint8Array.fromBase64(base64url, { alphabet: "base64url" }).toHex();
    return hex === "" ? undefined : BigInt(`0x${hex}`);
  } catch {
    return undefined;
  }
}

function nameOf(entry: unknown, index: number): string {
  const kid = (entry as { kid?: unknown } | null)?.kid;
  return typeof kid === "string" ? JSON.stringify(kid.slice(0, 64)) : `number ${index + 1}`;
}
