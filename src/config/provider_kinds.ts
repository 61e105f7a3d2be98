/**
 * Parsers for what only providers have.
 */
import { ALGORITHMS } from "../jws/algorithms.ts";
import { readClientKey } from "../jws/client_key.ts";
import { fail, ok } from "../result.ts";
import { isTrustDomain } from "../spiffe_id.ts";
import { documentUrl } from "./address_kinds.ts";
import type { Kind } from "./kinds.ts";
import { textList } from "./list_kinds.ts";

/** Names of accepted signature algorithms, letter by letter (RFC 7518, section 3.1). */
export function algorithms(): Kind<readonly string[]> {
  const list = textList();
  const known = ALGORITHMS.map(({ name }) => name);
  return {
    ...list,
    accepts: `JSON: a list of some of ${known.join(", ")}`,
    parse(text) {
      const names = list.parse(text);
      if (!names.ok) return names;
      const unknown = names.value.find((name) => !known.includes(name));
      if (unknown === undefined) return names;
      const meant = known.find((name) => name.toLowerCase() === unknown.toLowerCase());
      return fail(
        meant === undefined ? {} : { hint: `names are compared letter by letter: ${meant}` },
      );
    },
  };
}

/** `off`, `on` (by discovery), or the URL of the introspection endpoint. */
export function introspection(): Kind<string> {
  const url = documentUrl();
  return {
    ...url,
    accepts: "off, on (endpoint by discovery), or the URL of the endpoint",
    parse: (text) => text === "off" || text === "on" ? ok(text) : url.parse(text),
  };
}

/** A trust domain (SPIFFE-ID, section 2.1), without `spiffe://`. */
export function trustDomain(): Kind<string> {
  return {
    accepts: "the name of a trust domain: a-z, 0-9, dots, dashes and underscores",
    showExample: true,
    parse(text) {
      if (text.startsWith("spiffe://")) return fail({ hint: "leave out spiffe:// in front" });
      return isTrustDomain(text) ? ok(text) : fail({});
    },
  };
}

/** A private key of the proxy's own, see `readClientKey`. */
export function clientKey(): Kind<string> {
  return {
    accepts: "a private key: PEM (PKCS#8) or a JWK, of type RSA, P-256, P-384, P-521 or Ed25519",
    parse(text) {
      const key = readClientKey(text);
      return key.ok ? ok(text) : fail({ hint: key.failure });
    },
  };
}

/** The beginning of a token: characters that RFC 6750, section 2.1, allows in one. */
export function tokenPrefix(): Kind<string> {
  return {
    accepts: "the first characters of a token: letters, digits and -._~+/",
    parse: (text) => /^[A-Za-z0-9\-._~+/]+$/.test(text) ? ok(text) : fail({}),
  };
}
