import { boolean, seconds, text, wholeNumber, word } from "../kinds.ts";
import { upstreamUrl } from "../address_kinds.ts";
import type { Row } from "../row.ts";

/** Most connections of a worker: as many local ports as one address gives. */
const MOST_CONNECTIONS = 28_000;

/** The settings for what is protected. */
export const UPSTREAM_SETTINGS = {
  UPSTREAM_URL: {
    ...upstreamUrl(),
    group: "upstream",
    doc: "The server that is protected. A path is put in front of every request path. " +
      "A trailing slash does not matter. Or a Unix socket: unix:/run/api.sock.",
    example: "http://127.0.0.1:9000",
    required: true,
    common: true,
    summary: "the server that is protected",
    restart: "to or from a Unix socket",
  },
  UPSTREAM_TIMEOUT_SECS: {
    ...seconds(1),
    group: "upstream",
    doc: "Total time of one request to the upstream, the response body included.",
    example: "3600",
    default: "3600",
  },
  UPSTREAM_HEADER_TIMEOUT_SECS: {
    ...seconds(1),
    group: "upstream",
    doc: "Time from the last byte of a request, body included, to the head of the response; " +
      "beyond it the response is 504. Interim responses (1xx) do not end the wait.",
    example: "60",
    unset: "UPSTREAM_TIMEOUT_SECS bounds it",
  },
  UPSTREAM_TRANSPORT: {
    ...word({ http1: "http1", fetch: "fetch" }),
    group: "upstream",
    doc:
      "How requests are sent to the upstream: http1 is HTTP/1.1, byte for byte; fetch uses the " +
      "runtime's client, for upstreams that speak HTTP/2 only.",
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
      "times as many; after that the response is 503. Each open WebSocket and event stream " +
      "takes one. The transport fetch counts WebSockets alone.",
    example: "256",
    default: "256",
  },
  UPSTREAM_REUSE_CONNECTIONS: {
    ...boolean(),
    group: "upstream",
    doc: "Whether a connection to the upstream carries one request after another. false is for " +
      "upstreams that are not trusted to send one response for each request.",
    example: "true",
    default: "true",
  },
  UPSTREAM_CA_FILE: {
    ...text("the path of a PEM file"),
    group: "upstream",
    doc: "Certificate authorities trusted for the upstream besides those of the system.",
    example: "/etc/ooproxy/internal-ca.pem",
    unset: "the system's authorities only",
    file: true,
    supervisorOnly: true,
  },
  UPSTREAM_CERT_FILE: {
    ...text("the path of a PFX (PKCS#12) file, or of a PEM file with certificate and key"),
    group: "upstream",
    doc: "Client certificate and private key for the upstream (mutual TLS).",
    example: "/etc/ooproxy/client.pfx",
    unset: "no client certificate",
    file: true,
    supervisorOnly: true,
  },
  UPSTREAM_CERT_PASSWORD: {
    ...text(),
    group: "upstream",
    doc: "Password of UPSTREAM_CERT_FILE.",
    example: "the password of the file",
    unset: "empty",
    secret: true,
    supervisorOnly: true,
  },
  WEBSOCKET_MAX_TOKEN_AGE: {
    ...word({ exp: "exp", ignore: "ignore" }),
    group: "upstream",
    doc:
      "Whether a WebSocket is closed when its token expires (exp, plus LEEWAY), or lives on (ignore).",
    example: "exp",
    default: "exp",
  },
} as const satisfies Readonly<Record<string, Row<unknown>>>;
