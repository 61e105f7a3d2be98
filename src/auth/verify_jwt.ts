import { type Failure, failure } from "../failure.ts";
import { algorithm, type PublicKeyAlgorithm, type SecretAlgorithm } from "../jws/algorithms.ts";
import { sameIssuer } from "../oidc/discovery.ts";
import type { KeyStore, VerificationKey } from "../oidc/key_store.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import { CheckQueue } from "./check_queue.ts";
import { checkTimes, type Claims } from "./claims.ts";
import { decodeJwt, type UnverifiedToken } from "./decode_jwt.ts";
import type { Identity } from "./identity.ts";
import { makeKeptClaims } from "./kept_claims.ts";
import type { Provider, Verified } from "./provider.ts";

/** What the rules need of a token's claims. */
export interface ClaimNeeds {
  /** Names of the claims that an identity keeps for requirements. */
  readonly kept: readonly string[];
  /** Why no requirement could accept a token with these unverified claims, or `undefined`. */
  refuse(claims: Claims): Failure | undefined;
}

/** What a provider of JWTs is built from. */
export interface JwtProviderOptions {
  readonly name: string;
  /** The configured issuer; the exact spelling comes from the discovery document. */
  readonly issuer: string;
  readonly keys: KeyStore;
  /** Raw bytes of the client secret; without it HS* tokens are refused. */
  readonly secret: Uint8Array | undefined;
  /** Clock skew allowed for, in seconds. */
  readonly leewaySecs: number;
  readonly needs: ClaimNeeds;
  readonly clock: Clock;
  /** Most signature checks that may be queued; requests beyond get a 503 with `Retry-After`. */
  readonly maxPending: number;
}

/**
 * Builds the check of a token (RFC 7519, section 7.2, with the advice of RFC 8725): cheap checks
 * first, so that a dead token never causes a key fetch or a signature check; then the key; the
 * signature last. The algorithm decides the kind of key: RS* tokens are checked with public keys only,
 * HS* tokens with the client secret only (RFC 8725, section 3.1).
 *
 * Does not check scopes, `typ`, `cnf` or revocation. A token that no rule could accept is refused early;
 * whether the rule of a request accepts the caller is decided in `policy/decide.ts`.
 */
export function makeJwtProvider(options: JwtProviderOptions): Provider {
  const { name, issuer, secret, leewaySecs, needs, clock } = options;
  const checks = { ...options, queue: new CheckQueue(options.maxPending, clock) };
  const keptClaims = makeKeptClaims(needs.kept);

  async function authenticate(token: string): Promise<Result<Verified, Failure>> {
    const arrivedAt = clock.now();
    const decoded = decodeJwt(token);
    if (!decoded.ok) return decoded;
    const { alg, claims } = decoded.value;
    const row = algorithm(alg);
    if (row === undefined) return fail(failure("algorithm_not_allowed"));
    if (row.keysFrom === "client secret" && secret === undefined) {
      return fail(failure("algorithm_not_allowed", "HS* tokens need CLIENT_SECRET"));
    }
    const early = checkTimes(claims, leewaySecs, arrivedAt) ?? checkIssuerName(claims, issuer) ??
      needs.refuse(claims);
    if (early !== undefined) return fail(early);
    const signedBy = row.keysFrom === "key set"
      ? await checkWithKeySet(checks, token, row, decoded.value, arrivedAt)
      : await checkWithSecret(checks, token, row);
    if (!signedBy.ok) return signedBy;
    if (claims.iss !== signedBy.value.issuer) return fail(failure("wrong_issuer"));
    // The token may have expired during a key fetch.
    const late = checkTimes(claims, leewaySecs, clock.now());
    if (late !== undefined) return fail(late);
    const { generation } = signedBy.value;
    return ok({ identity: toIdentity(name, claims, keptClaims(claims)), generation });
  }

  return { name, issuer, authenticate };
}

/** What is kept of a verified token. */
function toIdentity(provider: string, claims: Claims, kept: Claims): Identity {
  const { sub, client_id, azp, exp, nbf, iat } = claims;
  const starts = [nbf, iat].filter((time) => typeof time === "number");
  return {
    provider,
    subject: typeof sub === "string" ? sub : undefined,
    clientId: [client_id, azp].find((id) => typeof id === "string"),
    claims: kept,
    validFrom: starts.length === 0 ? undefined : Math.max(...starts),
    validUntil: exp as number, // checkTimes has refused everything else
  };
}

/** What signature checks are made with, and the queue they wait in. */
interface SignatureChecks extends Pick<JwtProviderOptions, "keys" | "secret"> {
  readonly queue: CheckQueue;
}

/** The key set that a signature was checked with. */
interface SignedBy {
  readonly issuer: string;
  readonly generation: number;
}

async function checkWithKeySet(
  checks: SignatureChecks,
  token: string,
  alg: PublicKeyAlgorithm,
  { kid }: UnverifiedToken,
  arrivedAt: number,
): Promise<Result<SignedBy, Failure>> {
  const { keys } = checks;
  const found = await keys.find(alg, kid, arrivedAt);
  if (!found.ok) return found;
  const { ring, unknownKid } = found.value;
  const refused = await checkKeys(checks, token, alg, found.value.keys);
  if (refused === undefined) return ok(ring);
  if (refused.reason !== "bad_signature") return fail(refused);
  // An unknown `kid` may name a key published since: only keys without a `kid` have been tried. Under a
  // known one the provider may have published another key.
  const newer = unknownKid
    ? await keys.findAfterRefresh(alg, kid, arrivedAt)
    : await keys.findAfterRotation(alg, kid, arrivedAt, { ring, refused });
  if (!newer.ok) return newer;
  const refusedNow = await checkKeys(checks, token, alg, newer.value.keys);
  return refusedNow === undefined ? ok(newer.value.ring) : fail(refusedNow);
}

async function checkWithSecret(
  { keys, secret, queue }: SignatureChecks,
  token: string,
  alg: SecretAlgorithm,
): Promise<Result<SignedBy, Failure>> {
  if (secret === undefined) return fail(failure("algorithm_not_allowed"));
  const ring = await keys.ring();
  if (!ring.ok) return ring;
  const refused = refusal(await queue.run(() => alg.verify(token, secret)));
  return refused === undefined ? ok(ring.value) : fail(refused);
}

/**
 * Checks the signature with each key in turn; nearly always there is just one. Goes through the queue,
 * since a flood of bad tokens would spend all the CPU here.
 */
async function checkKeys(
  { queue }: SignatureChecks,
  token: string,
  alg: PublicKeyAlgorithm,
  keys: readonly VerificationKey[],
): Promise<Failure | undefined> {
  return refusal(
    await queue.run(() => Promise.resolve(keys.some((key) => key.checkFor(alg)(token)))),
  );
}

/** The refusal that the outcome of a queued check means; `undefined` stands for a full queue. */
function refusal(signed: boolean | undefined): Failure | undefined {
  if (signed === undefined) return { reason: "overloaded", retryAfterSecs: 1 };
  return signed ? undefined : failure("bad_signature");
}

/** Checks the issuer as far as it is known before discovery: a trailing slash may still differ. */
function checkIssuerName({ iss }: Claims, expected: string): Failure | undefined {
  return typeof iss === "string" && sameIssuer(iss, expected) ? undefined : failure("wrong_issuer");
}
