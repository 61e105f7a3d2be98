import { Buffer } from "node:buffer";
import { verify } from "node:crypto";
import type { Curve } from "./curves.ts";
import type { KeyMembers } from "./key_types.ts";
import { nativeKey } from "./native_key.ts";
import type { Sha2, SignatureCheck } from "./signature.ts";

/**
 * Makes the check of ECDSA signatures by one key (RFC 7518, section 3.4): exactly the two numbers r and
 * s, each at full length and from 1 to the curve's order less one. Both halves of that range are right
 * for s: JWS does not ask for the lower one, so a signature has a second form, which says the same.
 *
 * @param key the members of a JWK, as the curve's `ecKey` gives them; throws for what is no key at all.
 */
export function ecdsaCheck(
  members: KeyMembers,
  { bytes, order }: Curve,
  hash: Sha2,
): SignatureCheck {
  const key = { key: nativeKey("EC", members), dsaEncoding: "ieee-p1363" } as const;
  const isInRange = (number: Uint8Array) => {
    const value = BigInt(`0x${number.toHex()}`);
    return value > 0n && value < order;
  };
  return (message, signature) =>
    signature.length === 2 * bytes &&
    isInRange(signature.subarray(0, bytes)) && isInRange(signature.subarray(bytes)) &&
    verify(hash, Buffer.from(message), key, signature);
}
