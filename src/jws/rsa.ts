import { hash as digest } from "node:crypto";
import { type KeyMembers, type RsaNumbers, rsaNumbers } from "./key_types.ts";

/** The hashes of RS256, RS384 and RS512, as the platform names them. */
export type RsaHash = "sha256" | "sha384" | "sha512";

/** Whether these bytes are the signature of a message; a message in text has ASCII characters alone. */
export type SignatureCheck = (message: string | Uint8Array, signature: Uint8Array) => boolean;

/**
 * Makes the check of RSASSA-PKCS1-v1_5 signatures by one key and one hash (RFC 8017, section 8.2.2):
 * `signature ^ e mod n` has to be the one encoded message that a message has. It is built and compared
 * whole; nothing is parsed out of the signature, so no padding and no length in it can be read in two
 * ways.
 *
 * This is the public operation, and safe for that reason alone: a client knows signature, message and
 * key of the token that it sends, so the time that it takes shows nothing new. It must never be used to
 * sign or to decrypt, where the exponent is secret: the time that the language's integers take depends
 * on their values.
 *
 * The signature has to be exactly as long as the modulus and a number below it (sections 8.2.2 and
 * 5.2.2). Does not check that the key is strong and quick to use: `RSA_KEY.read` has done so.
 *
 * @param key the members of a JWK, as `RSA_KEY.read` gives them; throws for what is no key at all.
 */
export function rsaCheck(key: KeyMembers, hash: RsaHash): SignatureCheck {
  const numbers = rsaNumbers(key);
  if (numbers === undefined) throw new TypeError("not an RSA key that was read before");
  const { modulus, bits } = numbers;
  const bytes = Math.ceil(bits / 8);
  const power = publicPower(numbers);
  const frame = BigInt(`0x${emptyFrame(hash, bytes)}`);
  return (message, signature) => {
    if (signature.length !== bytes) return false;
    const value = BigInt(`0x${signature.toHex()}`);
    if (value >= modulus) return false;
    // Numbers below the modulus are equal exactly where their bytes of that length are.
    return power(value) === frame + BigInt(`0x${digest(hash, message, "hex")}`);
  };
}

/** DigestInfo up to the hash, and how long the hash is in bytes (RFC 8017, section 9.2, note 1). */
const DIGEST_INFO: Readonly<Record<RsaHash, readonly [prefix: string, length: number]>> = {
  sha256: ["3031300d060960864801650304020105000420", 32],
  sha384: ["3041300d060960864801650304020205000430", 48],
  sha512: ["3051300d060960864801650304020305000440", 64],
};

/** The encoded message of that many bytes for a hash of zeros, in hexadecimal digits (section 9.2). */
function emptyFrame(hash: RsaHash, bytes: number): string {
  const [prefix, length] = DIGEST_INFO[hash];
  const end = `00${prefix}${"00".repeat(length)}`;
  return `0001${"ff".repeat(bytes - 2 - end.length / 2)}${end}`;
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
