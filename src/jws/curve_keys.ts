import { fail, ok, type Result } from "../result.ts";
import type { Curve } from "./curves.ts";
import type { KeyMembers, KeyType } from "./key_types.ts";
import { isNativeKey } from "./native_key.ts";

/** ECDSA keys of one curve: a point of it, in coordinates of full length (RFC 7518, section 6.2.1). */
export function ecKey({ crv, bytes }: Curve): KeyType {
  return {
    kty: "EC",
    crv,
    read({ x, y }) {
      if (typeof x !== "string" || typeof y !== "string") return fail("x or y is missing");
      if (bytesOf(x)?.length !== bytes || bytesOf(y)?.length !== bytes) {
        return fail(`x or y is not base64url of ${bytes} bytes`);
      }
      return pointOr(`x and y are not a point of ${crv}`, "EC", { crv, x, y });
    },
  };
}

/** Length of an Ed25519 key (RFC 8032, section 5.1.5). */
const ED25519_BYTES = 32;

/** Ed25519 keys (RFC 8037, section 2), but for those under which anyone can sign. */
export const ED25519_KEY: KeyType = {
  kty: "OKP",
  crv: "Ed25519",
  read({ x }) {
    if (typeof x !== "string") return fail("x is missing");
    const bytes = bytesOf(x);
    if (bytes?.length !== ED25519_BYTES) {
      return fail(`x is not base64url of ${ED25519_BYTES} bytes`);
    }
    // The first bit says which of two points with that coordinate is meant; the bytes are little-endian.
    const coordinate = BigInt.asUintN(255, BigInt(`0x${bytes.reverse().toHex()}`));
    if (coordinate >= FIELD) return fail("x is not the encoding of a point: too large");
    if (SMALL_ORDER.has(coordinate)) return fail("x is a point of small order");
    return pointOr("x is not a point of Ed25519", "OKP", { crv: "Ed25519", x });
  },
};

/** The field that the coordinates of Ed25519 are from (RFC 8032, section 5.1). */
const FIELD = 2n ** 255n - 19n;

/**
 * The coordinates of the eight points whose order divides eight: for them some signatures are right
 * whatever the message, and the runtime takes them (RFC 8032, section 8.9, leaves it open).
 */
const SMALL_ORDER: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  FIELD - 1n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
]);

function pointOr(why: string, kty: string, members: KeyMembers): Result<KeyMembers, string> {
  return isNativeKey(kty, members) ? ok(members) : fail(why);
}

/** The bytes of unpadded base64url in its one canonical spelling, or `undefined`. */
function bytesOf(text: string): Uint8Array | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    const canonical = bytes.toBase64({ alphabet: "base64url", omitPadding: true });
    return canonical === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}
