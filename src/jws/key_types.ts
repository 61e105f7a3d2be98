import { MAX_RSA_BITS, MAX_RSA_EXPONENT, MIN_RSA_BITS, MIN_RSA_EXPONENT } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";

/** The members of a JWK, not yet checked. */
export type JwkMembers = Readonly<Record<string, unknown>>;

/** The members of a JWK that make up a key, checked. */
export type KeyMembers = Readonly<Record<string, string>>;

/** One type of public key (RFC 7518, section 6.1). */
export interface KeyType {
  /** `kty` of its JWKs. */
  readonly kty: string;
  /** `crv` of its JWKs, where keys of that `kty` have curves. */
  readonly crv?: string;
  /**
   * The members of a JWK that make up the key, and only those; or why the key must not be trusted.
   *
   * Does not check what the key is meant for (`use`, `key_ops`, `alg`).
   */
  read(jwk: JwkMembers): Result<KeyMembers, string>;
}

/** RSA keys of a size and with an exponent that are safe (RFC 7518, section 3.3). */
export const RSA_KEY: KeyType = {
  kty: "RSA",
  read({ n, e }) {
    if (typeof n !== "string" || typeof e !== "string") return fail("n or e is missing");
    const numbers = rsaNumbers({ n, e });
    if (numbers === undefined) return fail("n or e is not base64url");
    const weakness = weaknessOf(numbers);
    return weakness === undefined ? ok({ n, e }) : fail(weakness);
  },
};

/** An RSA public key as numbers (RFC 8017, section 3.1). */
export interface RsaNumbers {
  readonly modulus: bigint;
  readonly exponent: bigint;
  /** Length of the modulus, without leading zeros. */
  readonly bits: number;
}

/** The numbers that the members of an RSA key stand for; `undefined` where one is not base64url. */
export function rsaNumbers({ n, e }: KeyMembers): RsaNumbers | undefined {
  const modulus = integer(n);
  const exponent = integer(e);
  if (modulus === undefined || exponent === undefined) return undefined;
  return { modulus, exponent, bits: modulus.toString(2).length };
}

/** Why an RSA public key must not be trusted, or `undefined`. */
function weaknessOf({ modulus, exponent, bits }: RsaNumbers): string | undefined {
  if (bits < MIN_RSA_BITS) return `only ${bits} bits, at least ${MIN_RSA_BITS} are needed`;
  if (bits > MAX_RSA_BITS) return `${bits} bits, at most ${MAX_RSA_BITS} are accepted`;
  if (modulus % 2n === 0n) return "an even modulus";
  if (exponent < MIN_RSA_EXPONENT || exponent % 2n === 0n) {
    return "its public exponent is too small or even";
  }
  if (exponent > MAX_RSA_EXPONENT) return "its public exponent is too large";
  return undefined;
}

function integer(base64url = ""): bigint | undefined {
  try {
    const hex = Uint8Array.fromBase64(base64url, { alphabet: "base64url" }).toHex();
    return hex === "" ? undefined : BigInt(`0x${hex}`);
  } catch {
    return undefined;
  }
}
