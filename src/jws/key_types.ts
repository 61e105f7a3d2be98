import { MAX_RSA_BITS, MAX_RSA_EXPONENT_BITS, MIN_RSA_BITS, MIN_RSA_EXPONENT } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";

/** The members of a JWK, not yet checked. */
export type JwkMembers = Readonly<Record<string, unknown>>;

/** One type of public key (RFC 7518, section 6.1). */
export interface KeyType {
  /** `kty` of its JWKs. */
  readonly kty: string;
  /**
   * The members of a JWK that make up the key, and only those; or why the key must not be trusted.
   *
   * Does not check what the key is meant for (`use`, `key_ops`, `alg`).
   */
  read(jwk: JwkMembers): Result<Readonly<Record<string, string>>, string>;
}

/** RSA keys of a size and with an exponent that are safe (RFC 7518, section 3.3). */
export const RSA_KEY: KeyType = {
  kty: "RSA",
  read({ n, e }) {
    if (typeof n !== "string" || typeof e !== "string") return fail("n or e is missing");
    const weakness = weaknessOf(n, e);
    return weakness === undefined ? ok({ n, e }) : fail(weakness);
  },
};

/** Why an RSA public key must not be trusted, or `undefined`. */
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
