import { MAX_NAMED_KEYS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import { discoveryUrl, readIntrospectionEndpoint, readIssuer, readJwksUri } from "./discovery.ts";
import { type Fetcher, fetchJson } from "./fetch_json.ts";
import type { KeyUse } from "../jws/public_key.ts";
import { type KeySet, readKeySet } from "./key_set.ts";
import { type KeyFetchError, keyFetchError } from "./key_fetch_error.ts";

/** Where a provider's keys are, and what is expected of them. */
export interface ProviderAddress {
  /** Root URL of the provider. */
  readonly providerUrl: string;
  /** `ISSUER`: the issuer that tokens must name, where it is set. */
  readonly issuer?: string | undefined;
  /** The issuer that its discovery document must name (but for a trailing slash). */
  readonly expectedIssuer: string;
  /** `JWKS_URI`: overrides the address from discovery; with `issuer` set too, discovery is skipped. */
  readonly jwksUri?: string | undefined;
  /** `use` of its keys: signatures of JWTs, or of JWT-SVIDs, where it has to be said. */
  readonly keyUse?: KeyUse | undefined;
  /** Whether a key set without a usable key is accepted, because tokens may be signed with a secret. */
  readonly keysOptional: boolean;
}

/** A key set with the issuer that its tokens must name. */
export interface ProviderKeySet extends KeySet {
  readonly issuer: string;
  /** Where opaque tokens can be asked about, by discovery. */
  readonly introspectionEndpoint: string | undefined;
  /** How far the provider's clock is ahead of ours at least, in seconds, where it is known. */
  readonly skewSecs: number | undefined;
}

/** The outcome of discovery. */
interface Located {
  readonly issuer: string;
  readonly jwksUri: string;
  readonly introspectionEndpoint: string | undefined;
  readonly skewSecs: number | undefined;
}

type Get = (url: string) => ReturnType<typeof fetchJson>;

/**
 * Fetches a provider's keys once: discovery document, then key set.
 *
 * @param signal aborts the attempt.
 */
export async function fetchKeys(
  address: ProviderAddress,
  { fetcher, clock }: { readonly fetcher: Fetcher; readonly clock: Clock },
  signal: AbortSignal,
): Promise<Result<ProviderKeySet, KeyFetchError>> {
  const get: Get = (url) => fetchJson(url, fetcher, clock, signal);
  const located = await locate(address, get);
  if (!located.ok) return located;
  const { issuer, jwksUri, introspectionEndpoint } = located.value;
  const jwks = await get(jwksUri);
  if (!jwks.ok) return jwks;
  const keySet = readKeySet(jwks.value.document, address.keyUse);
  if (!keySet.ok) {
    const hint = "see whether that is the address of a key set (JWK set)";
    return fail(keyFetchError("bad_document", jwksUri, keySet.failure, hint));
  }
  if (keySet.value.keys.length === 0 && !address.keysOptional) {
    const why = keySet.value.skipped.slice(0, MAX_NAMED_KEYS).join("; ") || "it is empty";
    return fail(keyFetchError("no_keys", jwksUri, `holds no usable key (${why})`));
  }
  // Tokens are dated by the issuer's clock; its keys may be served from elsewhere.
  const skewSecs = located.value.skewSecs ?? jwks.value.skewSecs;
  return ok({ ...keySet.value, issuer, introspectionEndpoint, skewSecs });
}

async function locate(
  { providerUrl, issuer: known, expectedIssuer, jwksUri: set }: ProviderAddress,
  get: Get,
): Promise<Result<Located, KeyFetchError>> {
  if (known !== undefined && set !== undefined) {
    return ok({
      issuer: known,
      jwksUri: set,
      introspectionEndpoint: undefined,
      skewSecs: undefined,
    });
  }
  const url = discoveryUrl(providerUrl);
  const discovered = await get(url);
  if (!discovered.ok) return discovered;
  const { document, skewSecs } = discovered.value;
  const issuer = readIssuer(document, url, expectedIssuer);
  if (!issuer.ok) return issuer;
  const jwksUri = set === undefined ? readJwksUri(document, url) : ok(set);
  if (!jwksUri.ok) return jwksUri;
  return ok({
    issuer: issuer.value,
    jwksUri: jwksUri.value,
    introspectionEndpoint: readIntrospectionEndpoint(document, url),
    skewSecs,
  });
}
