import { Buffer } from "node:buffer";
import { compactVerify } from "jose";

/** The hashes of the accepted algorithms, as the platform names them. */
export type Sha2 = "sha256" | "sha384" | "sha512";

/** Whether these bytes are the signature of a message; a message in text has ASCII characters alone. */
export type SignatureCheck = (message: string | Uint8Array, signature: Uint8Array) => boolean;

/** Whether a compact JWS, whose form has been checked, is signed. */
export type TokenCheck = (token: string) => boolean;

/** The check of a compact JWS by that of its signature (RFC 7515, section 5.2). */
export function tokenCheck(check: SignatureCheck): TokenCheck {
  return (token) => {
    const end = token.lastIndexOf(".");
    return check(token.slice(0, end), Buffer.from(token.slice(end + 1), "base64url"));
  };
}

/** Whether a compact JWS has an HMAC by that secret (RFC 7518, section 3.2). */
export async function isSignedBySecret(
  token: string,
  alg: string,
  secret: Uint8Array,
): Promise<boolean> {
  try {
    await compactVerify(token, secret, { algorithms: [alg] });
    return true;
  } catch {
    return false;
  }
}
