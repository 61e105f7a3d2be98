import { createPrivateKey } from "node:crypto";
import { importJWK, type JWK, SignJWT } from "jose";
import { fail, ok, type Result } from "../result.ts";
import { jsonObject } from "../text.ts";

/** A private key by which the proxy itself authenticates. */
export interface ClientKey {
  readonly jwk: Readonly<Record<string, unknown>>;
  readonly alg: string;
}

/** The algorithm by which keys of a type and curve sign. */
const BY_CURVE: Readonly<Record<string, string>> = {
  "P-256": "ES256",
  "P-384": "ES384",
  "P-521": "ES512",
  Ed25519: "EdDSA",
};

/**
 * Reads a private key: PEM (PKCS#8, RFC 7468, section 10) or a JWK (RFC 7517). RSA keys sign by RS256, or
 * by what the JWK's `alg` says; the others by the algorithm of their curve.
 *
 * @returns the key, or what is wrong with it; never a part of the text.
 */
export function readClientKey(text: string): Result<ClientKey, string> {
  const jwk = text.trimStart().startsWith("{") ? jsonObject(text) : fromPem(text);
  if (jwk === undefined) return fail("neither PEM (PKCS#8) nor a JWK");
  if (typeof jwk.d !== "string") return fail("not a private key");
  const { kty, crv, alg } = jwk;
  if (kty === "RSA") {
    return ok({
      jwk,
      alg: typeof alg === "string" && /^[RP]S(256|384|512)$/.test(alg) ? alg : "RS256",
    });
  }
  const known = typeof crv === "string" && Object.hasOwn(BY_CURVE, crv) ? BY_CURVE[crv] : undefined;
  return known === undefined
    ? fail("not an RSA key, nor one of P-256, P-384, P-521 or Ed25519")
    : ok({ jwk, alg: known });
}

function fromPem(text: string): Record<string, unknown> | undefined {
  try {
    return { ...createPrivateKey(text).export({ format: "jwk" }) };
  } catch {
    return undefined;
  }
}

/**
 * Signs claims as a JWT, for the proof of being a client (RFC 7523, section 3). The key's `kid` goes into
 * the header where it has one.
 */
export async function signJwt(
  claims: Readonly<Record<string, string | number>>,
  { jwk, alg }: ClientKey,
): Promise<string> {
  const header = typeof jwk.kid === "string" ? { alg, kid: jwk.kid } : { alg };
  // It was read as a private key before.
  const key = await importJWK(jwk as JWK, alg);
  return await new SignJWT({ ...claims }).setProtectedHeader(header).sign(key);
}
