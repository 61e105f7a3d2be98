import { fail, ok, type Result } from "../result.ts";
import type { ProviderTrouble } from "./trouble.ts";

/** What the discovery document says that matters here. */
export interface Discovered {
  /** The provider's own name, exactly as the document spells it: what `iss` has to equal. */
  readonly issuer: string;
  readonly jwksUri: string;
}

/** Where the discovery document of a provider is (OpenID Connect Discovery 1.0, section 4). */
export function discoveryUrl(providerUrl: string): string {
  return `${withoutSlash(providerUrl)}/.well-known/openid-configuration`;
}

/** Whether two issuers are the same but for one trailing slash. */
export function sameIssuer(a: string, b: string): boolean {
  return withoutSlash(a) === withoutSlash(b);
}

/**
 * Reads a discovery document (OpenID Connect Discovery 1.0, sections 3 and 4.3).
 *
 * Its issuer has to be the expected one; only a trailing slash may differ. Its `jwks_uri` may lie on
 * another host, as it does at large providers, but not on plain HTTP when discovery came over HTTPS.
 *
 * @param url where the document came from, for messages.
 * @param expectedIssuer `ISSUER`, or `PROVIDER_URL` without it.
 */
export function readDiscovery(
  document: Readonly<Record<string, unknown>>,
  url: string,
  expectedIssuer: string,
): Result<Discovered, ProviderTrouble> {
  const { issuer, jwks_uri: jwksUri } = document;
  if (typeof issuer !== "string" || issuer === "") {
    return fail({ kind: "bad_document", url, text: "has no issuer" });
  }
  if (!sameIssuer(issuer, expectedIssuer)) {
    return fail({
      kind: "wrong_issuer",
      url,
      text: `names the issuer ${printable(issuer)}, expected was ${expectedIssuer}`,
      todo: `if that is your provider's public name, set ISSUER=${
        printable(issuer)
      }, else correct PROVIDER_URL`,
    });
  }
  if (typeof jwksUri !== "string" || !URL.canParse(jwksUri)) {
    return fail({ kind: "bad_document", url, text: "has no usable jwks_uri" });
  }
  const { protocol } = new URL(jwksUri);
  if (protocol !== "https:" && protocol !== "http:") {
    return fail({ kind: "bad_document", url, text: "has a jwks_uri that is not http(s)" });
  }
  if (protocol === "http:" && url.startsWith("https:")) {
    return fail({
      kind: "bad_document",
      url,
      text: "was read over https but has a jwks_uri on plain http",
      todo: "have the provider publish an https jwks_uri",
    });
  }
  return ok({ issuer, jwksUri });
}

function withoutSlash(url: string): string {
  return url.endsWith("/") ? url.slice(0, -1) : url;
}

/** A text of the provider cut to what fits a log line. */
function printable(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
