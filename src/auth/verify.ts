import { compactVerify } from "jose";
import { type Failure, failure } from "../failure.ts";
import { sameIssuer } from "../oidc/discovery.ts";
import type { KeyStore } from "../oidc/key_store.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import { algorithm } from "./algorithms.ts";
import { checkIdentity, checkTimes, type Claims, type Policy } from "./policy.ts";
import { takeApart, type UnverifiedToken } from "./token_form.ts";

/** A token whose signature, times, issuer, audience and subject have all been checked. */
export interface VerifiedToken {
  readonly claims: Claims;
  readonly alg: string;
  readonly kid: string | undefined;
  /** The generation of the keys that vouch for it. */
  readonly generation: number;
}

/** What a verifier is built from. */
export interface VerifierParts {
  readonly keys: KeyStore;
  readonly policy: Policy;
  /** The issuer from the settings; the exact one comes from the discovery document. */
  readonly expectedIssuer: string;
  /** Raw bytes of the client secret; without it HS* tokens are refused. */
  readonly secret: Uint8Array | undefined;
  readonly clock: Clock;
}

/** Turns a token into verified claims, or says why not. */
export type Verify = (token: string) => Promise<Result<VerifiedToken, Failure>>;

/**
 * Builds the check of a token (RFC 7519, section 7.2, with the advice of RFC 8725): cheap checks
 * first, so that a dead token never causes a key fetch or a signature check; then the key; the
 * signature last. The algorithm decides the kind of key: RS* tokens meet public keys only, HS* tokens
 * the client secret only (RFC 8725, section 3.1).
 *
 * Does not check scopes, `typ`, `cnf` or revocation.
 */
export function makeVerifier(parts: VerifierParts): Verify {
  const { policy, clock } = parts;
  const signature = { rsa: checkRsa, hmac: checkHmac };

  return async function verify(token) {
    const arrivedAt = clock.now();
    const form = takeApart(token);
    if (!form.ok) return form;
    const { alg, kid, claims } = form.value;
    const row = algorithm(alg);
    if (row === undefined) return fail(failure("algorithm_not_allowed"));
    if (row.family === "hmac" && parts.secret === undefined) {
      return fail(failure("algorithm_not_allowed", "HS* tokens need CLIENT_SECRET"));
    }
    const early = checkTimes(claims, policy, arrivedAt) ?? checkIssuerName(claims, parts) ??
      checkIdentity(claims, policy);
    if (early !== undefined) return fail(early);
    const vouched = await signature[row.family](parts, token, form.value, arrivedAt);
    if (!vouched.ok) return vouched;
    if (claims.iss !== vouched.value.issuer) return fail(failure("wrong_issuer"));
    // A key fetch may have taken its time.
    const late = checkTimes(claims, policy, clock.now());
    if (late !== undefined) return fail(late);
    return ok({ claims, alg, kid, generation: vouched.value.generation });
  };
}

/** Who vouches for a signature. */
interface Voucher {
  readonly issuer: string;
  readonly generation: number;
}

type SignatureCheck = (
  parts: VerifierParts,
  token: string,
  form: UnverifiedToken,
  arrivedAt: number,
) => Promise<Result<Voucher, Failure>>;

const checkRsa: SignatureCheck = async ({ keys }, token, { alg, kid }, arrivedAt) => {
  const found = await keys.find(alg, kid, arrivedAt);
  if (!found.ok) return found;
  for (const key of found.value.keys) {
    // One after the other: nearly always there is just one.
    if (await isSignedBy(token, alg, () => key.forAlgorithm(alg))) return ok(found.value.ring);
  }
  return fail(failure("bad_signature"));
};

const checkHmac: SignatureCheck = async ({ keys, secret }, token, { alg }) => {
  if (secret === undefined) return fail(failure("algorithm_not_allowed"));
  const ring = await keys.ring();
  if (!ring.ok) return ring;
  return await isSignedBy(token, alg, () => Promise.resolve(secret))
    ? ok(ring.value)
    : fail(failure("bad_signature"));
};

/** Whether the signature is that key's. Every complaint of the library means no. */
async function isSignedBy(
  token: string,
  alg: string,
  key: () => Promise<CryptoKey | Uint8Array>,
): Promise<boolean> {
  try {
    await compactVerify(token, await key(), { algorithms: [alg] });
    return true;
  } catch {
    return false;
  }
}

/** The issuer as far as it is known before discovery: only a trailing slash may still differ. */
function checkIssuerName(claims: Claims, { expectedIssuer }: VerifierParts): Failure | undefined {
  const { iss } = claims;
  return typeof iss === "string" && sameIssuer(iss, expectedIssuer)
    ? undefined
    : failure("wrong_issuer");
}
