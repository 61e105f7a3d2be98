import { MAX_QUOTED_ISSUER } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import { quote } from "../text.ts";
import { type KeyFetchError, keyFetchError } from "./key_fetch_error.ts";

/** A discovery document, as JSON. */
type Document = Readonly<Record<string, unknown>>;

/** Where the discovery document of a provider is (OpenID Connect Discovery 1.0, section 4). */
export function discoveryUrl(providerUrl: string): string {
  return `${withoutSlash(providerUrl)}/.well-known/openid-configuration`;
}

/** Whether two issuers are the same but for one trailing slash. */
export function sameIssuer(a: string, b: string): boolean {
  return withoutSlash(a) === withoutSlash(b);
}

/**
 * Reads the issuer of a discovery document, exactly as the document spells it: what `iss` must
 * equal (OpenID Connect Discovery 1.0, sections 3 and 4.3). It must be the expected one; only a
 * trailing slash may differ.
 *
 * @param url where the document came from, for messages.
 * @param expectedIssuer `ISSUER`, or `PROVIDER_URL` without it.
 */
export function readIssuer(
  { issuer }: Document,
  url: string,
  expectedIssuer: string,
): Result<string, KeyFetchError> {
  if (typeof issuer !== "string" || issuer === "") {
    return fail(keyFetchError("bad_document", url, "has no issuer"));
  }
  if (sameIssuer(issuer, expectedIssuer)) return ok(issuer);
  const name = quote(issuer, MAX_QUOTED_ISSUER);
  return fail(keyFetchError(
    "wrong_issuer",
    url,
    `names the issuer ${name}, expected was ${expectedIssuer}`,
    `if that is your provider's public name, set ISSUER=${name}, else correct PROVIDER_URL`,
  ));
}

/**
 * Reads the address of the key set from a discovery document. It may be on another host, as it is with
 * large providers, but not on plain HTTP when discovery came over HTTPS.
 *
 * @param url where the document came from.
 */
export function readJwksUri(
  { jwks_uri: jwksUri }: Document,
  url: string,
): Result<string, KeyFetchError> {
  if (typeof jwksUri !== "string" || !URL.canParse(jwksUri)) {
    return fail(keyFetchError("bad_document", url, "has no usable jwks_uri", NAME_IT));
  }
  const { protocol } = new URL(jwksUri);
  if (protocol !== "https:" && protocol !== "http:") {
    return fail(keyFetchError("bad_document", url, "has a jwks_uri that is not http(s)", NAME_IT));
  }
  if (protocol === "http:" && url.startsWith("https:")) {
    return fail(keyFetchError(
      "bad_document",
      url,
      "was read over https but has a jwks_uri on plain http",
      "have the provider publish an https jwks_uri, or name one in JWKS_URI",
    ));
  }
  return ok(jwksUri);
}

/**
 * Reads the address of the introspection endpoint (RFC 8414, section 2) by the same rules; `undefined`
 * where there is none that may be used, which is no fault of a provider that only publishes keys.
 */
export function readIntrospectionEndpoint(
  { introspection_endpoint: endpoint }: Document,
  url: string,
): string | undefined {
  const read = readJwksUri({ jwks_uri: endpoint }, url);
  return read.ok ? read.value : undefined;
}

const NAME_IT = "see whether PROVIDER_URL names an OpenID provider, or set JWKS_URI";

/** An issuer or a URL without one trailing slash. */
export function withoutSlash(url: string): string {
  return url.endsWith("/") ? url.slice(0, -1) : url;
}
