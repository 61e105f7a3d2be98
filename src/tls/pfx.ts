/**
 * PKCS#12 (PFX) bytes and a password become PEM text: the only file that knows PFX.
 *
 * The runtime opens the file (`node:tls`) but keeps the result in a property that is not
 * documented, so its shape is checked here and a change is reported as such.
 */
import { Buffer } from "node:buffer";
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { fail, ok, type Result } from "../result.ts";
import { messageOf } from "../text.ts";

/** A private key with its certificates, in the form that the TLS options of a server take. */
export interface TlsIdentity {
  /** PEM certificates: the leaf first, then its issuers in order (RFC 8446, section 4.4.2). */
  readonly certPem: string;
  /** The private key of the leaf: PEM, PKCS#8, not encrypted. A secret. */
  readonly keyPem: string;
}

/** What bytes that are no PKCS#12 file look like, for a hint. */
export type ForeignForm = "empty" | "PEM" | "base64" | "BER" | "unknown";

/** Why no identity came out of the bytes. No `detail` ever holds the password or key material. */
export type PfxFailure =
  /** The integrity check (MAC) failed: mostly the password, rarely an unknown kind of MAC. */
  | { readonly kind: "wrong password" }
  /** Decryption failed: an unknown encryption or, in a file without a MAC, the password. */
  | { readonly kind: "cannot decrypt" }
  | { readonly kind: "not PKCS#12"; readonly looksLike: ForeignForm }
  | { readonly kind: "no key" }
  | { readonly kind: "no certificate" }
  | { readonly kind: "key does not fit" }
  /** Opened, but holds something that cannot be served, named in `detail`. */
  | { readonly kind: "unsupported"; readonly detail: string }
  /** The runtime's undocumented result has another shape than this file knows. */
  | { readonly kind: "runtime changed"; readonly detail: string };

/** RSA keys below this many bits are refused by the runtime's TLS. */
const MIN_TLS_RSA_BITS = 2048;

/** The curves whose keys the runtime's TLS can sign with, under the names `node:crypto` uses. */
const SERVED_CURVES: readonly string[] = ["prime256v1", "secp384r1", "secp521r1"];

/** The runtime's error texts, by a part that is specific to one of them. */
const RUNTIME_ERRORS: readonly (readonly [part: string, failure: PfxFailure])[] = [
  ["mac verify failure", { kind: "wrong password" }],
  ["no usable private key", { kind: "no key" }],
  ["no usable certificate", { kind: "no certificate" }],
  ["failed to decrypt", { kind: "cannot decrypt" }],
  ["unsupported PFX content", { kind: "unsupported", detail: "an unknown kind of content" }],
];

const CERTIFICATE_BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const KEY_BLOCK = /^-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\s*$/;

/**
 * Opens a PKCS#12 file (RFC 7292).
 *
 * Certificates in the file that are not part of the leaf's chain are left out; a root in the file
 * is part of it. Keys that the runtime's TLS server could not sign with are refused.
 *
 * @param bytes the content of the file
 * @param password its password; empty for none
 * @returns the key and its chain as PEM, or the reason why not
 *
 * Not checked: validity dates, names, key usage, trust, and the signatures within the chain.
 */
export function pfxToPem(bytes: Uint8Array, password: string): Result<TlsIdentity, PfxFailure> {
  let context: unknown;
  try {
    context = createSecureContext({ pfx: Buffer.from(bytes), passphrase: password }).context;
  } catch (error) {
    return fail(openingFailure(error, bytes, password));
  }
  return identityFromContext(context);
}

/**
 * Makes an identity of what the runtime holds after it opened a PKCS#12 file.
 *
 * @param context the `context` property of a secure context; `key`, `cert` and `ca` are read
 * @returns the identity, or `runtime changed` when the three are not the PEM texts expected here
 */
export function identityFromContext(context: unknown): Result<TlsIdentity, PfxFailure> {
  if (typeof context !== "object" || context === null) {
    return fail({ kind: "runtime changed", detail: "there is no context" });
  }
  const { key, cert, ca } = context as Record<string, unknown>;
  if (typeof key !== "string" || !KEY_BLOCK.test(key)) {
    return fail({ kind: "runtime changed", detail: "the key is not PKCS#8 PEM text" });
  }
  if (typeof cert !== "string" || pemCertificates(cert).length === 0) {
    return fail({ kind: "runtime changed", detail: "the certificate is not PEM text" });
  }
  const others = ca ?? [];
  if (!isTextList(others) || !others.every((text) => pemCertificates(text).length > 0)) {
    return fail({ kind: "runtime changed", detail: "the chain is not a list of PEM texts" });
  }
  return assemble(key, [cert, ...others].flatMap(pemCertificates));
}

/** The certificates of a PEM text, one text each, in their order; other blocks are skipped. */
export function pemCertificates(pem: string): string[] {
  return pem.match(CERTIFICATE_BLOCK) ?? [];
}

const ANY_KEY_BLOCK = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[\s\S]+?-----END \1PRIVATE KEY-----/;

/**
 * Takes key and certificates out of a PEM text, in any order (RFC 7468). The key must not be encrypted.
 *
 * @returns the identity, leaf first, or why there is none: `no key`, `no certificate`, `unsupported`,
 * `key does not fit`
 */
export function pemToIdentity(text: string): Result<TlsIdentity, PfxFailure> {
  const key = ANY_KEY_BLOCK.exec(text);
  if (key === null) return fail({ kind: "no key" });
  if (key[1] === "ENCRYPTED " || key[0].includes("Proc-Type: 4,ENCRYPTED")) {
    return fail({
      kind: "unsupported",
      detail: "an encrypted key in PEM; a PFX file can hold one",
    });
  }
  const certificates = pemCertificates(text);
  if (certificates.length === 0) return fail({ kind: "no certificate" });
  return assemble(key[0], certificates);
}

/** Checks the key, finds its certificate and puts that one's issuers behind it. */
function assemble(keyText: string, blocks: readonly string[]): Result<TlsIdentity, PfxFailure> {
  let key: KeyObject;
  let certificates: X509Certificate[];
  try {
    key = createPrivateKey(keyText);
    certificates = blocks.map((block) => new X509Certificate(block));
  } catch {
    return fail({ kind: "unsupported", detail: "a key or a certificate of an unknown kind" });
  }
  const refused = whyNotServed(key);
  if (refused !== undefined) return fail({ kind: "unsupported", detail: refused });

  const leaf = certificates.find((certificate) => certificate.checkPrivateKey(key));
  if (leaf === undefined) return fail({ kind: "key does not fit" });
  return ok({
    certPem: chainOf(leaf, certificates).map((certificate) => certificate.toString().trim() + "\n")
      .join(""),
    keyPem: key.export({ type: "pkcs8", format: "pem" }).toString(),
  });
}

/** Follows the issuers from `leaf` as far as `pool` has them; each certificate is used once. */
function chainOf(leaf: X509Certificate, pool: readonly X509Certificate[]): X509Certificate[] {
  const chain = [leaf];
  const unused = new Set(pool);
  unused.delete(leaf);
  for (let last = leaf; !last.checkIssued(last);) {
    const subject = last;
    const issuer = [...unused].find((candidate) => subject.checkIssued(candidate));
    if (issuer === undefined) break;
    chain.push(issuer);
    unused.delete(issuer);
    last = issuer;
  }
  return chain;
}

/** Says what kind of key the runtime's TLS would refuse; undefined when it takes the key. */
function whyNotServed(key: KeyObject): string | undefined {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "ed25519":
      return undefined;
    case "ec":
      return SERVED_CURVES.includes(namedCurve ?? "")
        ? undefined
        : `an EC key on the curve ${namedCurve}`;
    case "rsa":
      return (modulusLength ?? 0) >= MIN_TLS_RSA_BITS
        ? undefined
        : `an RSA key of ${modulusLength} bits (${MIN_TLS_RSA_BITS} are the least)`;
    default:
      return `a key of the kind ${key.asymmetricKeyType}`;
  }
}

/** Names the reason behind the error with which the runtime refused the file. */
function openingFailure(error: unknown, bytes: Uint8Array, password: string): PfxFailure {
  const message = messageOf(error);
  const known = RUNTIME_ERRORS.find(([part]) => message.includes(part));
  if (known !== undefined) return known[1];
  if (message.includes("not enough data") || message.includes("ASN1Error")) {
    return { kind: "not PKCS#12", looksLike: foreignForm(bytes) };
  }
  const silent = message === "" || (password !== "" && message.includes(password));
  return { kind: "unsupported", detail: silent ? "unknown error" : message };
}

/** Guesses from the first bytes what the file is instead. */
function foreignForm(bytes: Uint8Array): ForeignForm {
  if (bytes.length === 0) return "empty";
  // A sequence of indefinite length, which BER allows and the runtime's DER reader does not.
  if (bytes[0] === 0x30 && bytes[1] === 0x80) return "BER";
  const text = new TextDecoder("latin1").decode(bytes);
  if (text.includes("-----BEGIN ")) return "PEM";
  // How the base64 text of a long DER sequence starts.
  if (text.trimStart().startsWith("MII")) return "base64";
  return "unknown";
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
