import { bytes, seconds, text, wholeNumber } from "../kinds.ts";
import { listenAddress } from "../address_kinds.ts";
import type { Row } from "../row.ts";

/** Most requests at once: each takes a connection, and with it one of the files that a process may open. */
const MOST_REQUESTS = 1_000_000;

/** More than any upload brings; a larger number would be a mistake. */
const MOST_BYTES_PER_SECOND = 1_000_000_000;

/** The settings for where clients connect. */
export const LISTEN_SETTINGS = {
  LISTEN_URL: {
    ...listenAddress("http"),
    group: "listen",
    doc: "Where plain HTTP is served. At least one of LISTEN_URL and LISTEN_SSL_URL is needed. " +
      ":port means every address, port 0 any free port.",
    example: ":8080",
    unset: "no plain HTTP",
    minimal: true,
    common: true,
    summary: "listener for plain HTTP, such as :8080",
    edge: "ignored",
  },
  LISTEN_SSL_URL: {
    ...listenAddress("https"),
    group: "listen",
    doc: "Where TLS is served. Needs CERT_FILE.",
    example: ":8443",
    unset: "no TLS",
    common: true,
    summary: "listener for TLS, such as :8443",
    edge: "ignored",
  },
  CERT_FILE: {
    ...text("the path of a PFX (PKCS#12) file"),
    group: "listen",
    doc: "Certificate and private key for LISTEN_SSL_URL.",
    example: "/etc/ooproxy/proxy.pfx",
    unset: "none",
    common: true,
    summary: "certificate and key for TLS, a PFX file",
    file: true,
    edge: "ignored",
    supervisorOnly: true,
  },
  CERT_PASSWORD: {
    ...text(),
    group: "listen",
    doc: "Password of CERT_FILE.",
    example: "the password of the file",
    unset: "empty",
    secret: true,
    common: true,
    summary: "password of CERT_FILE",
    edge: "ignored",
    supervisorOnly: true,
  },
  MAX_BODY_BYTES: {
    ...bytes(1),
    group: "listen",
    doc: "Largest request body. With a Content-Length beyond it the response is 413 and no body " +
      "is read; a chunked body is aborted once it exceeds the limit, towards the upstream too.",
    example: "10MiB",
    unset: "no limit: bodies are streamed, never held",
  },
  MAX_URL_BYTES: {
    ...bytes(1),
    group: "listen",
    doc: "Longest request target, path and query together; beyond it the response is 414. The " +
      "default is twice what common servers accept.",
    example: "8KiB",
    default: "16KiB",
  },
  MAX_HEADER_BYTES: {
    ...bytes(1),
    group: "listen",
    doc: "Largest sum of a request's header fields, each as a line of its own; beyond it the " +
      "response is 431. The default leaves as much room again beside the longest token. The " +
      "runtime itself refuses a head beyond 64 KiB or 128 fields with 400.",
    example: "16KiB",
    default: "32KiB",
  },
  MAX_REQUESTS: {
    ...wholeNumber({ min: 1, max: MOST_REQUESTS }),
    group: "listen",
    doc:
      "Most concurrent requests of each worker that were let through, open WebSockets included; " +
      "beyond it the response is 503 with Retry-After. The default is several times what the connections to the " +
      "upstream can carry or queue, and bounds memory to a few hundred MB.",
    example: "2000",
    default: "10000",
  },
  CLIENT_IDLE_TIMEOUT_SECS: {
    ...seconds(1),
    group: "listen",
    doc: "How long a client may send nothing of a request body that is expected, or leave a " +
      "response it does not read. Then the request ends, with 408 if no response has begun, and its " +
      "connection to the upstream is freed. Does not count while waiting for the upstream.",
    example: "30",
    default: "60",
  },
  CLIENT_MIN_RATE: {
    ...wholeNumber({ min: 0, max: MOST_BYTES_PER_SECOND }),
    group: "listen",
    doc:
      "Least average rate of a request body, in bytes per second, looked at once its client has " +
      "been waited for 30 s. A slower one ends as if nothing had come. Does not count while the " +
      "upstream takes nothing. 0 means none.",
    example: "1000",
    default: "100",
  },
} as const satisfies Readonly<Record<string, Row<unknown>>>;
