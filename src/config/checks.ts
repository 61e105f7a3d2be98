/**
 * Rules between settings, which no single row can check.
 */
import type { Problem } from "./problems.ts";
import type { Config, SettingName } from "./schema.ts";

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
  return warnings;
}
