import { Buffer } from "node:buffer";
import { hash as digest } from "node:crypto";
import type { KeyMembers } from "./key_types.ts";
import { rsaPublic } from "./rsa_public.ts";
import type { Sha2, SignatureCheck } from "./signature.ts";

/** Lengths of the hashes, and of the salts: JWS has no other (RFC 7518, section 3.5). */
const HASH_BYTES: Readonly<Record<Sha2, number>> = { sha256: 32, sha384: 48, sha512: 64 };

/** The last byte of an encoded message. */
const TRAILER = 0xbc;

/** What stands before hash and salt where both are hashed. */
const EIGHT_ZEROS = Buffer.alloc(8);

/**
 * Makes the check of RSASSA-PSS signatures by one key and one hash (RFC 8017, sections 8.1.2 and 9.1.2),
 * with MGF1 over the same hash and a salt of exactly its length (RFC 7518, section 3.5).
 *
 * The salt is the only part of an encoded message that may differ, and its length is known before: every
 * other bit is compared with the one value that it can have.
 *
 * @param key the members of a JWK, as `RSA_KEY.read` gives them; throws for what is no key at all.
 */
export function rsaPssCheck(key: KeyMembers, hash: Sha2): SignatureCheck {
  const { bits, open } = rsaPublic(key);
  const hashBytes = HASH_BYTES[hash];
  // One bit less than the modulus, which is a byte less where its length is one above whole bytes.
  const bytes = Math.ceil((bits - 1) / 8);
  const unusedBits = 8 * bytes - (bits - 1);
  const blockBytes = bytes - hashBytes - 1;
  const saltAt = blockBytes - hashBytes;
  return (message, signature) => {
    const opened = open(signature);
    if (opened === undefined) return false;
    const digits = opened.toString(16);
    if (digits.length > 2 * bytes) return false;
    const encoded = Buffer.from(digits.padStart(2 * bytes, "0"), "hex");
    const [first = 0] = encoded;
    if (encoded[bytes - 1] !== TRAILER || first >> (8 - unusedBits) !== 0) return false;
    const block = encoded.subarray(0, blockBytes);
    const code = encoded.subarray(blockBytes, bytes - 1);
    unmask(block, code, hash);
    block[0] = (block[0] ?? 0) & (0xff >> unusedBits);
    if (block.subarray(0, saltAt).toHex() !== "01".padStart(2 * saltAt, "0")) return false;
    const salted = [EIGHT_ZEROS, digest(hash, message, "buffer"), block.subarray(saltAt)];
    return digest(hash, Buffer.concat(salted), "hex") === code.toHex();
  };
}

/** Takes the mask that MGF1 makes of a seed off a block (RFC 8017, section B.2.1). */
function unmask(block: Uint8Array, seed: Uint8Array, hash: Sha2): void {
  const counted = new Uint8Array(seed.length + 4);
  counted.set(seed);
  // The hash of each count masks as many bytes as it has; far fewer than 256 are needed.
  let at = 0;
  for (let count = 0; at < block.length; count++) {
    counted[counted.length - 1] = count;
    for (const mask of digest(hash, counted, "buffer")) {
      if (at === block.length) return;
      block[at] = (block[at] ?? 0) ^ mask;
      at++;
    }
  }
}
