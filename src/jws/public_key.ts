import { fail, ok, type Result } from "../result.ts";
import { ALGORITHMS, type PublicKeyAlgorithm } from "./algorithms.ts";
import type { KeyMembers } from "./key_types.ts";

/** A public key of the provider, reduced to what is needed. Plain data, sent between processes. */
export interface PublicKey {
  readonly kty: string;
  readonly kid?: string;
  /** The one algorithm it is for; without it, any algorithm of its type. */
  readonly alg?: string;
  /** The key material, by the names of the JWK's members. */
  readonly members: KeyMembers;
}

/** Why a key for encryption is skipped: no fault, many providers publish one. */
export const FOR_ENCRYPTION = "not meant for signatures but for encryption (use)";

const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

const PUBLIC_ALGORITHMS: readonly PublicKeyAlgorithm[] = ALGORITHMS.filter(
  (row) => row.keysFrom === "key set",
);

/**
 * Reads one JWK (RFC 7517, section 4): a public key of a type that some accepted algorithm uses, meant
 * for signatures, strong enough.
 *
 * @returns the key, or why it is not used, in a few words.
 */
export function readPublicKey(entry: unknown): Result<PublicKey, string> {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    return fail("not an object");
  }
  const jwk = entry as Record<string, unknown>;
  const rows = PUBLIC_ALGORITHMS.filter((row) => row.key.kty === jwk.kty);
  const [row] = rows;
  if (row === undefined) return fail(`not an ${listOf(PUBLIC_ALGORITHMS, ktyOf, " or ")} key`);
  if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member))) {
    return fail("holds private members; a provider must never publish them");
  }
  const { use, key_ops: operations, kid, alg } = jwk;
  if (use === "enc") return fail(FOR_ENCRYPTION);
  if (use !== undefined && use !== "sig") return fail("not meant for signatures (use)");
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) {
    return fail("not meant for verification (key_ops)");
  }
  if (kid !== undefined && typeof kid !== "string") return fail("kid is not a text");
  if (alg !== undefined && (typeof alg !== "string" || !rows.some(({ name }) => name === alg))) {
    return fail(`its algorithm is not one of ${listOf(rows, ({ name }) => name, ", ")}`);
  }
  const members = row.key.read(jwk);
  if (!members.ok) return members;
  return ok({
    kty: row.key.kty,
    ...(kid === undefined ? {} : { kid }),
    ...(alg === undefined ? {} : { alg }),
    members: members.value,
  });
}

/** A key as the JWK that `readPublicKey` reads. */
export function toJwk({ members, ...facts }: PublicKey): Readonly<Record<string, string>> {
  return { ...facts, ...members };
}

/** Whether a key may serve an algorithm. */
export function fitsAlgorithm({ kty, alg }: PublicKey, { name, key }: PublicKeyAlgorithm): boolean {
  return kty === key.kty && (alg === undefined || alg === name);
}

const ktyOf = ({ key }: PublicKeyAlgorithm) => key.kty;

function listOf(
  rows: readonly PublicKeyAlgorithm[],
  name: (row: PublicKeyAlgorithm) => string,
  separator: string,
): string {
  return [...new Set(rows.map(name))].join(separator);
}
