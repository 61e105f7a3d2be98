/**
 * Rules between settings, which no single row can check.
 */
import { isLoopback } from "./address_kinds.ts";
import type { Problem } from "./problems.ts";
import type { Config, SettingName } from "./schema.ts";

/** Least length of CLIENT_SECRET in bytes: RFC 7518 section 3.2 wants the size of the hash. */
const LEAST_SECRET_BYTES = 32;

/** Settings that need each other. `given` says whether one was given at all, right or wrong. */
export function missingPartners(given: (name: SettingName) => boolean): Problem[] {
  const problems: Problem[] = [];
  if (!given("LISTEN_URL") && !given("LISTEN_SSL_URL")) {
    problems.push({
      setting: "LISTEN_URL",
      source: "not set",
      expected: "LISTEN_URL (plain HTTP), LISTEN_SSL_URL (TLS) or both, such as :8080",
    });
  }
  if (given("LISTEN_SSL_URL") && !given("CERT_FILE")) {
    problems.push({
      setting: "CERT_FILE",
      source: "not set",
      expected: "the path of a PFX (PKCS#12) file, because LISTEN_SSL_URL is set",
    });
  }
  return problems;
}

/** What a public key looks like as PEM and as JWK. */
const PUBLIC_KEY = /-----BEGIN [A-Z ]*PUBLIC KEY-----|"kty"\s*:/;

/** What works but is probably not meant, or is risky: sentences without any secret value. */
export function warningsOf(config: Config): string[] {
  const warnings: string[] = [];
  if (config.listen.certFile !== undefined && config.listen.listenSslUrl === undefined) {
    warnings.push("CERT_FILE is set without LISTEN_SSL_URL: no TLS is served");
  }
  if (
    config.upstream.upstreamUrl.socketPath !== undefined &&
    config.upstream.upstreamTransport === "fetch"
  ) {
    warnings.push("UPSTREAM_TRANSPORT=fetch cannot reach a Unix socket: http1 is used");
  }
  const { issuer, jwksUri, providerUrl } = config.provider;
  // Where keys or their address are fetched from: with both set there is no discovery.
  const asked = {
    PROVIDER_URL: issuer === undefined || jwksUri === undefined ? providerUrl.text : undefined,
    JWKS_URI: jwksUri,
  };
  for (const [name, url] of Object.entries(asked)) {
    if (url === undefined || !isPlainHttp(url)) continue;
    warnings.push(
      `${name} is plain http: an attacker on the network can replace the provider's keys`,
    );
  }
  const secret = config.provider.clientSecret;
  if (secret !== undefined && new TextEncoder().encode(secret).length < LEAST_SECRET_BYTES) {
    warnings.push(
      `CLIENT_SECRET is shorter than ${LEAST_SECRET_BYTES} bytes: it can be guessed from a token`,
    );
  }
  if (secret !== undefined && PUBLIC_KEY.test(secret)) {
    warnings.push("CLIENT_SECRET looks like a public key: anybody who knows it can make tokens");
  }
  if (config.token.audience === undefined) {
    warnings.push("AUDIENCE is not set: any token of this provider is accepted");
  }
  return warnings;
}

/** Whether a URL leads over a network without TLS. */
function isPlainHttp(text: string): boolean {
  const { protocol, hostname } = new URL(text);
  return protocol === "http:" && !isLoopback(hostname);
}
