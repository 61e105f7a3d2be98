import { type KeyMembers, type KeyType, RSA_KEY } from "./key_types.ts";
import { rsaCheck } from "./rsa.ts";
import { isSignedBySecret, type TokenCheck, tokenCheck } from "./signature.ts";

/** Everything about one JWS algorithm whose keys a provider publishes (RFC 7518, section 3.1). */
export interface PublicKeyAlgorithm {
  readonly name: string;
  /** Where its keys come from; the other source is never used (RFC 8725, section 3.1). */
  readonly keysFrom: "key set";
  /** The type of its keys, and how they are read from a JWK. */
  readonly key: KeyType;
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
  return {
    name: `RS${bits}`,
    keysFrom: "key set",
    key: RSA_KEY,
    makeCheck: (key) => tokenCheck(rsaCheck(key, `sha${bits}`)),
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
