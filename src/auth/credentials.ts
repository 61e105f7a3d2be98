import { type Failure, failure } from "../failure.ts";
import { MAX_TOKEN_LENGTH } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";

/** What a request authenticates with. */
export interface Credentials {
  readonly scheme: "Bearer";
  readonly token: string;
}

/** `b64token` of RFC 6750: letters, digits and `-._~+/`, then any number of `=`. */
const TOKEN68 = /^[A-Za-z0-9\-._~+/]+=*$/;

/**
 * Reads the credentials from an `Authorization` value (RFC 6750, section 2.1).
 *
 * The scheme is compared case-insensitively (RFC 9110, section 11.1); tokens in the query or the
 * body are never read. Several header lines arrive here as one value joined by commas; no token may
 * contain one, so repeated credentials are recognised.
 *
 * Does not check the token itself.
 *
 * @param value the `Authorization` value, or `null` without one.
 */
export function readCredentials(value: string | null): Result<Credentials, Failure> {
  if (value === null || value === "") return fail(failure("missing_token"));
  const space = value.indexOf(" ");
  const scheme = space === -1 ? value : value.slice(0, space);
  if (value.includes(",") && isRepeated(value)) return fail(failure("repeated_credentials"));
  if (scheme.toLowerCase() !== "bearer") return fail(failure("other_scheme"));
  const token = space === -1 ? "" : trimSpaces(value, space);
  if (token.length > MAX_TOKEN_LENGTH) return fail(failure("token_too_long"));
  if (!TOKEN68.test(token)) return fail(failure("malformed_credentials"));
  return ok({ scheme: "Bearer", token });
}

/** `1*SP` stands between scheme and token; trailing blanks are not part of a field value. */
function trimSpaces(value: string, from: number): string {
  let start = from;
  while (value.charCodeAt(start) === 0x20) start++;
  return value.slice(start);
}

/**
 * Whether a value with a comma is several credentials: its first part is a whole bearer
 * credential. Other schemes (Digest) have parameters with commas of their own.
 */
function isRepeated(value: string): boolean {
  return value.split(",").some((part, index) => {
    const text = part.trim().toLowerCase();
    return index > 0 ? text.startsWith("bearer ") || text === "bearer" : text.startsWith("bearer ");
  });
}
