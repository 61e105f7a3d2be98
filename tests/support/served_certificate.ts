/** Certificates for a server over TLS, signed by the root of a test authority: good and bad ones. */
import type { TestAuthority } from "./pfx.ts";

/** What can be wrong with a certificate. */
export type CertificateFault = "expired" | "not valid yet" | "for another name";

/** Certificate and key (PEM). */
export interface ServedCertificate {
  readonly cert: string;
  readonly key: string;
}

/** A small authority of the `openssl ca` command, which alone takes dates of the past. */
const SETTINGS = `[ca]
default_ca = this
[this]
database = index.txt
rand_serial = yes
unique_subject = no
new_certs_dir = .
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
`;

const DATES = { "expired": ["2020", "2021"], "not valid yet": ["2090", "2091"] } as const;

/** Makes a certificate for 127.0.0.1 and localhost, with this fault if any. */
export async function servedCertificate(
  { dir, openssl }: TestAuthority,
  fault?: CertificateFault,
): Promise<ServedCertificate> {
  const names = fault === "for another name" ? "DNS:other.test" : "DNS:localhost,IP:127.0.0.1";
  const [from, to] = fault === undefined || fault === "for another name"
    ? ["2020", "2090"]
    : DATES[fault];
  const name = crypto.randomUUID();
  await Deno.writeTextFile(`${dir}/ca.cnf`, SETTINGS);
  await Deno.writeTextFile(`${dir}/index.txt`, "");
  await openssl([
    ...["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"],
    ...["-subj", "/CN=served", "-addext", `subjectAltName=${names}`],
    ...["-keyout", `${name}.key`, "-out", `${name}.csr`],
  ]);
  await openssl([
    ...["ca", "-batch", "-config", "ca.cnf", "-cert", "root.crt", "-keyfile", "root.key"],
    ...["-startdate", `${from}0101000000Z`, "-enddate", `${to}0101000000Z`, "-notext"],
    ...["-in", `${name}.csr`, "-out", `${name}.crt`],
  ]);
  return {
    cert: await Deno.readTextFile(`${dir}/${name}.crt`),
    key: await Deno.readTextFile(`${dir}/${name}.key`),
  };
}
