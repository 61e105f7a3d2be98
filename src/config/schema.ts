/**
 * The one table of settings. Environment names, TOML keys, flags, `--help`, the README table,
 * `settings.toml.example` and the type `Config` all come from it.
 *
 * A new setting is one more row; `deno run -A tests/support/write_generated.ts` then writes the
 * documents anew.
 */
import type { LogLevel } from "../ops/log.ts";
import { type CamelCase, fileForm } from "./names.ts";
import { audience, type Kind, orWord, seconds, text, wholeNumber, word } from "./parse.ts";
import { listenAddress, providerUrl, upstreamUrl } from "./parse_address.ts";

/** The headings under which settings are documented, in order. */
export const GROUPS = {
  listen: "Where clients connect",
  provider: "The OpenID provider and its keys",
  token: "What a token must say",
  upstream: "What is protected",
  process: "Processes and logging",
} as const;

/** One of the headings. */
export type Group = keyof typeof GROUPS;

/** Everything about one setting: `parse` and `accepts` come with its kind. */
export interface Row<T> extends Kind<T> {
  readonly group: Group;
  /** What it is for, whole sentences, plain text. */
  readonly doc: string;
  /** A value that works, as it is written in the environment. */
  readonly example: string;
  /** The text that stands in when nothing is given. */
  readonly default?: string;
  /** What happens when nothing is given and there is no default, such as `not checked`. */
  readonly unset?: string;
  /** Nothing starts without it. */
  readonly required?: true;
  /** Never shown and never on the command line; also read from the file named by `…_FILE`. */
  readonly secret?: true;
  /** Part of the smallest working set-up without being required by itself. */
  readonly minimal?: true;
}

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
  UPSTREAM_URL: {
    ...upstreamUrl(),
    group: "upstream",
    doc: "The server that is protected. A path is put in front of every request path. " +
      "A trailing slash does not matter.",
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
  NUM_WORKERS: {
    ...orWord(wholeNumber({ min: 1, max: MOST_WORKERS }), "auto"),
    group: "process",
    doc: "Worker processes; auto starts one a core.",
    example: "2",
    default: "2",
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
