import { Buffer } from "node:buffer";

/**
 * Whether a token is a JWT, or wants to be one: two dots or more, and a first part in base64url that
 * begins like a JSON object. Damaged and encrypted ones (RFC 7516) are meant too, so that a token which
 * failed as a JWT is never tried as an opaque one.
 */
export function isJwtLike(token: string): boolean {
  const first = token.indexOf(".");
  if (first === -1 || token.indexOf(".", first + 1) === -1) return false;
  return /^[ \t\r\n]*\{/.test(Buffer.from(token.slice(0, first), "base64url").toString("latin1"));
}
