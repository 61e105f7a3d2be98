/**
 * The document in `KEY_CACHE_FILE`: the last good key set, so that good tokens are accepted after a
 * restart while the provider is down. It holds public keys only.
 */
import { toJwk } from "../jws/public_key.ts";
import { fail, ok, type Result } from "../result.ts";
import { jsonObject } from "../text.ts";
import type { ProviderAddress } from "./fetch_keys.ts";
import { sameIssuer } from "./discovery.ts";
import { readKeySet } from "./key_set.ts";
import type { RestoredKeys } from "./provider_keys.ts";

/** The provider that a document must belong to. */
export type KeysOwner = Omit<ProviderAddress, "issuer">;

/** Version of the document's format. */
const FORMAT = "ooproxy key cache 1";

const MEMBERS = ["fetched_at", "format", "issuer", "jwks_uri", "keys", "provider_url"];

/** A member that is there where the provider has such an endpoint. */
const ENDPOINT = "introspection_endpoint";

/** Writes the document. */
export function writeKeyCache(
  { providerUrl, jwksUri }: KeysOwner,
  { issuer, keys, introspectionEndpoint, fetchedAt }: RestoredKeys,
): string {
  const document = {
    format: FORMAT,
    provider_url: providerUrl,
    jwks_uri: jwksUri ?? null,
    issuer,
    ...(introspectionEndpoint === undefined ? {} : { [ENDPOINT]: introspectionEndpoint }),
    fetched_at: new Date(fetchedAt).toISOString(),
    keys: keys.map(toJwk),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/**
 * Reads the document as untrusted input: exactly the members that `writeKeyCache` writes, for this
 * provider, with keys that a fetch would accept.
 *
 * Does not check who may write the file.
 *
 * @param nowMs the current time, milliseconds since the epoch; a later fetch time is refused.
 * @param maxAgeMs age from which on keys are refused, in milliseconds.
 * @returns the keys, or why they are not used.
 */
export function readKeyCache(
  text: string,
  owner: KeysOwner,
  nowMs: number,
  maxAgeMs: number,
): Result<RestoredKeys, string> {
  const document = jsonObject(text);
  const members = Object.keys(document ?? {}).filter((name) => name !== ENDPOINT);
  if (document === undefined || members.toSorted().join() !== MEMBERS.join()) {
    return fail("it is damaged, or no key cache");
  }
  const { format, provider_url, jwks_uri, issuer, fetched_at, [ENDPOINT]: endpoint } = document;
  if (format !== FORMAT) return fail("it was written by another version");
  if (provider_url !== owner.providerUrl || jwks_uri !== (owner.jwksUri ?? null)) {
    return fail("it is of another PROVIDER_URL or JWKS_URI");
  }
  if (typeof issuer !== "string" || !sameIssuer(issuer, owner.expectedIssuer)) {
    return fail("it is of another issuer");
  }
  if (endpoint !== undefined && typeof endpoint !== "string") return fail("it is damaged");
  const fetchedAt = typeof fetched_at === "string" ? Date.parse(fetched_at) : NaN;
  if (Number.isNaN(fetchedAt)) return fail("it is damaged: it has no valid fetched_at");
  if (fetchedAt > nowMs) return fail("its keys come from the future: is the clock right?");
  if (nowMs - fetchedAt >= maxAgeMs) return fail("its keys are older than KEY_STALE_SECS");
  // Written from keys of the right use, which they no longer say.
  const keySet = readKeySet(document);
  if (!keySet.ok) return fail("it is damaged: it has no list of keys");
  const { keys, skipped } = keySet.value;
  if (skipped.length > 0) return fail("it is damaged: it holds keys that are not usable");
  if (keys.length === 0 && !owner.keysOptional) return fail("it holds no key");
  return ok({
    issuer,
    keys,
    ...(endpoint === undefined ? {} : { introspectionEndpoint: endpoint }),
    fetchedAt,
  });
}
