import { hash as digest } from "node:crypto";
import type { KeyMembers } from "./key_types.ts";
import { rsaPublic } from "./rsa_public.ts";
import type { Sha2, SignatureCheck } from "./signature.ts";

/**
 * Makes the check of RSASSA-PKCS1-v1_5 signatures by one key and one hash (RFC 8017, section 8.2.2):
 * `signature ^ e mod n` has to be the one encoded message that a message has. It is built and compared
 * whole; nothing is parsed out of the signature, so no padding and no length in it can be read in two
 * ways.
 *
 * @param key the members of a JWK, as `RSA_KEY.read` gives them; throws for what is no key at all.
 */
export function rsaCheck(key: KeyMembers, hash: Sha2): SignatureCheck {
  const { bytes, open } = rsaPublic(key);
  const frame = BigInt(`0x${emptyFrame(hash, bytes)}`);
  return (message, signature) => {
    const opened = open(signature);
    // Numbers below the modulus are equal exactly where their bytes of that length are.
    return opened !== undefined && opened === frame + BigInt(`0x${digest(hash, message, "hex")}`);
  };
}

/** DigestInfo up to the hash, and how long the hash is in bytes (RFC 8017, section 9.2, note 1). */
const DIGEST_INFO: Readonly<Record<Sha2, readonly [prefix: string, length: number]>> = {
  sha256: ["3031300d060960864801650304020105000420", 32],
  sha384: ["3041300d060960864801650304020205000430", 48],
  sha512: ["3051300d060960864801650304020305000440", 64],
};

/** The encoded message of that many bytes for a hash of zeros, in hexadecimal digits (section 9.2). */
function emptyFrame(hash: Sha2, bytes: number): string {
  const [prefix, length] = DIGEST_INFO[hash];
  const end = `00${prefix}${"00".repeat(length)}`;
  return `0001${"ff".repeat(bytes - 2 - end.length / 2)}${end}`;
}
