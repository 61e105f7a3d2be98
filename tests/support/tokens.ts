/**
 * Keys and tokens for the tests. Tokens are put together by hand, byte by byte, over the
 * runtime's own signatures: so a test can make the good ones and every bad one the same way.
 */

/** A public key as a provider would publish it. */
export type Jwk = Record<string, unknown>;

/** Header members or claims. */
export type Members = Record<string, unknown>;

/** Makes the signature over `<header>.<payload>`. */
export type Signer = (input: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>;

/** A key pair; `alg` is the algorithm it signs with unless a header says otherwise. */
export interface TestKey {
  readonly alg: string;
  readonly privateJwk: JsonWebKey;
  readonly publicJwk: JsonWebKey;
}

interface Algorithm {
  readonly key: RsaHashedKeyGenParams | EcKeyGenParams | { readonly name: string };
  readonly sign: AlgorithmIdentifier | RsaPssParams | EcdsaParams;
}

/** The public exponent 65537, big-endian. */
const PUBLIC_EXPONENT = new Uint8Array([1, 0, 1]);

/** How long a default token is valid, in seconds. */
const DEFAULT_LIFETIME_SECS = 300;

/** The issuer of the default claims. */
export const DEFAULT_ISSUER = "https://issuer.test";

/**
 * Pairs that were generated, by algorithm family and index. Making an RSA pair takes a few tenths
 * of a second, so the tests of one file share them; a pair never changes once made.
 */
const pool = new Map<string, Promise<TestKey>>();

/** The RSA pair number `index` of this test file: the same pair for the same index and size. */
export function rsaKey(index = 0, bits = 2048): Promise<TestKey> {
  return pooled(`RSA ${bits} ${index}`, () => generateKey("RS256", bits));
}

/** What has its own kind of key; the algorithms of RSA share one. */
export type CurveAlg = "ES256" | "ES384" | "ES512" | "EdDSA" | "Ed25519";

/** The pair number `index` for an algorithm of a curve. */
export function pairFor(alg: CurveAlg, index = 0): Promise<TestKey> {
  return pooled(`${alg} ${index}`, () => generateKey(alg, 0));
}

/** The pair number `index` for an algorithm whose keys a provider publishes. */
export function keyFor(alg: string, index = 0): Promise<TestKey> {
  // No other name is left: `generateKey` throws for one that is unknown.
  return /^[RP]S/.test(alg) ? rsaKey(index) : pairFor(alg as CurveAlg, index);
}

function pooled(name: string, make: () => Promise<TestKey>): Promise<TestKey> {
  const known = pool.get(name);
  if (known !== undefined) return known;
  const made = make();
  pool.set(name, made);
  return made;
}

async function generateKey(alg: string, bits: number): Promise<TestKey> {
  const pair = await crypto.subtle.generateKey(algorithm(alg, bits).key, true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error(`${alg} does not make a key pair`);
  return {
    alg,
    privateJwk: bare(await crypto.subtle.exportKey("jwk", pair.privateKey)),
    publicJwk: bare(await crypto.subtle.exportKey("jwk", pair.publicKey)),
  };
}

/** Drops what binds an exported key to one algorithm and use. */
function bare(jwk: JsonWebKey): JsonWebKey {
  const { alg: _alg, key_ops: _keyOps, ext: _ext, ...rest } = jwk;
  return rest;
}

/** Runtime parameters of a JWS algorithm; `bits` matters for RSA alone. */
function algorithm(alg: string, bits = 2048): Algorithm {
  const hash = `SHA-${alg.slice(2)}`;
  const rsa = { modulusLength: bits, publicExponent: PUBLIC_EXPONENT, hash };
  switch (alg.slice(0, 2)) {
    case "RS":
      return { key: { name: "RSASSA-PKCS1-v1_5", ...rsa }, sign: { name: "RSASSA-PKCS1-v1_5" } };
    case "PS": {
      const saltLength = Number(alg.slice(2)) / 8;
      return { key: { name: "RSA-PSS", ...rsa }, sign: { name: "RSA-PSS", saltLength } };
    }
    case "ES": {
      const namedCurve = alg === "ES512" ? "P-521" : `P-${alg.slice(2)}`;
      return { key: { name: "ECDSA", namedCurve }, sign: { name: "ECDSA", hash } };
    }
    case "Ed":
      return { key: { name: "Ed25519" }, sign: { name: "Ed25519" } };
    default:
      throw new Error(`no key pairs for algorithm ${alg}`);
  }
}

/**
 * The public half as an entry of a key set. Only the members given in `extra` are added
 * (`kid`, `alg`, `use`, `key_ops`, ...); nothing is there by default but the key itself.
 */
export function publicJwk(key: TestKey, extra: Members = {}): Jwk {
  return { ...key.publicJwk, ...extra };
}

/** A key that looks like an RSA key of 2048 bits and differs from that of any other number. */
export function lookalikeKey(kid: string | undefined, number = 1, extra: Jwk = {}): Jwk {
  const modulus = new Uint8Array(256).fill(0xff);
  modulus[1] = number;
  return {
    kty: "RSA",
    n: base64url(modulus),
    e: "AQAB",
    ...(kid === undefined ? {} : { kid }),
    ...extra,
  };
}

/** Claims every check accepts at `nowMs` (milliseconds since the epoch); `undefined` drops one. */
export function defaultClaims(nowMs: number, overrides: Members = {}): Members {
  const iat = Math.floor(nowMs / 1000);
  return {
    iss: DEFAULT_ISSUER,
    sub: "test-client",
    aud: "test-audience",
    iat,
    exp: iat + DEFAULT_LIFETIME_SECS,
    ...overrides,
  };
}

/**
 * A signed token. The header is `{ alg: key.alg, typ: "JWT" }` with `header` over it (`undefined`
 * drops a member); the signature follows the header's `alg`, so one RSA pair signs RS* and PS*.
 */
export function signToken(key: TestKey, claims: Members, header: Members = {}): Promise<string> {
  const full: Members = { alg: key.alg, typ: "JWT", ...header };
  return rawToken(JSON.stringify(full), JSON.stringify(claims), keySigner(key, String(full.alg)));
}

/** A token signed with a shared secret (text as UTF-8); HS256 unless `header.alg` says otherwise. */
export function signHsToken(
  secret: string | Uint8Array<ArrayBuffer>,
  claims: Members,
  header: Members = {},
): Promise<string> {
  const full: Members = { alg: "HS256", typ: "JWT", ...header };
  const signer = secretSigner(secret, String(full.alg));
  return rawToken(JSON.stringify(full), JSON.stringify(claims), signer);
}

/** A token of exactly these header and payload bytes (text as UTF-8), with the given signature. */
export async function rawToken(
  header: string | Uint8Array,
  payload: string | Uint8Array,
  signer: Signer,
): Promise<string> {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${base64url(await signer(utf8(input)))}`;
}

/** Signs with the private half, by the JWS algorithm `alg` (RS*, PS*, ES*, EdDSA, Ed25519). */
export function keySigner(key: TestKey, alg = key.alg): Signer {
  return async (input) => {
    const { key: parameters, sign } = algorithm(alg);
    const imported = await crypto.subtle.importKey("jwk", key.privateJwk, parameters, false, [
      "sign",
    ]);
    return new Uint8Array(await crypto.subtle.sign(sign, imported, input));
  };
}

/** Signs with a shared secret by HS256, HS384 or HS512. */
export function secretSigner(secret: string | Uint8Array<ArrayBuffer>, alg = "HS256"): Signer {
  return async (input) => {
    const parameters = { name: "HMAC", hash: `SHA-${alg.slice(2)}` };
    const bytes = typeof secret === "string" ? utf8(secret) : secret;
    const imported = await crypto.subtle.importKey("raw", bytes, parameters, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign("HMAC", imported, input));
  };
}

/** "Signs" with nothing: the third part stays empty, as in an unsecured token. */
export const noSigner: Signer = () => Promise.resolve(new Uint8Array());

/** The token with the first character of its signature changed: still canonical, no longer true. */
export function breakSignature(token: string): string {
  const dot = token.lastIndexOf(".") + 1;
  const first = token.charAt(dot);
  return token.slice(0, dot) + (first === "A" ? "B" : "A") + token.slice(dot + 1);
}

/** Unpadded base64url of bytes, or of a text as UTF-8. */
export function base64url(data: string | Uint8Array): string {
  const bytes = typeof data === "string" ? utf8(data) : data;
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
