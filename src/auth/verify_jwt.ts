import type { WaitingClient } from "../fair_places.ts";
import { type Failure, failure } from "../failure.ts";
import { algorithm, type SecretAlgorithm } from "../jws/algorithms.ts";
import { MAX_KEY_WAIT_MS } from "../limits.ts";
import { sameIssuer } from "../oidc/discovery.ts";
import type { Found } from "../oidc/key_ring.ts";
import type { AnyKeyNeed, KeyNeed, KeyStore } from "../oidc/key_store.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import { CheckQueue } from "./check_queue.ts";
import { checkTimes, type Claims } from "./claims.ts";
import { decodeJwt } from "./decode_jwt.ts";
import { makeIdentities } from "./identity.ts";
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
  const toIdentity = makeIdentities(name, needs.kept);

  async function authenticate(
    token: string,
    client: WaitingClient,
  ): Promise<Result<Verified, Failure>> {
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
    const deadline = clock.monotonic() + MAX_KEY_WAIT_MS;
    const asked = { token, arrivedAt, deadline, client };
    const signedBy = row.keysFrom === "key set"
      ? await checkWithKeySet(checks, { ...asked, alg: row, kid: decoded.value.kid })
      : await checkWithSecret(checks, asked, row);
    if (!signedBy.ok) return signedBy;
    if (claims.iss !== signedBy.value.issuer) return fail(failure("wrong_issuer"));
    // The token may have expired during a key fetch.
    const late = checkTimes(claims, leewaySecs, clock.now());
    if (late !== undefined) return fail(late);
    const { generation } = signedBy.value;
    return ok({ identity: toIdentity(claims), generation });
  }

  return { name, issuer, authenticate };
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

/** A token on its way, whatever its key. */
interface Asked extends AnyKeyNeed {
  readonly token: string;
}

async function checkWithKeySet(
  checks: SignatureChecks,
  asked: Asked & KeyNeed,
): Promise<Result<SignedBy, Failure>> {
  const finding = checks.keys.find(asked);
  const found = finding instanceof Promise ? await finding : finding;
  if (!found.ok) return found;
  const refused = await checkKeys(checks, asked, found.value);
  if (refused === undefined) return ok(found.value.ring);
  if (refused.reason !== "bad_signature") return fail(refused);
  const newer = await checks.keys.findNewer(asked, { found: found.value, refused });
  if (!newer.ok) return newer;
  const refusedNow = await checkKeys(checks, asked, newer.value);
  return refusedNow === undefined ? ok(newer.value.ring) : fail(refusedNow);
}

async function checkWithSecret(
  { keys, secret, queue }: SignatureChecks,
  asked: Asked,
  alg: SecretAlgorithm,
): Promise<Result<SignedBy, Failure>> {
  if (secret === undefined) return fail(failure("algorithm_not_allowed"));
  const ring = await keys.ring(asked);
  if (!ring.ok) return ring;
  const { token, client } = asked;
  const check = () => alg.verify(token, secret);
  const refused = refusal(await queue.run({ token, keys: secret, client, check }));
  return refused === undefined ? ok(ring.value) : fail(refused);
}

/**
 * Checks the signature with each key in turn; nearly always there is just one. Goes through the queue,
 * since a flood of bad tokens would spend all the CPU here.
 */
async function checkKeys(
  { queue }: SignatureChecks,
  { token, alg, client }: Asked & KeyNeed,
  { keys, ring }: Found,
): Promise<Failure | undefined> {
  const check = () => keys.some((key) => key.checkFor(alg)(token));
  return refusal(await queue.run({ token, keys: ring, client, check }));
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
