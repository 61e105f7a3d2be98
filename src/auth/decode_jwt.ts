import { Buffer } from "node:buffer";
import { type Failure, failure } from "../failure.ts";
import { MAX_KID_LENGTH, MAX_TOKEN_LENGTH } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import { jsonObject, repeatsMember } from "../text.ts";

/** A decoded token. Nothing in it has been verified. */
export interface UnverifiedToken {
  readonly alg: string;
  readonly kid: string | undefined;
  /** What the token is said to be (RFC 7515, section 4.1.9), of whatever type; `undefined` where it does not say. */
  readonly typ: unknown;
  readonly claims: Readonly<Record<string, unknown>>;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Decodes a compact JWS (RFC 7515, sections 3.1 and 7.1) and is stricter than most decoders, so
 * that one token has one spelling and one meaning: three non-empty parts of canonical base64url
 * without padding, header and payload JSON objects in valid UTF-8 without a byte order mark, no member
 * named twice at any depth (RFC 7515, section 4, and RFC 7519, section 4: the upstream might take the
 * first where we take the last).
 *
 * Refuses `crit` (no extension is understood here, RFC 7515, section 4.1.11), `b64` (RFC 7797) and
 * encrypted tokens. Ignores `jwk`, `jku`, `x5u` and `x5c`: keys come from the provider alone.
 *
 * Does not check the signature, the algorithm or any claim.
 */
export function decodeJwt(token: string): Result<UnverifiedToken, Failure> {
  if (token.length > MAX_TOKEN_LENGTH) return fail(failure("token_too_long"));
  const first = token.indexOf(".");
  const second = token.indexOf(".", first + 1);
  if (first < 1 || second <= first + 1 || second === token.length - 1) {
    return notAJwt("not three parts");
  }
  if (token.indexOf(".", second + 1) !== -1) return notAJwt("more than three parts");
  const header = objectOf(token.slice(0, first));
  if (header === undefined) {
    return notAJwt("the header is not a JSON object with unique names in base64url");
  }
  const claims = objectOf(token.slice(first + 1, second));
  if (claims === undefined) {
    return notAJwt("the payload is not a JSON object with unique names in base64url");
  }
  if (bytesOf(token.slice(second + 1)) === undefined) {
    return notAJwt("the signature is not canonical base64url");
  }
  const { alg, kid, typ } = header;
  if (typeof alg !== "string") return notAJwt("no alg in the header");
  if (Object.hasOwn(header, "crit")) return notAJwt("crit names an extension");
  if (Object.hasOwn(header, "b64")) return notAJwt("b64 in the header");
  if (Object.hasOwn(header, "enc")) return notAJwt("an encrypted token");
  if (kid !== undefined && (typeof kid !== "string" || kid.length > MAX_KID_LENGTH)) {
    return notAJwt("kid is not a short text");
  }
  return ok({ alg, kid, typ, claims });
}

function notAJwt(detail: string): Result<never, Failure> {
  return fail(failure("not_a_jwt", detail));
}

/** Bytes of canonical base64url without padding (RFC 7515, section 2), or `undefined`. */
function bytesOf(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, "base64url");
  // Everything is decoded somehow; only the canonical spelling encodes back.
  return bytes.toString("base64url") === part ? bytes : undefined;
}

/** The JSON object of one part of a token, if no member of it stands twice (RFC 7515, section 4). */
function objectOf(part: string): Record<string, unknown> | undefined {
  const bytes = bytesOf(part);
  const text = bytes === undefined ? undefined : textOf(bytes);
  const object = text === undefined ? undefined : jsonObject(text);
  if (text === undefined || object === undefined) return undefined;
  return repeatsMember(text, object) ? undefined : object;
}

/** Valid UTF-8, or `undefined`. A byte order mark stays, and no JSON begins with one. */
function textOf(bytes: Buffer): string | undefined {
  const text = bytes.toString("utf8");
  // Stands for what is not UTF-8, or for itself.
  if (!text.includes("\ufffd")) return text;
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
