import { MAX_QUOTED_KID } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import { ALGORITHMS, type PublicKeyAlgorithm } from "./algorithms.ts";
import type { JwkMembers, KeyMembers } from "./key_types.ts";

/** A public key of the provider, reduced to what is needed. Plain data, sent between processes. */
export interface PublicKey {
  readonly kty: string;
  readonly kid?: string;
  /** The one algorithm it is for; without it, any algorithm of its type. */
  readonly alg?: string;
  /** The key material, by the names of the JWK's members. */
  readonly members: KeyMembers;
}

/** What the keys of a set are for: signatures of JWTs, or those of SPIFFE's JWT-SVIDs alone. */
export type KeyUse = "sig" | "jwt-svid";

/** Why a key for encryption is skipped: no fault, many providers publish one. */
export const FOR_ENCRYPTION = "not meant for signatures but for encryption (use)";

/** Why a key for certificates is skipped: no fault either, every bundle of a trust domain has one. */
export const NOT_FOR_SVIDS = "not meant for JWT-SVIDs";

const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

const PUBLIC_ALGORITHMS: readonly PublicKeyAlgorithm[] = ALGORITHMS.filter(
  (row) => row.keysFrom === "key set",
);

/**
 * Reads one JWK (RFC 7517, section 4): a public key of a type and a curve that some accepted algorithm
 * uses, meant for signatures, strong enough.
 *
 * @param use the `use` that a key must have. `sig` takes keys without one as well, as most providers
 * publish them; `jwt-svid` does not (SPIFFE Trust Domain and Bundle, section 4.2.2).
 * @returns the key, or why it is not used, in a few words.
 */
export function readPublicKey(entry: unknown, use: KeyUse = "sig"): Result<PublicKey, string> {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    return fail("not an object");
  }
  const jwk = entry as Record<string, unknown>;
  // First of all: many keys that are for something else are of another type as well.
  const misuse = checkUse(jwk.use, use);
  if (misuse !== undefined) return fail(misuse);
  const rows = rowsFor(jwk);
  if (!rows.ok) return rows;
  const [first] = rows.value;
  if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member))) {
    return fail("holds private members; a provider must never publish them");
  }
  const { key_ops: operations, kid, alg } = jwk;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) {
    return fail("not meant for verification (key_ops)");
  }
  if (kid !== undefined && typeof kid !== "string") return fail("kid is not a text");
  if (
    alg !== undefined &&
    (typeof alg !== "string" || !rows.value.some(({ keyAlgs }) => keyAlgs.includes(alg)))
  ) {
    return fail(`its algorithm${quoted(alg)} is not one of ${listOf(rows.value, nameOf)}`);
  }
  const members = first.key.read(jwk);
  if (!members.ok) return members;
  return ok({
    kty: first.key.kty,
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
export function fitsAlgorithm(
  { kty, alg, members }: PublicKey,
  { key, keyAlgs }: PublicKeyAlgorithm,
): boolean {
  return kty === key.kty && members.crv === key.crv && (alg === undefined || keyAlgs.includes(alg));
}

type Rows = readonly [PublicKeyAlgorithm, ...PublicKeyAlgorithm[]];

/** The algorithms that keys of this type and curve may serve, all of which read them alike. */
function rowsFor({ kty, crv }: JwkMembers): Result<Rows, string> {
  const ofType = PUBLIC_ALGORITHMS.filter(({ key }) => key.kty === kty);
  if (ofType.length === 0) {
    return fail(`its type${quoted(kty)} is not one of ${listOf(PUBLIC_ALGORITHMS, ktyOf)}`);
  }
  const [first, ...rest] = ofType.filter(({ key }) => key.crv === undefined || key.crv === crv);
  return first === undefined
    ? fail(`its curve${quoted(crv)} is not one of ${listOf(ofType, crvOf)}`)
    : ok([first, ...rest]);
}

/** Why a key is not for what it is needed for. */
function checkUse(found: unknown, needed: KeyUse): string | undefined {
  if (found === needed || (found === undefined && needed === "sig")) return undefined;
  if (needed === "jwt-svid") return `${NOT_FOR_SVIDS} (use${quoted(found)})`;
  return found === "enc" ? FOR_ENCRYPTION : `not meant for signatures (use${quoted(found)})`;
}

const nameOf = ({ name }: PublicKeyAlgorithm) => name;
const ktyOf = ({ key }: PublicKeyAlgorithm) => key.kty;
const crvOf = ({ key }: PublicKeyAlgorithm) => key.crv;

/** A member's value behind a blank, where it is a text. */
function quoted(value: unknown): string {
  return typeof value === "string" ? ` ${JSON.stringify(value.slice(0, MAX_QUOTED_KID))}` : "";
}

function listOf(
  rows: readonly PublicKeyAlgorithm[],
  name: (row: PublicKeyAlgorithm) => string | undefined,
): string {
  return [...new Set(rows.map(name))].join(", ");
}
