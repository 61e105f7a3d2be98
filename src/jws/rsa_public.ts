import { type KeyMembers, type RsaNumbers, rsaNumbers } from "./key_types.ts";

/** The public half of an RSA key pair, ready for use. */
export interface RsaPublic {
  /** Length of the modulus. */
  readonly bits: number;
  /** The same in whole bytes. */
  readonly bytes: number;
  /**
   * What was signed: `signature ^ e mod n` (RFC 8017, section 5.2.2). `undefined` where the signature is
   * not exactly as long as the modulus or not a number below it.
   */
  open(signature: Uint8Array): bigint | undefined;
}

/**
 * Prepares the public operation of a key, which both kinds of RSA signatures begin with (RFC 8017,
 * sections 8.1.2 and 8.2.2).
 *
 * It is safe in the language's integers for that reason alone: a client knows signature, message and key
 * of the token that it sends, so the time that it takes shows nothing new. It must never be used to sign
 * or to decrypt, where the exponent is secret: the time that the language's integers take depends on
 * their values.
 *
 * Does not check that the key is strong and quick to use: `RSA_KEY.read` has done so.
 *
 * @param key the members of a JWK, as `RSA_KEY.read` gives them; throws for what is no key at all.
 */
export function rsaPublic(key: KeyMembers): RsaPublic {
  const numbers = rsaNumbers(key);
  if (numbers === undefined) throw new TypeError("not an RSA key that was read before");
  const { modulus, bits } = numbers;
  const bytes = Math.ceil(bits / 8);
  const power = publicPower(numbers);
  return {
    bits,
    bytes,
    open(signature) {
      if (signature.length !== bytes) return undefined;
      const value = BigInt(`0x${signature.toHex()}`);
      return value < modulus ? power(value) : undefined;
    },
  };
}

/** Up to this size, in bits, the language's own remainder is the quickest; measured. */
const PLAIN_REMAINDER_BITS = 2048;

/**
 * `value ^ exponent mod modulus`, for values below the modulus: squarings and products from the
 * exponent's second digit on. With 65537 that makes sixteen squarings and one product.
 */
function publicPower({ modulus, exponent, bits }: RsaNumbers): (value: bigint) => bigint {
  const digits = exponent.toString(2).slice(1);
  const folds = bits > PLAIN_REMAINDER_BITS ? foldsFor(modulus, bits) : [];
  return (value) => {
    let power = value;
    for (const digit of digits) {
      let square = power * power;
      for (const { at, shift, rest } of folds) {
        square = (square >> shift) * rest + BigInt.asUintN(at, square);
      }
      power = square % modulus;
      if (digit === "1") power = power * value % modulus;
    }
    return power;
  };
}

/** What makes a number smaller and leaves its remainder as it is. */
interface Fold {
  /** The digits from here on are replaced; the same as number and as `bigint`. */
  readonly at: number;
  readonly shift: bigint;
  /** `2 ^ at` modulo the modulus, which stands for them. */
  readonly rest: bigint;
}

/** Two folds halve what the division of a square has left to do, twice. */
function foldsFor(modulus: bigint, bits: number): readonly Fold[] {
  return [bits + (bits >> 1), bits + (bits >> 2)].map((at) => {
    const shift = BigInt(at);
    return { at, shift, rest: (1n << shift) % modulus };
  });
}
