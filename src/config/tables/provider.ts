import { isoTime, seconds, text, wholeNumber, word } from "../kinds.ts";
import { documentUrl, providerUrl } from "../address_kinds.ts";

import {
  algorithms,
  clientKey,
  introspection,
  tokenPrefix,
  trustDomain,
} from "../provider_kinds.ts";
import type { Row } from "../row.ts";

/** Longest time for which an introspected token may be taken for active without asking again: a day. */
const MOST_INTROSPECTION_SECS = 86_400;

/** The settings for the OpenID provider and its keys. */
export const PROVIDER_SETTINGS = {
  PROVIDER_URL: {
    ...providerUrl(),
    group: "provider",
    doc: "Root URL of the OpenID provider, the part before /.well-known/openid-configuration. " +
      "A trailing slash does not matter.",
    example: "https://id.example.com/realms/main",
    unset: "required (openid)",
    minimal: true,
    common: true,
    summary: "root URL of the OpenID provider",
    perProvider: "url",
  },
  PROVIDER_TYPE: {
    ...word({ openid: "openid", kubernetes: "kubernetes", spiffe: "spiffe" }),
    group: "provider",
    doc: "What kind of issuer it is. kubernetes: the API server, for tokens of service accounts; " +
      "addresses, CA and token of a pod are the defaults. spiffe: a trust domain, for JWT-SVIDs; " +
      "JWKS_URI is its bundle endpoint. Both need AUDIENCE.",
    example: "openid",
    default: "openid",
    perProvider: "type",
  },
  ISSUER: {
    ...text("the issuer's name"),
    group: "provider",
    doc:
      "The issuer that the provider names in its discovery document and in tokens (iss), where " +
      "that is not PROVIDER_URL because the provider is reached by an internal address. " +
      "Compared character by character.",
    example: "https://id.example.com/realms/main",
    unset: "PROVIDER_URL",
    common: true,
    summary: "issuer (iss) of tokens, if not PROVIDER_URL",
    perProvider: true,
  },
  JWKS_URI: {
    ...documentUrl(),
    group: "provider",
    doc: "URL of the provider's key set (JWKS), instead of the one in its discovery document. " +
      "With ISSUER set too, there is no discovery at all.",
    example: "https://id.example.com/realms/main/protocol/openid-connect/certs",
    unset: "the discovery document's jwks_uri",
    supervisorOnly: true,
    perProvider: true,
  },
  PROVIDER_CA_FILE: {
    ...text("the path of a PEM file"),
    group: "provider",
    doc: "Certificate authorities trusted for the provider besides those of the system.",
    example: "/etc/ooproxy/internal-ca.pem",
    unset: "the system's authorities only; in a pod also the cluster's (PROVIDER_TYPE=kubernetes)",
    file: true,
    supervisorOnly: true,
    perProvider: "ca_file",
  },
  PROVIDER_TOKEN_FILE: {
    ...text("the path of a file with a bearer token"),
    group: "provider",
    doc: "Token that is shown to the API server when its keys are fetched, and to no other host. " +
      "The file is read anew for each fetch. For PROVIDER_TYPE=kubernetes alone.",
    example: "/var/run/secrets/kubernetes.io/serviceaccount/token",
    unset: "the token of the pod (PROVIDER_TYPE=kubernetes)",
    file: "read when needed",
    supervisorOnly: true,
    edge: "ignored",
    perProvider: "token_file",
  },
  TRUST_DOMAIN: {
    ...trustDomain(),
    group: "provider",
    doc: "The trust domain whose JWT-SVIDs are accepted: sub has to be a SPIFFE ID in it. For " +
      "PROVIDER_TYPE=spiffe alone, which needs it.",
    example: "example.org",
    unset: "no trust domain",
    perProvider: true,
  },
  PROVIDER_ACCEPT_UNTIL: {
    ...isoTime(),
    group: "provider",
    doc:
      "Until when tokens of the provider are accepted: a migration window. Warned of 14, 7 and 1 " +
      "days before; ooproxy_deprecated_tokens_total counts the requests that still have one.",
    example: "2027-01-31T00:00:00Z",
    unset: "for good",
    perProvider: "accept_until",
  },
  ALGORITHMS: {
    ...algorithms(),
    group: "provider",
    doc: "The signature algorithms that are accepted.",
    example: '["RS256","ES256"]',
    unset: "all with public keys, and HS256, HS384, HS512 with CLIENT_SECRET",
    perProvider: true,
  },
  CLIENT_SECRET: {
    ...text(),
    group: "provider",
    doc: "Key for tokens signed with HS256, HS384 or HS512: the text itself, as UTF-8.",
    example: "at-least-32-random-bytes-as-one-text",
    unset: "such tokens are refused",
    secret: true,
    perProvider: true,
  },
  CLIENT_SECRET_ACCEPT_UNTIL: {
    ...isoTime(),
    group: "provider",
    doc:
      "Until when tokens signed with CLIENT_SECRET are accepted, as PROVIDER_ACCEPT_UNTIL says " +
      "it of the whole provider: for the change to public keys.",
    example: "2027-01-31T00:00:00Z",
    unset: "for good",
    perProvider: true,
  },
  PREVIOUS_CLIENT_SECRET: {
    ...text(),
    group: "provider",
    doc: "The secret before CLIENT_SECRET, accepted as well until " +
      "PREVIOUS_CLIENT_SECRET_ACCEPT_UNTIL, which it needs.",
    example: "the-32-or-more-random-bytes-of-before",
    unset: "no other secret",
    secret: true,
    perProvider: true,
  },
  PREVIOUS_CLIENT_SECRET_ACCEPT_UNTIL: {
    ...isoTime(),
    group: "provider",
    doc: "Until when tokens signed with PREVIOUS_CLIENT_SECRET are accepted, as " +
      "PROVIDER_ACCEPT_UNTIL says it of the whole provider.",
    example: "2027-01-31T00:00:00Z",
    unset: "no other secret",
    perProvider: true,
  },
  KEY_EXPIRY_SECS: {
    ...seconds(1),
    group: "provider",
    doc: "The provider's keys are fetched again when they are older than this.",
    example: "86400",
    unset: "never",
    supervisorOnly: true,
    perProvider: true,
  },
  KEY_STALE_SECS: {
    ...seconds(1),
    group: "provider",
    doc:
      "How long cached keys are used while the provider fails, counted from the last successful " +
      "fetch; after that tokens get 503 until a fetch succeeds. To notice in time, keys are " +
      "fetched again at half of this age even without KEY_EXPIRY_SECS.",
    example: "86400",
    default: "86400",
    supervisorOnly: true,
    perProvider: true,
  },
  KEY_COOLDOWN_SECS: {
    ...seconds(1),
    group: "provider",
    doc:
      "Whatever tokens arrive, they cause three key fetches at once, and one more each time this " +
      "long.",
    example: "10",
    default: "10",
    perProvider: true,
  },
  KEY_CACHE_FILE: {
    ...text("the path of a file in a folder that this program may write to"),
    group: "provider",
    doc: "The last good keys are kept in this file, so that tokens are still accepted after a " +
      "restart while the provider is down, until KEY_STALE_SECS. It holds public keys only. Needs " +
      "--allow-write for its folder.",
    example: "/var/lib/ooproxy/keys.json",
    unset: "keys are kept in memory only",
    edge: "ignored",
    supervisorOnly: true,
    perProvider: true,
  },
  INTROSPECTION: {
    ...introspection(),
    group: "provider",
    doc:
      "Whether tokens that are no JWT are shown to the provider (RFC 7662): on takes the endpoint " +
      "from the discovery document, a URL names it. A JWT is never introspected.",
    example: "https://id.example.com/realms/main/protocol/openid-connect/token/introspect",
    default: "off",
    perProvider: true,
  },
  INTROSPECTION_AUTH: {
    ...word({
      client_secret_basic: "client_secret_basic",
      client_secret_post: "client_secret_post",
      private_key_jwt: "private_key_jwt",
    }),
    group: "provider",
    doc: "How the proxy authenticates at the introspection endpoint.",
    example: "client_secret_basic",
    default: "client_secret_basic",
    perProvider: true,
  },
  INTROSPECTION_CLIENT_ID: {
    ...text(),
    group: "provider",
    doc: "The proxy's own client id at the introspection endpoint; INTROSPECTION needs it.",
    example: "ooproxy",
    unset: "no client id",
    perProvider: true,
  },
  INTROSPECTION_CLIENT_SECRET: {
    ...text(),
    group: "provider",
    doc: "The secret of INTROSPECTION_CLIENT_ID, for client_secret_basic and client_secret_post.",
    example: "the proxy's own client secret",
    unset: "no secret",
    secret: true,
    perProvider: true,
  },
  INTROSPECTION_KEY: {
    ...clientKey(),
    group: "provider",
    doc: "The private key of INTROSPECTION_CLIENT_ID, for private_key_jwt: PEM (PKCS#8) or a JWK.",
    example: `{"kty":"OKP","crv":"Ed25519","x":"…","d":"…"}`,
    unset: "no key",
    secret: true,
    perProvider: true,
  },
  INTROSPECTION_CACHE_SECS: {
    ...wholeNumber({ min: 0, max: MOST_INTROSPECTION_SECS }),
    group: "provider",
    doc:
      "How long an active token is taken for active without asking again, and never past its exp: " +
      "so long a revoked one may still be accepted. 0 asks each time.",
    example: "30",
    default: "30",
    perProvider: true,
  },
  TOKEN_PREFIX: {
    ...tokenPrefix(),
    group: "provider",
    doc: "How the opaque tokens of this provider begin; others are not shown to it. Needed where " +
      "several providers introspect.",
    example: "acme_",
    unset: "every opaque token",
    perProvider: true,
  },
} as const satisfies Readonly<Record<string, Row<unknown>>>;

/** The settings for which providers there are. */
export const PROVIDERS_SETTINGS = {
  PROVIDERS: {
    ...text("JSON: a list of providers, each with the keys of [[provider]]"),
    group: "provider",
    doc:
      "Several providers, as JSON: what [[provider]] is in settings.toml, where they are better " +
      "readable. A token's iss decides which of them it belongs to.",
    example: '[{"name":"main","url":"https://id.example.com"}]',
    unset: "one provider, by the settings below",
    secret: true,
    holdsTable: true,
  },
} as const satisfies Readonly<Record<string, Row<unknown>>>;
