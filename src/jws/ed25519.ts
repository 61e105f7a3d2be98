import { Buffer } from "node:buffer";
import { verify } from "node:crypto";
import type { KeyMembers } from "./key_types.ts";
import { nativeKey } from "./native_key.ts";
import type { SignatureCheck } from "./signature.ts";

/** Length of the point R, and of the number S behind it. */
const HALF = 32;

/** The order of the base point (RFC 8032, section 5.1): S is below it. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/**
 * Makes the check of Ed25519 signatures by one key (RFC 8037, section 3.1; RFC 8032, section 5.1.7):
 * exactly 64 bytes, S below the order, so that no one makes a second signature out of one.
 *
 * Does not check that the key is not of small order: `ED25519_KEY.read` has done so.
 *
 * @param members of a JWK, as `ED25519_KEY.read` gives them; throws for what is no key at all.
 */
export function ed25519Check(members: KeyMembers): SignatureCheck {
  const key = nativeKey("OKP", members);
  return (message, signature) =>
    signature.length === 2 * HALF &&
    BigInt(`0x${Buffer.from(signature.subarray(HALF)).reverse().toHex()}`) < ORDER &&
    verify(null, Buffer.from(message), key, signature);
}
