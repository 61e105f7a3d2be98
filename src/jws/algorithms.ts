import type { KeyObject } from "node:crypto";
import { type KeyType, RSA_KEY } from "./key_types.ts";
import { importPublicKey, isSignedByRsaKey, isSignedBySecret } from "./signature.ts";

/** Everything about one JWS algorithm whose keys a provider publishes (RFC 7518, section 3.1). */
export interface PublicKeyAlgorithm {
  readonly name: string;
  /** Where its keys come from; the other source is never used (RFC 8725, section 3.1). */
  readonly keysFrom: "key set";
  /** The type of its keys, and how they are read from a JWK. */
  readonly key: KeyType;
  /** The hash, as the platform names it. */
  readonly hash: string;
  /** Imports a key of the set for `verify`. Rejects when the platform refuses the key. */
  importKey(key: Readonly<Record<string, string>>): Promise<KeyObject>;
  /** Whether a compact JWS, whose form has been checked, is signed by that key. */
  verify(token: string, key: KeyObject): boolean;
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
  const hash = `sha${bits}`;
  return {
    name,
    keysFrom: "key set",
    key: RSA_KEY,
    hash,
    importKey: (key) => importPublicKey(key, name),
    verify: (token, key) => isSignedByRsaKey(token, hash, key),
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
