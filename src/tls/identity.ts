/**
 * Loads the certificate and key of a TLS listener: reads the file, opens it, and reports in one line
 * what is wrong with it.
 */
import { X509Certificate } from "node:crypto";
import { fail, ok, type Result } from "../result.ts";
import {
  type ForeignForm,
  pemCertificates,
  pemToIdentity,
  type PfxFailure,
  pfxToPem,
  type TlsIdentity,
} from "./pfx.ts";

/** Milliseconds in a day. */
const DAY_MS = 24 * 60 * 60 * 1000;

/** How far into a file the first PEM block may begin, in bytes: some tools write a description first. */
const PEM_LOOK = 4096;

/** How PEM files become the one file that `CERT_FILE` takes. */
const EXPORT_COMMAND =
  "openssl pkcs12 -export -inkey key.pem -in cert.pem -certfile chain.pem -out cert.pfx";

/** What is needed to load the identity. */
export interface IdentitySettings {
  /** The path of the PKCS#12 file, as given. */
  readonly certFile: string;
  /** The setting that names the file: `CERT_FILE` unless said otherwise. */
  readonly setting?: string;
  /** Whether a PEM file with key and certificates is fine as well. */
  readonly pem?: boolean;
  /** The password of the file; empty for none. A secret. */
  readonly certPassword: string;
  /** The time now, milliseconds since the epoch. */
  readonly now: number;
}

/** An identity and what the log and the metrics say about it. */
export interface LoadedIdentity {
  readonly identity: TlsIdentity;
  /** Subject alternative names of the leaf, as `DNS:…`, `IP Address:…`; empty if it has none. */
  readonly names: readonly string[];
  /** The leaf is valid up to this time, milliseconds since the epoch. */
  readonly notAfter: number;
  /** Whole days until `notAfter`, rounded down; negative when it has passed. */
  readonly daysLeft: number;
  /**
   * One line for each certificate of the chain that is expired or not yet valid. The service
   * starts all the same (clients decide), so these are to be logged as warnings.
   */
  readonly warnings: readonly string[];
}

/** Reads a whole file; throws what `Deno.readFile` throws. */
export type ReadFile = (path: string) => Promise<Uint8Array>;

/**
 * Loads the key and the certificates from the file that a setting names.
 *
 * @param settings the path, the password and the time
 * @param readFile how the file is read; from the disk by default
 * @returns the identity with its facts and warnings, or one line: the setting, the path, what is wrong
 * and what to do; never the password
 *
 * Not checked: whether the names are those that clients call, and whether clients trust the chain.
 */
export async function loadIdentity(
  settings: IdentitySettings,
  readFile: ReadFile = (path) => Deno.readFile(path),
): Promise<Result<LoadedIdentity, string>> {
  // As JSON the path cannot break the line.
  const { setting = "CERT_FILE" } = settings;
  const file = `${setting} ${JSON.stringify(settings.certFile)}`;
  let bytes: Uint8Array;
  try {
    bytes = await readFile(settings.certFile);
  } catch (error) {
    return fail(`${file}: ${readAdvice(error)}`);
  }
  const opened = settings.pem === true && isPem(bytes)
    ? pemToIdentity(new TextDecoder().decode(bytes))
    : pfxToPem(bytes, settings.certPassword);
  if (!opened.ok) {
    const password = setting.replace(/FILE$/, "PASSWORD");
    const advice = pfxAdvice(
      opened.failure,
      settings.certPassword === "",
      `${password} or ${password}_FILE`,
    );
    return fail(`${file}: ${advice}`);
  }
  return ok(describe(opened.value, file, settings.now));
}

/** Whether a file is PEM text: PKCS#12 is binary and begins with another byte. */
function isPem(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes.subarray(0, PEM_LOOK)).includes("-----BEGIN ");
}

/** Reads the facts of the leaf and the dates of the whole chain. */
function describe(identity: TlsIdentity, file: string, now: number): LoadedIdentity {
  const chain = pemCertificates(identity.certPem).map((pem) => new X509Certificate(pem));
  const leaf = chain[0];
  if (leaf === undefined) throw new Error("an identity without a certificate");
  const notAfter = leaf.validToDate.getTime();
  return {
    identity,
    names: leaf.subjectAltName?.split(", ") ?? [],
    notAfter,
    daysLeft: Math.floor((notAfter - now) / DAY_MS),
    warnings: chain.flatMap((certificate) => dateWarnings(certificate, file, now)),
  };
}

/** One line if the certificate is outside its time of validity (RFC 5280, section 4.1.2.5). */
function dateWarnings(certificate: X509Certificate, file: string, now: number): string[] {
  const from = certificate.validFromDate.getTime();
  const to = certificate.validToDate.getTime();
  const which = `${file}: the certificate of ${
    JSON.stringify(certificate.subject.replaceAll("\n", ", "))
  }`;
  if (now > to) {
    return [`${which} expired at ${iso(to)}: clients will refuse it; replace the file`];
  }
  if (now < from) {
    return [
      `${which} is not valid before ${iso(from)}: clients will refuse it until then; ` +
      "check the clock of this machine or replace the file",
    ];
  }
  return [];
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

/** What is wrong with reading the file, and what to do. */
function readAdvice(error: unknown): string {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    return "no such file; check the path and, in a container, that it is mounted";
  }
  if (error instanceof Deno.errors.IsADirectory) {
    return "is a directory; give the path of the PKCS#12 (PFX) file in it";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "permission denied; let the user this program runs as read the file";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return "not permitted by the runtime; start the program with --allow-read for this path";
  }
  const name = error instanceof Error ? error.name : "unknown error";
  return `cannot be read (${name}); check the path and the disk`;
}

/** What is wrong with the content of the file, and what to do. */
function pfxAdvice(failure: PfxFailure, passwordEmpty: boolean, passwordSettings: string): string {
  switch (failure.kind) {
    case "wrong password":
      return (passwordEmpty ? "does not open with an empty password" : "wrong password") +
        `; check ${passwordSettings} (if the password is right, the file has an integrity ` +
        `check that is not supported: export it again with "openssl pkcs12 -export")`;
    case "cannot decrypt":
      return `content cannot be decrypted; check ${passwordSettings} (if the password is ` +
        `right, the encryption is not supported: export it again with "openssl pkcs12 -export")`;
    case "not PKCS#12":
      return formAdvice(failure.looksLike);
    case "no key":
      return "no private key found (in a PFX file: none protected by a password); export the file again " +
        `together with the key: ${EXPORT_COMMAND}`;
    case "no certificate":
      return `no certificate found; export the file again with both: ${EXPORT_COMMAND}`;
    case "key does not fit":
      return "the private key fits none of the certificates; export the file again with the key " +
        `that the certificate was made for: ${EXPORT_COMMAND}`;
    case "unsupported":
      return `holds something that cannot be served: ${oneLine(failure.detail)}; use an RSA ` +
        "key of 2048 bits or more, an ECDSA key on P-256, P-384 or P-521, or an Ed25519 key";
    case "runtime changed":
      return `this version of the runtime opens PKCS#12 files differently (${failure.detail}); ` +
        "run the program with the version of Deno that it was released for";
  }
}

/** What to do with a file of another form. */
function formAdvice(form: ForeignForm): string {
  const not = "not a PKCS#12 (PFX) file";
  switch (form) {
    case "empty":
      return `file is empty; make it with: ${EXPORT_COMMAND}`;
    case "PEM":
      return `${not} but PEM text; convert it with: ${EXPORT_COMMAND}`;
    case "base64":
      return `${not} but base64 text; decode it first, for example with "base64 -d"`;
    case "BER":
      return `${not} in DER but one in BER, which is not supported; export it again with ` +
        `"openssl pkcs12 -export"`;
    case "unknown":
      return `${not}, or it is damaged or incomplete; make it with: ${EXPORT_COMMAND}`;
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
