import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import { discoveryUrl, readDiscovery } from "./discovery.ts";
import { type Fetcher, fetchJson } from "./fetch_json.ts";
import { type KeySet, readKeySet } from "./key_set.ts";
import type { ProviderTrouble } from "./trouble.ts";

/** Where a provider's keys are, and what is expected of them. */
export interface ProviderAddress {
  /** Root URL of the provider. */
  readonly providerUrl: string;
  /** The issuer that its discovery document has to name (but for a trailing slash). */
  readonly expectedIssuer: string;
  /** Whether a key set without a usable key is fine, because tokens may be signed with a secret. */
  readonly keysOptional: boolean;
}

/** A key set with the issuer that its tokens have to name. */
export type ProviderKeySet = KeySet & { readonly issuer: string };

/**
 * Asks a provider once for its keys: discovery document, then key set.
 *
 * @param signal ends the attempt.
 */
export async function askProvider(
  { providerUrl, expectedIssuer, keysOptional }: ProviderAddress,
  { fetcher, clock }: { readonly fetcher: Fetcher; readonly clock: Clock },
  signal: AbortSignal,
): Promise<Result<ProviderKeySet, ProviderTrouble>> {
  const url = discoveryUrl(providerUrl);
  const document = await fetchJson(url, fetcher, clock, signal);
  if (!document.ok) return document;
  const discovered = readDiscovery(document.value, url, expectedIssuer);
  if (!discovered.ok) return discovered;
  const { issuer, jwksUri } = discovered.value;
  const jwks = await fetchJson(jwksUri, fetcher, clock, signal);
  if (!jwks.ok) return jwks;
  const keySet = readKeySet(jwks.value);
  if (!keySet.ok) return fail({ kind: "bad_document", url: jwksUri, text: keySet.failure });
  if (keySet.value.keys.length === 0 && !keysOptional) {
    const why = keySet.value.skipped.slice(0, 5).join("; ") || "it is empty";
    return fail({ kind: "no_keys", url: jwksUri, text: `holds no usable key (${why})` });
  }
  return ok({ ...keySet.value, issuer });
}
