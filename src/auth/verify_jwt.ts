import { type Failure, failure } from "../failure.ts";
import { algorithm, type SecretAlgorithm } from "../jws/algorithms.ts";
import { MAX_KEY_WAIT_MS } from "../limits.ts";
import { sameIssuer } from "../oidc/discovery.ts";
import type { Found, KeyRing } from "../oidc/key_ring.ts";
import type { AnyKeyNeed, KeyNeed, KeyStore } from "../oidc/key_store.ts";
import { trustDomainOf } from "../spiffe_id.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import type { CheckQueue } from "./check_queue.ts";
import { checkTimes, type Claims } from "./claims.ts";
import { makeIdentities } from "./identity.ts";
import type { JwtProvider, ReceivedJwt, Verified } from "./provider.ts";
import { checkTokenType, type TokenTypeRules } from "./token_type.ts";

/** What the rules need of a token's claims. */
export interface ClaimNeeds {
  /** Names of the claims that an identity keeps for requirements. */
  readonly kept: readonly string[];
  /** Why no requirement could accept a token with these unverified claims, or `undefined`. */
  refuse(claims: Claims): Failure | undefined;
}

/** A secret that tokens may be signed with. */
export interface SigningSecret {
  readonly bytes: Uint8Array;
  /** When it ends, milliseconds since the epoch; `undefined` for good. */
  readonly acceptUntilMs: number | undefined;
}

/** What a provider of JWTs is built from. */
export interface JwtProviderOptions {
  readonly name: string;
  /** The configured issuer; the exact spelling comes from the discovery document. */
  readonly issuer: string;
  /** For JWT-SVIDs: their subjects' trust domain, which stands for the issuer. */
  readonly trustDomain?: string | undefined;
  readonly keys: KeyStore;
  /** Names of the accepted algorithms. */
  readonly algorithms: ReadonlySet<string>;
  /** Client secrets; without any HS* tokens are refused. */
  readonly secrets: readonly SigningSecret[];
  /** When its tokens end to be accepted, milliseconds since the epoch; `undefined` for good. */
  readonly acceptUntilMs: number | undefined;
  readonly types: TokenTypeRules;
  /** Clock skew allowed for, in seconds. */
  readonly leewaySecs: number;
  readonly needs: ClaimNeeds;
  readonly clock: Clock;
  /** Where signature checks wait: one queue for all providers. */
  readonly queue: CheckQueue;
}

/**
 * Builds the check of a token (RFC 7519, section 7.2, with the advice of RFC 8725): cheap checks
 * first, so that a dead token never causes a key fetch or a signature check; then the key; the
 * signature last. The algorithm decides the kind of key: RS*, PS*, ES* and EdDSA tokens are checked with
 * public keys only, HS* tokens with client secrets only (RFC 8725, section 3.1).
 *
 * Does not check scopes or revocation. A token that no rule could accept is refused early; whether the
 * rule of a request accepts the caller is decided in `policy/decide.ts`.
 */
export function makeJwtProvider(options: JwtProviderOptions): JwtProvider {
  const { name, issuer, trustDomain, keys, acceptUntilMs, leewaySecs, needs, clock } = options;
  const identityOf = makeIdentities(name, needs.kept);

  async function authenticate(
    { token, decoded: { alg, kid, typ, claims } }: ReceivedJwt,
    client: AnyKeyNeed["client"],
  ): Promise<Result<Verified, Failure>> {
    const arrivedAt = clock.now();
    if (hasEnded(acceptUntilMs, arrivedAt)) return fail(failure("no_longer_accepted", name));
    const row = algorithm(alg);
    if (row === undefined || !options.algorithms.has(alg)) {
      return fail(failure("algorithm_not_allowed"));
    }
    if (row.keysFrom === "client secret" && options.secrets.length === 0) {
      return fail(failure("algorithm_not_allowed", "HS* tokens need CLIENT_SECRET"));
    }
    const early = checkTimes(claims, leewaySecs, arrivedAt) ?? checkIssuerName(claims) ??
      checkTokenType(typ, claims, options.types) ?? needs.refuse(claims);
    if (early !== undefined) return fail(early);
    const deadline = clock.monotonic() + MAX_KEY_WAIT_MS;
    const asked = { token, arrivedAt, deadline, client };
    const signedBy = row.keysFrom === "key set"
      ? await checkWithKeySet(options, { ...asked, alg: row, kid })
      : await checkWithSecrets(options, asked, row);
    if (!signedBy.ok) return signedBy;
    const { ring, secret } = signedBy.value;
    if (trustDomain === undefined && claims.iss !== ring.issuer) {
      return fail(failure("wrong_issuer"));
    }
    // Time has gone by during a key fetch.
    const late = checkTimes(claims, leewaySecs, clock.now());
    if (late !== undefined) return fail(late);
    return ok(verified(claims, ring, secret?.acceptUntilMs));
  }

  /** What is known of a token now, and for how long that holds. */
  function verified(
    claims: Claims,
    { generation }: KeyRing,
    secretUntilMs: number | undefined,
  ): Verified {
    if (acceptUntilMs === undefined && secretUntilMs === undefined) {
      return { identity: identityOf(claims), generation };
    }
    const identity = identityOf(claims, acceptUntilMs === undefined ? "secret" : "provider");
    const untilMs = Math.min(acceptUntilMs ?? Infinity, secretUntilMs ?? Infinity);
    // What lasts longer than a request, a WebSocket, ends with the window as well.
    const validUntil = Math.min(identity.validUntil, untilMs / 1000);
    return { identity: { ...identity, validUntil }, generation, cacheUntilMs: untilMs };
  }

  /** Checks the issuer as far as it is known before discovery: a trailing slash may still differ. */
  function checkIssuerName({ iss, sub }: Claims): Failure | undefined {
    if (trustDomain !== undefined) {
      return trustDomainOf(sub) === trustDomain
        ? undefined
        : failure("wrong_issuer", "sub is no SPIFFE ID of the trust domain");
    }
    return typeof iss === "string" && sameIssuer(iss, issuer) ? undefined : failure("wrong_issuer");
  }

  return { name, issuer, trustDomain, generation: () => keys.generation(), authenticate };
}

/** Whether a window for tokens of the past is over. */
function hasEnded(untilMs: number | undefined, nowMs: number): boolean {
  return untilMs !== undefined && nowMs >= untilMs;
}

/** What signature checks are made with, and the queue they wait in. */
type SignatureChecks = Pick<JwtProviderOptions, "keys" | "secrets" | "queue" | "clock">;

/** The key set that a signature was checked with, and the secret, where one made it. */
interface SignedBy {
  readonly ring: KeyRing;
  readonly secret?: SigningSecret;
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
  if (refused === undefined) return ok({ ring: found.value.ring });
  if (refused.reason !== "bad_signature") return fail(refused);
  const newer = await checks.keys.findNewer(asked, { found: found.value, refused });
  if (!newer.ok) return newer;
  const refusedNow = await checkKeys(checks, asked, newer.value);
  return refusedNow === undefined ? ok({ ring: newer.value.ring }) : fail(refusedNow);
}

/** Checks a token with each secret in turn; one that has ended only says why it is refused. */
async function checkWithSecrets(
  { keys, secrets, queue, clock }: SignatureChecks,
  asked: Asked,
  alg: SecretAlgorithm,
): Promise<Result<SignedBy, Failure>> {
  const ring = await keys.ring(asked);
  if (!ring.ok) return ring;
  const { token, client } = asked;
  for (const secret of secrets) {
    const check = () => alg.verify(token, secret.bytes);
    const refused = refusal(await queue.run({ token, keys: secret, client, check }));
    if (refused?.reason === "bad_signature") continue;
    if (refused !== undefined) return fail(refused);
    return hasEnded(secret.acceptUntilMs, clock.now())
      ? fail(failure("no_longer_accepted", "the secret"))
      : ok({ ring: ring.value, secret });
  }
  return fail(failure("bad_signature"));
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
