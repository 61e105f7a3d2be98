import type { LogLevel } from "../../ops/log_record.ts";
import { boolean, type Kind, orWord, seconds, wholeNumber, word } from "../kinds.ts";
import { hostNames, listenAddress } from "../address_kinds.ts";
import type { Row } from "../row.ts";

/** Most worker processes: more than any machine this is for has cores. */
const MOST_WORKERS = 256;

/** Most lines of refusals a second: more than a worker can refuse. */
const MOST_REFUSALS_LOGGED = 1_000_000;

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

/** The settings for processes and logging. */
export const PROCESS_SETTINGS = {
  NUM_WORKERS: {
    ...orWord(wholeNumber({ min: 1, max: MOST_WORKERS }), "auto"),
    group: "process",
    doc: "Worker processes that share the listeners; auto starts one a core. With 1 everything " +
      "runs in one process.",
    example: "2",
    default: "2",
    common: true,
    summary: "worker processes, or auto: one a core",
    restart: "from or to 1",
    edge: "ignored",
  },
  ADMIN_URL: {
    ...orWord(listenAddress("http"), "off"),
    group: "process",
    doc: "Where /livez, /readyz and /metrics are served, apart from the public listeners; " +
      "off closes it.",
    example: "127.0.0.1:9110",
    default: "127.0.0.1:9110",
    common: true,
    summary: "listener for health and metrics, or off",
    restart: true,
    edge: "ignored",
    supervisorOnly: true,
  },
  ADMIN_ALLOWED_HOSTS: {
    ...hostNames(),
    group: "process",
    doc:
      "Names besides the one in ADMIN_URL under which the admin listener is reached, such as a " +
      "service's name that Prometheus scrapes. Requests under IP addresses and localhost are always " +
      "served; any other name in Host gets 421, so that no web page can read from the listener.",
    example: "proxy,ooproxy.monitoring.svc",
    unset: "no other name",
    edge: "ignored",
    supervisorOnly: true,
  },
  SHUTDOWN_DELAY_SECS: {
    ...seconds(0),
    group: "process",
    doc: "After SIGTERM or SIGINT: how long requests are still accepted while /readyz already " +
      "fails, so that a load balancer can notice.",
    example: "5",
    default: "0",
    edge: "ignored",
  },
  SHUTDOWN_TIMEOUT_SECS: {
    ...seconds(0),
    group: "process",
    doc: "How long running requests may take to finish before they are aborted.",
    example: "30",
    default: "30",
    edge: "ignored",
  },
  WATCH_FILES: {
    ...boolean(),
    group: "process",
    doc: "Whether a change of the settings file, a certificate, a CA file or a secret's file " +
      "reloads the configuration, as SIGHUP does.",
    example: "true",
    default: "false",
    edge: "ignored",
    supervisorOnly: true,
  },
  RUST_LOG: {
    ...logLevel,
    group: "process",
    doc: "How much is logged. LOG_LEVEL takes precedence.",
    example: "info",
    default: "info",
  },
  LOG_LEVEL: {
    ...logLevel,
    group: "process",
    doc: "How much is logged: the newer name of RUST_LOG.",
    example: "info",
    unset: "RUST_LOG",
    common: true,
    summary: "how much is logged: error, warn, info, debug",
  },
  LOG_FORMAT: {
    ...word({ auto: "auto", pretty: "pretty", json: "json" }),
    group: "process",
    doc: "Form of the log: pretty for people, json for machines (one object a line); " +
      "auto is pretty on a terminal and json elsewhere.",
    example: "json",
    default: "auto",
  },
  LOG_REFUSALS_PER_SEC: {
    ...orWord(wholeNumber({ min: 0, max: MOST_REFUSALS_LOGGED }), "unlimited"),
    group: "process",
    doc:
      "Most requests without a verified token that each worker logs a second, so that a client " +
      "without a token cannot fill a disk; one more line a second says how many were not logged, by " +
      "reason. 0 logs none of them, unlimited all. Requests with a verified token are always logged.",
    example: "20",
    default: "100",
  },
} as const satisfies Readonly<Record<string, Row<unknown>>>;
