import { ecKey, ED25519_KEY } from "./curve_keys.ts";
import { type Curve, P256, P384, P521 } from "./curves.ts";
import { ecdsaCheck } from "./ecdsa.ts";
import { ed25519Check } from "./ed25519.ts";
import { type KeyMembers, type KeyType, RSA_KEY } from "./key_types.ts";
import { rsaCheck } from "./rsa.ts";
import { rsaPssCheck } from "./rsa_pss.ts";
import { isSignedBySecret, type TokenCheck, tokenCheck } from "./signature.ts";

/** Everything about one JWS algorithm whose keys a provider publishes (RFC 7518, section 3.1). */
export interface PublicKeyAlgorithm {
  readonly name: string;
  /** Where its keys come from; the other source is never used (RFC 8725, section 3.1). */
  readonly keysFrom: "key set";
  /** The type of its keys, and how they are read from a JWK. */
  readonly key: KeyType;
  /** All its names, nearly always one: each may be the `alg` of a token and of a JWK for it. */
  readonly keyAlgs: readonly string[];
  /** Makes the check of tokens by a key of the set, from the members that `key.read` gave. */
  makeCheck(key: KeyMembers): TokenCheck;
}

/** Everything about one JWS algorithm whose key is the client secret. */
export interface SecretAlgorithm {
  readonly name: string;
  readonly keysFrom: "client secret";
  /** Whether a compact JWS is signed by that secret. */
  verify(token: string, secret: Uint8Array): Promise<boolean>;
}

/** One row of the table. */
export type Algorithm = PublicKeyAlgorithm | SecretAlgorithm;

type Bits = 256 | 384 | 512;

/** RSASSA-PKCS1-v1_5 (RFC 7518, section 3.3). */
function rsa(bits: Bits): PublicKeyAlgorithm {
  const name = `RS${bits}`;
  return {
    name,
    keysFrom: "key set",
    key: RSA_KEY,
    keyAlgs: [name],
    makeCheck: (key) => tokenCheck(rsaCheck(key, `sha${bits}`)),
  };
}

/** RSASSA-PSS (RFC 7518, section 3.5). */
function rsaPss(bits: Bits): PublicKeyAlgorithm {
  const name = `PS${bits}`;
  return {
    name,
    keysFrom: "key set",
    key: RSA_KEY,
    keyAlgs: [name],
    makeCheck: (key) => tokenCheck(rsaPssCheck(key, `sha${bits}`)),
  };
}

/** ECDSA, each hash with the keys of one curve (RFC 7518, section 3.4). */
function ecdsa(bits: Bits, curve: Curve): PublicKeyAlgorithm {
  const name = `ES${bits}`;
  return {
    name,
    keysFrom: "key set",
    key: ecKey(curve),
    keyAlgs: [name],
    makeCheck: (key) => tokenCheck(ecdsaCheck(key, curve, `sha${bits}`)),
  };
}

/** Ed25519 under one of its two names (RFC 8037, section 3.1; RFC 9864, section 2.2). */
function ed25519(name: "EdDSA" | "Ed25519"): PublicKeyAlgorithm {
  return {
    name,
    keysFrom: "key set",
    key: ED25519_KEY,
    keyAlgs: ["EdDSA", "Ed25519"],
    makeCheck: (key) => tokenCheck(ed25519Check(key)),
  };
}

/** HMAC with SHA-2 (RFC 7518, section 3.2). */
function hmac(bits: Bits): SecretAlgorithm {
  const name = `HS${bits}`;
  return {
    name,
    keysFrom: "client secret",
    verify: (token, secret) => isSignedBySecret(token, name, secret),
  };
}

/** The accepted algorithms, one row each. */
export const ALGORITHMS: readonly Algorithm[] = [
  rsa(256),
  rsa(384),
  rsa(512),
  rsaPss(256),
  rsaPss(384),
  rsaPss(512),
  ecdsa(256, P256),
  ecdsa(384, P384),
  ecdsa(512, P521),
  ed25519("EdDSA"),
  ed25519("Ed25519"),
  hmac(256),
  hmac(384),
  hmac(512),
];

// A Map has no inherited members, so `alg: "__proto__"` finds nothing.
const BY_NAME: ReadonlyMap<string, Algorithm> = new Map(ALGORITHMS.map((row) => [row.name, row]));

/** The algorithm of that exact name, or `undefined`: `none` has no row in any spelling. */
export function algorithm(name: string): Algorithm | undefined {
  return BY_NAME.get(name);
}
