/**
 * Questions about opaque tokens to the provider (RFC 7662).
 */
import { type ClientKey, signJwt } from "../jws/client_key.ts";
import { CLIENT_ASSERTION_SECS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import { type Fetcher, fetchJson, type FormRequest } from "./fetch_json.ts";
import { type KeyFetchError, keyFetchError } from "./key_fetch_error.ts";

/** How the proxy authenticates at the endpoint (RFC 7591, section 2: `token_endpoint_auth_method`). */
export type ClientAuth =
  | { readonly method: "client_secret_basic" | "client_secret_post"; readonly secret: string }
  | { readonly method: "private_key_jwt"; readonly key: ClientKey };

/** Where to ask, and as whom. */
export interface IntrospectionClient {
  readonly clientId: string;
  readonly auth: ClientAuth;
  readonly fetcher: Fetcher;
  readonly clock: Clock;
}

/** The endpoint, and the provider it belongs to. */
export interface IntrospectionEndpoint {
  readonly url: string;
  readonly issuer: string;
}

/** What the provider said of a token; the claims of an active one. */
export type Introspected =
  | { readonly active: false }
  | { readonly active: true; readonly claims: Readonly<Record<string, unknown>> };

/**
 * Asks about one token (RFC 7662, sections 2.1 and 2.2): a POST, no redirects, limits on time and size.
 * `active` has to be a boolean; everything else in the response is the caller's to check.
 *
 * Fails with the error of the request. The token is in none of its texts.
 */
export async function introspect(
  token: string,
  { url, issuer }: IntrospectionEndpoint,
  client: IntrospectionClient,
): Promise<Result<Introspected, KeyFetchError>> {
  const request = await authenticated(token, issuer, client);
  const response = await fetchJson(url, client.fetcher, client.clock, undefined, request);
  if (!response.ok) return fail(ofIntrospection(response.failure));
  const { active, ...claims } = response.value.document;
  if (active === false) return ok({ active });
  if (active === true) return ok({ active, claims });
  return fail(keyFetchError(
    "bad_document",
    url,
    "responded without a boolean active",
    "see whether INTROSPECTION names the introspection endpoint",
  ));
}

async function authenticated(
  token: string,
  issuer: string,
  { clientId, auth, clock }: IntrospectionClient,
): Promise<FormRequest> {
  const form = new URLSearchParams({ token, token_type_hint: "access_token" });
  switch (auth.method) {
    case "client_secret_basic":
      return { form, authorization: basic(clientId, auth.secret) };
    case "client_secret_post":
      form.set("client_id", clientId);
      form.set("client_secret", auth.secret);
      return { form };
    case "private_key_jwt":
      form.set("client_id", clientId);
      form.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
      form.set("client_assertion", await assertion(clientId, issuer, auth.key, clock));
      return { form };
  }
}

/** HTTP Basic credentials, form-encoded first (RFC 6749, section 2.3.1). */
function basic(clientId: string, secret: string): string {
  const encoded = [clientId, secret].map((text) =>
    new URLSearchParams([["", text]]).toString().slice(1)
  );
  return `Basic ${new TextEncoder().encode(encoded.join(":")).toBase64()}`;
}

/** A proof of being that client, for this provider alone (RFC 7523, section 3). */
function assertion(clientId: string, issuer: string, key: ClientKey, clock: Clock) {
  const now = Math.floor(clock.now() / 1000);
  return signJwt({
    iss: clientId,
    sub: clientId,
    aud: issuer,
    jti: crypto.randomUUID(),
    iat: now,
    exp: now + CLIENT_ASSERTION_SECS,
  }, key);
}

/** The error with hints that fit the endpoint. */
function ofIntrospection(error: KeyFetchError): KeyFetchError {
  if (error.kind !== "status") return error;
  const hint = /status 40[13]$/.test(error.text)
    ? "see whether INTROSPECTION_CLIENT_ID and its secret or key are those of a client that may introspect"
    : "see the provider's own log";
  return { ...error, hint };
}
