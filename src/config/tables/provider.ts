import { seconds, text } from "../kinds.ts";
import { documentUrl, providerUrl } from "../address_kinds.ts";
import type { Row } from "../row.ts";

/** The settings for the OpenID provider and its keys. */
export const PROVIDER_SETTINGS = {
  PROVIDER_URL: {
    ...providerUrl(),
    group: "provider",
    doc: "Root URL of the OpenID provider, the part before /.well-known/openid-configuration. " +
      "A trailing slash does not matter.",
    example: "https://id.example.com/realms/main",
    required: true,
    common: true,
    summary: "root URL of the OpenID provider",
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
  },
  JWKS_URI: {
    ...documentUrl(),
    group: "provider",
    doc: "URL of the provider's key set (JWKS), instead of the one in its discovery document. " +
      "With ISSUER set too, there is no discovery at all.",
    example: "https://id.example.com/realms/main/protocol/openid-connect/certs",
    unset: "the discovery document's jwks_uri",
    supervisorOnly: true,
  },
  PROVIDER_CA_FILE: {
    ...text("the path of a PEM file"),
    group: "provider",
    doc: "Certificate authorities trusted for the provider besides those of the system.",
    example: "/etc/ooproxy/internal-ca.pem",
    unset: "the system's authorities only",
    file: true,
    supervisorOnly: true,
  },
  CLIENT_SECRET: {
    ...text(),
    group: "provider",
    doc: "Key for tokens signed with HS256, HS384 or HS512: the text itself, as UTF-8.",
    example: "at-least-32-random-bytes-as-one-text",
    unset: "such tokens are refused",
    secret: true,
  },
  KEY_EXPIRY_SECS: {
    ...seconds(1),
    group: "provider",
    doc: "The provider's keys are fetched again when they are older than this.",
    example: "86400",
    unset: "never",
    supervisorOnly: true,
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
  },
  KEY_COOLDOWN_SECS: {
    ...seconds(1),
    group: "provider",
    doc:
      "Whatever tokens arrive, they cause three key fetches at once, and one more each time this " +
      "long.",
    example: "10",
    default: "10",
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
  },
} as const satisfies Readonly<Record<string, Row<unknown>>>;
