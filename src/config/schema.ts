/**
 * The one table of settings. Environment names, TOML keys, flags, `--help`, the README table,
 * `settings.toml.example` and the type `Config` all come from it.
 *
 * A new setting is one more row; `deno run -A tests/support/write_generated.ts` then writes the
 * documents anew.
 */
import type { LogLevel } from "../ops/log.ts";
import { type CamelCase, fileForm } from "./names.ts";
import { audience, boolean, type Kind, orWord, seconds, text, wholeNumber, word } from "./parse.ts";
import type { Row } from "./row.ts";
import { listenAddress, providerUrl, upstreamUrl } from "./parse_address.ts";

/** Most tokens to remember: about 1.5 GB in each worker. */
const MOST_TOKENS = 1_000_000;

/** Most signature checks at once: more would only make each of them later. */
const MOST_PENDING = 100_000;

/** Most connections of a worker: as many local ports as one address gives. */
const MOST_CONNECTIONS = 28_000;

/** Most worker processes: more than any machine this is for has cores. */
const MOST_WORKERS = 256;

const logLevel = word({
  error: "error",
  warning: "warning",
  warn: "warning",
  info: "info",
  debug: "debug",
  all: "trace",
  trace: "trace",
  off: "off",
}, "one word for the whole program; lists such as target=level are not read") satisfies Kind<
  LogLevel
>;

/** Every setting, by its environment name. */
export const SETTINGS = {
  LISTEN_URL: {
    ...listenAddress("http"),
    group: "listen",
    doc: "Where plain HTTP is served. At least one of LISTEN_URL and LISTEN_SSL_URL is needed. " +
      ":port means every address, port 0 any free port.",
    example: ":8080",
    unset: "no plain HTTP",
    minimal: true,
  },
  LISTEN_SSL_URL: {
    ...listenAddress("https"),
    group: "listen",
    doc: "Where TLS is served. Needs CERT_FILE.",
    example: ":8443",
    unset: "no TLS",
  },
  CERT_FILE: {
    ...text("the path of a PFX (PKCS#12) file"),
    group: "listen",
    doc: "Certificate and private key for LISTEN_SSL_URL.",
    example: "/etc/ooproxy/proxy.pfx",
    unset: "none",
  },
  CERT_PASSWORD: {
    ...text(),
    group: "listen",
    doc: "Password of CERT_FILE.",
    example: "the password of the file",
    unset: "empty",
    secret: true,
  },
  PROVIDER_URL: {
    ...providerUrl(),
    group: "provider",
    doc: "Root URL of the OpenID provider, the part before /.well-known/openid-configuration. " +
      "A trailing slash does not matter.",
    example: "https://id.example.com/realms/main",
    required: true,
  },
  ISSUER: {
    ...text("the issuer's name"),
    group: "provider",
    doc:
      "The issuer that the provider names in its discovery document and in tokens (iss), where " +
      "that is not PROVIDER_URL because the provider is reached by an internal address. " +
      "Compared letter by letter.",
    example: "https://id.example.com/realms/main",
    unset: "PROVIDER_URL",
  },
  CLIENT_SECRET: {
    ...text(),
    group: "provider",
    doc: "Key for tokens signed with HS256, HS384 or HS512: the text itself, as UTF-8.",
    example: "at-least-32-bytes-that-nobody-can-guess",
    unset: "such tokens are refused",
    secret: true,
  },
  KEY_EXPIRY_SECS: {
    ...seconds(1),
    group: "provider",
    doc: "The provider's keys are fetched again when they are older than this.",
    example: "86400",
    unset: "never",
  },
  KEY_COOLDOWN_SECS: {
    ...seconds(1),
    group: "provider",
    doc: "Least time between two attempts to fetch keys, whatever tokens arrive.",
    example: "10",
    default: "10",
  },
  AUDIENCE: {
    ...audience(),
    group: "token",
    doc: 'What aud must equal: "a" only "a", ["a","b"] exactly these two in any order. ' +
      'In settings.toml also a plain list: audience = ["a", "b"].',
    example: '"myapi"',
    unset: "not checked",
  },
  SUBJECT: {
    ...text(),
    group: "token",
    doc: "What sub must equal.",
    example: "service-account-reports",
    unset: "not checked",
  },
  LEEWAY: {
    ...seconds(0),
    group: "token",
    doc: "Clock difference allowed in exp, nbf and iat.",
    example: "5",
    default: "0",
  },
  TOKEN_CACHE_SIZE: {
    ...wholeNumber({ min: 0, max: MOST_TOKENS }),
    group: "token",
    doc:
      "Most verified tokens that each worker remembers, so that a token that comes again is not " +
      "verified again; 0 remembers none.",
    example: "10000",
    default: "10000",
  },
  TOKEN_CACHE_TTL_SECS: {
    ...seconds(1),
    group: "token",
    doc:
      "Longest time a verified token is remembered. It is never remembered past its exp, nor when " +
      "the provider's keys have changed.",
    example: "300",
    default: "300",
  },
  MAX_PENDING_VERIFICATIONS: {
    ...wholeNumber({ min: 1, max: MOST_PENDING }),
    group: "token",
    doc:
      "Most signature checks that each worker has under way at once; requests beyond get 503 with " +
      "Retry-After.",
    example: "256",
    default: "256",
  },
  UPSTREAM_URL: {
    ...upstreamUrl(),
    group: "upstream",
    doc: "The server that is protected. A path is put in front of every request path. " +
      "A trailing slash does not matter. Or a Unix socket: unix:/run/api.sock.",
    example: "http://127.0.0.1:9000",
    required: true,
  },
  UPSTREAM_TIMEOUT_SECS: {
    ...seconds(1),
    group: "upstream",
    doc: "Total time of one request to the upstream, the answer's body included.",
    example: "3600",
    default: "3600",
  },
  UPSTREAM_TRANSPORT: {
    ...word({ http1: "http1", fetch: "fetch" }),
    group: "upstream",
    doc:
      "How the upstream is spoken to: http1 is HTTP/1.1, byte for byte; fetch uses the runtime's " +
      "client, for upstreams that speak HTTP/2 only.",
    example: "http1",
    default: "http1",
  },
  UPSTREAM_CONNECT_TIMEOUT_SECS: {
    ...seconds(1),
    group: "upstream",
    doc: "Time for opening a connection to the upstream, the TLS handshake included.",
    example: "5",
    default: "5",
  },
  UPSTREAM_IDLE_TIMEOUT_SECS: {
    ...seconds(1),
    group: "upstream",
    doc: "How long an event stream or a WebSocket may be silent; these have no total time.",
    example: "300",
    default: "300",
  },
  UPSTREAM_MAX_CONNECTIONS: {
    ...wholeNumber({ min: 1, max: MOST_CONNECTIONS }),
    group: "upstream",
    doc:
      "Most connections that each worker has to the upstream. Requests beyond wait, up to four " +
      "times as many; after that the answer is 503.",
    example: "256",
    default: "256",
  },
  UPSTREAM_CA_FILE: {
    ...text("the path of a PEM file"),
    group: "upstream",
    doc: "Authorities that are trusted for the upstream's certificate besides those of the system.",
    example: "/etc/ooproxy/internal-ca.pem",
    unset: "the system's authorities alone",
  },
  UPSTREAM_CERT_FILE: {
    ...text("the path of a PFX (PKCS#12) file, or of a PEM file with certificate and key"),
    group: "upstream",
    doc: "Certificate and private key that are shown to the upstream.",
    example: "/etc/ooproxy/client.pfx",
    unset: "none is shown",
  },
  UPSTREAM_CERT_PASSWORD: {
    ...text(),
    group: "upstream",
    doc: "Password of UPSTREAM_CERT_FILE.",
    example: "the password of the file",
    unset: "empty",
    secret: true,
  },
  WEBSOCKET_MAX_TOKEN_AGE: {
    ...word({ exp: "exp", ignore: "ignore" }),
    group: "upstream",
    doc: "Whether a WebSocket is closed when its token expires (exp), or lives on (ignore).",
    example: "exp",
    default: "exp",
  },
  NUM_WORKERS: {
    ...orWord(wholeNumber({ min: 1, max: MOST_WORKERS }), "auto"),
    group: "process",
    doc: "Worker processes that share the listeners; auto starts one a core. With 1 everything " +
      "runs in one process.",
    example: "2",
    default: "2",
  },
  ADMIN_URL: {
    ...orWord(listenAddress("http"), "off"),
    group: "process",
    doc: "Where /livez, /readyz and /metrics are served, apart from the public listeners; " +
      "off closes it.",
    example: "127.0.0.1:9110",
    default: "127.0.0.1:9110",
  },
  SHUTDOWN_DELAY_SECS: {
    ...seconds(0),
    group: "process",
    doc: "After SIGTERM or SIGINT: how long requests are still accepted while /readyz already " +
      "says no, so that a load balancer can notice.",
    example: "5",
    default: "0",
  },
  SHUTDOWN_TIMEOUT_SECS: {
    ...seconds(0),
    group: "process",
    doc: "How long running requests may take to finish before they are aborted.",
    example: "30",
    default: "30",
  },
  WATCH_FILES: {
    ...boolean(),
    group: "process",
    doc:
      "Whether a change of the settings file, the certificate or a secret's file is taken over " +
      "by itself, as SIGHUP does.",
    example: "true",
    default: "false",
  },
  RUST_LOG: {
    ...logLevel,
    group: "process",
    doc: "How much is logged. LOG_LEVEL wins over it.",
    example: "info",
    default: "info",
  },
  LOG_LEVEL: {
    ...logLevel,
    group: "process",
    doc: "How much is logged: the newer name of RUST_LOG.",
    example: "info",
    unset: "RUST_LOG",
  },
  LOG_FORMAT: {
    ...word({ auto: "auto", pretty: "pretty", json: "json" }),
    group: "process",
    doc: "Form of the log: pretty for people, json for machines (one object a line); " +
      "auto is pretty on a terminal and json elsewhere.",
    example: "json",
    default: "auto",
  },
} as const satisfies Readonly<Record<string, Row<unknown>>>;

type Table = typeof SETTINGS;

/** Environment name of a setting. */
export type SettingName = keyof Table;

type Parsed<R> = R extends Kind<infer T> ? T : never;
type Value<R> = R extends { readonly required: true } | { readonly default: string } ? Parsed<R>
  : Parsed<R> | undefined;

/** All settings, ready for use: `LISTEN_URL` is `listenUrl`. Plain data, frozen, fit for JSON. */
export type Config = { readonly [Name in SettingName as CamelCase<Name>]: Value<Table[Name]> };

/** The environment names of all settings, in the table's order. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** A setting's row, without the exact type of its value. */
export function rowOf(name: SettingName): Row<unknown> {
  return SETTINGS[name];
}

/** The names under which a setting is read: its own, and for a secret the `…_FILE` twin. */
export function inputNames(name: SettingName): readonly string[] {
  return rowOf(name).secret === true ? [name, fileForm(name)] : [name];
}

/** Every name under which some setting is read, in the table's order. */
export const INPUT_NAMES: readonly string[] = SETTING_NAMES.flatMap(inputNames);

/** The log level that holds: LOG_LEVEL where set, else RUST_LOG. */
export function effectiveLogLevel(config: Pick<Config, "logLevel" | "rustLog">): LogLevel {
  return config.logLevel ?? config.rustLog;
}
