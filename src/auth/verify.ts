import { type Failure, failure } from "../failure.ts";
import { sameIssuer } from "../oidc/discovery.ts";
import type { KeyStore, VerificationKey } from "../oidc/key_store.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import { algorithm } from "./algorithms.ts";
import { CheckQueue } from "./check_queue.ts";
import { checkIdentity, checkTimes, type Claims, type Policy } from "./policy.ts";
import { isSignedByRsaKey, isSignedBySecret } from "./signature.ts";
import { takeApart, type UnverifiedToken } from "./token_form.ts";

/**
 * What later steps need of a token whose signature, times, issuer, audience and subject have all been
 * checked. Small, since many of them are kept.
 */
export interface VerifiedToken {
  /** `sub`, where it is a text. */
  readonly subject: string | undefined;
  /** `client_id`, or `azp`, where it is a text. */
  readonly clientId: string | undefined;
  /** `exp`, seconds since the epoch. */
  readonly exp: number;
  /** The later of `nbf` and `iat`, seconds since the epoch. */
  readonly notBefore: number | undefined;
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
  /** Most signature checks that may wait for their turn; requests beyond are told to come back. */
  readonly maxPending: number;
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
  const checks: SignatureChecks = { ...parts, queue: new CheckQueue(parts.maxPending, clock) };

  return async function verify(token) {
    const arrivedAt = clock.now();
    const form = takeApart(token);
    if (!form.ok) return form;
    const { alg, claims } = form.value;
    const row = algorithm(alg);
    if (row === undefined) return fail(failure("algorithm_not_allowed"));
    if (row.family === "hmac" && parts.secret === undefined) {
      return fail(failure("algorithm_not_allowed", "HS* tokens need CLIENT_SECRET"));
    }
    const early = checkTimes(claims, policy, arrivedAt) ?? checkIssuerName(claims, parts) ??
      checkIdentity(claims, policy);
    if (early !== undefined) return fail(early);
    const vouched = await signature[row.family](checks, token, form.value, arrivedAt);
    if (!vouched.ok) return vouched;
    if (claims.iss !== vouched.value.issuer) return fail(failure("wrong_issuer"));
    // A key fetch may have taken its time.
    const late = checkTimes(claims, policy, clock.now());
    if (late !== undefined) return fail(late);
    return ok(keep(form.value, vouched.value.generation));
  };
}

/** What is kept of verified claims. */
function keep({ alg, kid, claims }: UnverifiedToken, generation: number): VerifiedToken {
  const { sub, client_id, azp, exp, nbf, iat } = claims;
  const starts = [nbf, iat].filter((time) => typeof time === "number");
  return {
    subject: typeof sub === "string" ? sub : undefined,
    clientId: [client_id, azp].find((id) => typeof id === "string"),
    exp: exp as number, // checkTimes has refused everything else
    notBefore: starts.length === 0 ? undefined : Math.max(...starts),
    alg,
    kid,
    generation,
  };
}

/** What signature checks are made with, and where they wait for their turn. */
interface SignatureChecks extends VerifierParts {
  readonly queue: CheckQueue;
}

/** Who vouches for a signature. */
interface Voucher {
  readonly issuer: string;
  readonly generation: number;
}

type SignatureCheck = (
  parts: SignatureChecks,
  token: string,
  form: UnverifiedToken,
  arrivedAt: number,
) => Promise<Result<Voucher, Failure>>;

const checkRsa: SignatureCheck = async (parts, token, { alg, kid }, arrivedAt) => {
  const { keys } = parts;
  const found = await keys.find(alg, kid, arrivedAt);
  if (!found.ok) return found;
  const signed = await checkKeys(parts, token, alg, found.value.keys);
  if (signed === undefined) return ok(found.value.ring);
  if (signed.reason !== "bad_signature") return fail(signed);
  // A `kid` that is unknown may be of a key that has come since; then only keys without one could be
  // tried. A known one may have got another key.
  const newer = found.value.unknownKid
    ? await keys.findNewer(alg, kid, arrivedAt)
    : await keys.findReplaced(alg, kid, arrivedAt, { ring: found.value.ring, refused: signed });
  if (!newer.ok) return newer;
  const signedNow = await checkKeys(parts, token, alg, newer.value.keys);
  return signedNow === undefined ? ok(newer.value.ring) : fail(signedNow);
};

const checkHmac: SignatureCheck = async (parts, token, { alg }) => {
  const { keys, secret } = parts;
  if (secret === undefined) return fail(failure("algorithm_not_allowed"));
  const ring = await keys.ring();
  if (!ring.ok) return ring;
  const signed = refusal(await parts.queue.run(() => isSignedBySecret(token, alg, secret)));
  return signed === undefined ? ok(ring.value) : fail(signed);
};

/**
 * Looks whether one of the keys made the signature; one after the other, nearly always there is just
 * one. Waits for its turn: checks are what a flood of bad tokens would have us spend our time on.
 */
async function checkKeys(
  { queue }: SignatureChecks,
  token: string,
  alg: string,
  keys: readonly VerificationKey[],
): Promise<Failure | undefined> {
  const signed = await queue.run(async () => {
    for (const key of keys) {
      if (await isSignedByRsaKey(token, alg, key)) return true;
    }
    return false;
  });
  return refusal(signed);
}

/** What the outcome of a queued check means: signed, not signed, or not looked at. */
function refusal(signed: boolean | undefined): Failure | undefined {
  if (signed === undefined) return { reason: "overloaded", retryAfterSecs: 1 };
  return signed ? undefined : failure("bad_signature");
}

/** The issuer as far as it is known before discovery: only a trailing slash may still differ. */
function checkIssuerName(claims: Claims, { expectedIssuer }: VerifierParts): Failure | undefined {
  const { iss } = claims;
  return typeof iss === "string" && sameIssuer(iss, expectedIssuer)
    ? undefined
    : failure("wrong_issuer");
}
