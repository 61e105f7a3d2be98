/** One row a proxy: with which arguments, variables and settings file it starts. Pure. */
import type { ProxyName, Variant } from "./cases.ts";
import {
  apacheConfig,
  AUDIENCE,
  haproxyConfig,
  oauth2ProxyConfig,
  type PeerOptions,
} from "./configs.ts";

/** What a proxy is started with. */
export interface Place extends PeerOptions {
  /** Where its settings are written, if it has a file of them. */
  readonly settingsFile: string;
  /** The certificate and its key for this proxy. */
  readonly pfxFile: string;
  readonly pfxPassword: string;
  /** The origin of the WebSocket upstream. */
  readonly echo: string;
}

/** How a proxy starts, behind the words that call its program. */
export interface Launch {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The text of its settings file. */
  readonly settings?: string;
}

/** How each proxy starts, with one process on one core; the names are those of the cases. */
export const LAUNCHES: Readonly<Record<ProxyName, (place: Place) => Launch>> = {
  haproxy: (place) => ({
    args: ["-db", "-f", place.settingsFile],
    settings: haproxyConfig(place),
  }),
  "oauth2-proxy": (place) => ({
    args: ["--config", place.settingsFile],
    env: { GOMAXPROCS: "1" },
    settings: oauth2ProxyConfig(place),
  }),
  apache: (place) => ({
    args: ["-D", "FOREGROUND", "-f", place.settingsFile],
    settings: apacheConfig(place),
  }),
  fastify: ({ port, tlsPort, certificateFile, issuer, publicKeyFile, variant }) => ({
    args: [
      String(port),
      String(tlsPort),
      certificateFile,
      issuer,
      publicKeyFile,
      AUDIENCE,
      variant,
    ],
  }),
  naive: ({ port, issuer }) => ({ args: [String(port), issuer, issuer] }),
  proxy: (place) => ({
    args: [],
    env: { ...proxyEnv(place), ...VARIANT_ENV[place.variant](place) },
  }),
};

/** The settings of this proxy in every variant. */
function proxyEnv({ port, tlsPort, pfxFile, pfxPassword, issuer }: Place): Record<string, string> {
  return {
    LISTEN_URL: `127.0.0.1:${port}`,
    LISTEN_SSL_URL: `127.0.0.1:${tlsPort}`,
    CERT_FILE: pfxFile,
    CERT_PASSWORD: pfxPassword,
    PROVIDER_URL: issuer,
    UPSTREAM_URL: issuer,
    AUDIENCE: JSON.stringify(AUDIENCE),
    NUM_WORKERS: "1",
    ADMIN_URL: "off",
    RUST_LOG: "error",
    SHUTDOWN_TIMEOUT_SECS: "1",
  };
}

/** What a variant changes in them. */
const VARIANT_ENV: Readonly<Record<Variant, (place: Place) => Record<string, string>>> = {
  "standard": () => ({}),
  "no-cache": () => ({ TOKEN_CACHE_SIZE: "0" }),
  "tls": () => ({}),
  "access-log": () => ({ LOG_FORMAT: "json", RUST_LOG: "info" }),
  "websocket": ({ echo }) => ({ UPSTREAM_URL: echo }),
};
