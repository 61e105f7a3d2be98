import type { PublicKeyAlgorithm } from "../jws/algorithms.ts";
import { fitsAlgorithm, type PublicKey } from "../jws/public_key.ts";
import type { TokenCheck } from "../jws/signature.ts";
import { MAX_KEYS_TRIED } from "../limits.ts";
import type { KeySnapshot } from "./key_source.ts";

/** One public key, ready for signature checks. */
export interface VerificationKey {
  /** The check of tokens by this key and one algorithm; made once and kept. */
  checkFor(alg: PublicKeyAlgorithm): TokenCheck;
}

/** The keys of one generation, with their issuer. */
export interface KeyRing {
  readonly generation: number;
  readonly issuer: string;
  /** Where opaque tokens can be asked about. */
  readonly introspectionEndpoint: string | undefined;
  /** Whether the provider published no usable key: its fault, not the token's. */
  readonly empty: boolean;
  /**
   * The keys to try for a token: those with its `kid`, else those without one; only keys for its
   * algorithm (RFC 7515, section 6). A key without `alg` serves every algorithm of its type.
   */
  candidates(alg: PublicKeyAlgorithm, kid: string | undefined): Candidates;
}

/** Keys to try for a token. */
export interface Candidates {
  readonly keys: readonly VerificationKey[];
  /**
   * Whether a refresh could bring the token's key: no key has its `kid` (then `keys` are those without
   * one), or it has no `kid` and no key is for its algorithm.
   */
  readonly unknownKid: boolean;
}

/** The keys to try, and the ring they are from. */
export interface Found extends Candidates {
  readonly ring: KeyRing;
}

/** Sorts the keys of a snapshot by `kid`. */
export function makeRing(snapshot: KeySnapshot): KeyRing {
  const byKid = new Map<string, RingKey[]>();
  const withoutKid: RingKey[] = [];
  for (const key of snapshot.keys) {
    const entry = { key, verification: verificationKey(key) };
    if (key.kid === undefined) withoutKid.push(entry);
    else byKid.set(key.kid, [...(byKid.get(key.kid) ?? []), entry]);
  }
  const all = [...[...byKid.values()].flat(), ...withoutKid];
  return {
    generation: snapshot.generation,
    issuer: snapshot.issuer,
    introspectionEndpoint: snapshot.introspectionEndpoint,
    empty: all.length === 0,
    candidates(alg, kid) {
      if (kid === undefined) {
        const keys = fitting(all, alg);
        return { keys, unknownKid: keys.length === 0 };
      }
      const named = fitting(byKid.get(kid) ?? [], alg);
      const keys = named.length > 0 ? named : fitting(withoutKid, alg);
      return { keys, unknownKid: !byKid.has(kid) };
    },
  };
}

interface RingKey {
  readonly key: PublicKey;
  readonly verification: VerificationKey;
}

function fitting(keys: readonly RingKey[], alg: PublicKeyAlgorithm): VerificationKey[] {
  return keys.filter(({ key }) => fitsAlgorithm(key, alg))
    .slice(0, MAX_KEYS_TRIED).map(({ verification }) => verification);
}

function verificationKey({ members }: PublicKey): VerificationKey {
  const checks = new Map<string, TokenCheck>();
  return {
    checkFor(alg) {
      let check = checks.get(alg.name);
      if (check === undefined) {
        check = alg.makeCheck(members);
        checks.set(alg.name, check);
      }
      return check;
    },
  };
}
