import { createPublicKey, type KeyObject } from "node:crypto";
import type { KeyMembers } from "./key_types.ts";

/** A public key as the runtime holds it; throws for members that are no key. */
export function nativeKey(kty: string, members: KeyMembers): KeyObject {
  return createPublicKey({ key: { kty, ...members }, format: "jwk" });
}

/** Whether the runtime takes members for a key: for one on a curve, whether there is such a point. */
export function isNativeKey(kty: string, members: KeyMembers): boolean {
  try {
    nativeKey(kty, members);
    return true;
  } catch {
    return false;
  }
}
