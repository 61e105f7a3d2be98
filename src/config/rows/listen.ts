import { text } from "../parse.ts";
import { listenAddress } from "../parse_address.ts";
import type { Row } from "../row.ts";

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
} as const satisfies Readonly<Record<string, Row<unknown>>>;
