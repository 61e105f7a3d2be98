import { type Failure, failure } from "../failure.ts";
import { MAX_KID_LENGTH, MAX_TOKEN_LENGTH } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";

/** A token taken apart. Nothing in it has been verified. */
export interface UnverifiedToken {
  readonly alg: string;
  readonly kid: string | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Takes a compact JWS apart (RFC 7515, sections 3.1 and 7.1) and is stricter than most decoders, so
 * that one token has one spelling: three non-empty parts of canonical base64url without padding,
 * header and payload JSON objects in valid UTF-8 without a byte order mark.
 *
 * Refuses `crit` (no extension is understood here, RFC 7515, section 4.1.11), `b64` (RFC 7797) and
 * encrypted tokens. Ignores `jwk`, `jku`, `x5u` and `x5c`: keys come from the provider alone.
 *
 * Does not check the signature, the algorithm or any claim.
 */
export function takeApart(token: string): Result<UnverifiedToken, Failure> {
  if (token.length > MAX_TOKEN_LENGTH) return fail(failure("token_too_long"));
  const first = token.indexOf(".");
  const second = token.indexOf(".", first + 1);
  if (first < 1 || second <= first + 1 || second === token.length - 1) {
    return notAJwt("not three parts");
  }
  if (token.indexOf(".", second + 1) !== -1) return notAJwt("more than three parts");
  const header = jsonObject(token.slice(0, first));
  if (header === undefined) return notAJwt("the header is not a JSON object in base64url");
  const claims = jsonObject(token.slice(first + 1, second));
  if (claims === undefined) return notAJwt("the payload is not a JSON object in base64url");
  if (bytesOf(token.slice(second + 1)) === undefined) {
    return notAJwt("the signature is not canonical base64url");
  }
  const { alg, kid } = header;
  if (typeof alg !== "string") return notAJwt("no alg in the header");
  if (Object.hasOwn(header, "crit")) return notAJwt("crit names an extension");
  if (Object.hasOwn(header, "b64")) return notAJwt("b64 in the header");
  if (Object.hasOwn(header, "enc")) return notAJwt("an encrypted token");
  if (kid !== undefined && (typeof kid !== "string" || kid.length > MAX_KID_LENGTH)) {
    return notAJwt("kid is not a short text");
  }
  return ok({ alg, kid, claims });
}

function notAJwt(detail: string): Result<never, Failure> {
  return fail(failure("not_a_jwt", detail));
}

/** Bytes of canonical base64url without padding (RFC 7515, section 2), or `undefined`. */
function bytesOf(part: string): Uint8Array | undefined {
  try {
    const bytes = Uint8Array.fromBase64(part, { alphabet: "base64url" });
    // Padding, blanks and stray low bits all decode; only the canonical spelling encodes back.
    return bytes.toBase64({ alphabet: "base64url", omitPadding: true }) === part
      ? bytes
      : undefined;
  } catch {
    return undefined;
  }
}

function jsonObject(part: string): Record<string, unknown> | undefined {
  const bytes = bytesOf(part);
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Record<string, unknown>
      : undefined;
  } catch {
    return undefined;
  }
}
