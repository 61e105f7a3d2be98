import { X509Certificate } from "node:crypto";
import {
  type IdentitySettings,
  type LoadedIdentity,
  loadIdentity,
} from "../../src/tls/identity.ts";
import { pfxToPem } from "../../src/tls/pfx.ts";
import { assert, assertEquals, assertExcludes } from "../support/assert.ts";
import { asBer, makeAuthority, PASSWORD, withForeignKey } from "../support/pfx.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const EXPORT =
  "openssl pkcs12 -export -inkey key.pem -in cert.pem -certfile chain.pem -out cert.pfx";

type Overrides = Partial<IdentitySettings>;

/** Loads `bytes` as if they were the file certs/proxy.pfx. */
function load(bytes: Uint8Array, overrides: Overrides = {}) {
  const settings = { certFile: "certs/proxy.pfx", certPassword: PASSWORD, now: Date.now() };
  return loadIdentity({ ...settings, ...overrides }, () => Promise.resolve(bytes));
}

async function loaded(bytes: Uint8Array, overrides: Overrides = {}): Promise<LoadedIdentity> {
  const result = await load(bytes, overrides);
  assert(result.ok, "the file was refused");
  return result.value;
}

async function problem(bytes: Uint8Array, overrides: Overrides = {}): Promise<string> {
  const result = await load(bytes, overrides);
  assert(!result.ok, "the file was accepted");
  assert(!/[\r\n]/.test(result.failure), "the text is one line");
  return result.failure;
}

Deno.test("A file on the disk is loaded with its names, dates and days left.", async () => {
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256");
  await authority.pfx("leaf", { others: ["inner", "outer"] });
  const now = Date.now();
  const result = await loadIdentity({
    certFile: `${authority.dir}/leaf.pfx`,
    certPassword: PASSWORD,
    now,
  });
  assert(result.ok);
  const { identity, names, notAfter, daysLeft, warnings } = result.value;
  const chain = await Promise.all(["leaf", "inner", "outer"].map(authority.certificate));
  assertEquals(identity.certPem, chain.join(""));
  assertEquals(names, ["DNS:localhost", "IP Address:127.0.0.1"]);
  assert(Math.abs(notAfter - now - 30 * DAY_MS) < DAY_MS / 24, "notAfter is in milliseconds");
  assertEquals(daysLeft, 29);
  assertEquals(warnings, []);
});

Deno.test("A certificate without alternative names has no names.", async () => {
  await using authority = await makeAuthority();
  assertEquals((await loaded(await authority.pfx("root"))).names, []);
});

Deno.test("An expired certificate is loaded with a warning for each certificate.", async () => {
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256");
  const bytes = await authority.pfx("leaf", { others: ["inner"] });
  const { notAfter } = await loaded(bytes);
  assertEquals((await loaded(bytes, { now: notAfter - 1 })).daysLeft, 0);

  const { daysLeft, warnings } = await loaded(bytes, { now: notAfter + 2 * DAY_MS });
  assertEquals(daysLeft, -2);
  assertEquals(warnings.length, 2);
  assertEquals(
    warnings[0],
    'CERT_FILE "certs/proxy.pfx": the certificate of "CN=leaf" expired at ' +
      `${new Date(notAfter).toISOString()}: clients will refuse it; replace the file`,
  );
});

Deno.test("A certificate that is not yet valid is loaded with a warning.", async () => {
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256");
  const bytes = await authority.pfx("leaf");
  const { identity } = await loaded(bytes);
  const notBefore = new X509Certificate(identity.certPem).validFromDate.getTime();
  const { warnings } = await loaded(bytes, { now: notBefore - 1 });
  assertEquals(warnings, [
    'CERT_FILE "certs/proxy.pfx": the certificate of "CN=leaf" is not valid before ' +
    `${new Date(notBefore).toISOString()}: clients will refuse it until then; ` +
    "check the clock of this machine or replace the file",
  ]);
});

Deno.test("A wrong password leads to the two password settings and is not repeated.", async () => {
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256");
  const bytes = await authority.pfx("leaf");
  const advice = "check CERT_PASSWORD or CERT_PASSWORD_FILE (if the password is right, the file " +
    "has an integrity check that is not supported: export it again with " +
    '"openssl pkcs12 -export")';
  const wrong = await problem(bytes, { certPassword: "hunter2-hunter2" });
  assertEquals(wrong, `CERT_FILE "certs/proxy.pfx": wrong password; ${advice}`);
  assertExcludes(wrong, "hunter2");
  const empty = await problem(bytes, { certPassword: "" });
  assertEquals(
    empty,
    `CERT_FILE "certs/proxy.pfx": does not open with an empty password; ${advice}`,
  );
});

Deno.test("Every other problem with the content is one line that says what to do.", async () => {
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256");
  await authority.leaf("other", "P-256");
  await authority.leaf("weak", "RSA 1024");
  const pfx = await authority.pfx("leaf");
  const noKey = await authority.pfx("leaf", { options: ["-nokeys"] });
  const noCertificate = await authority.pfx("leaf", { options: ["-nocerts"] });
  // Now and then what a wrong password makes of such a file ends as right content would: not this one.
  let noMac = await authority.pfx("leaf", { options: ["-nomac"] });
  for (
    let opened = pfxToPem(noMac, "wrong");
    opened.ok || opened.failure.kind !== "cannot decrypt";
  ) {
    noMac = await authority.pfx("leaf", { options: ["-nomac"] });
    opened = pfxToPem(noMac, "wrong");
  }
  const foreign = withForeignKey(noMac, await authority.pfx("other", { options: ["-nomac"] }));
  const weak = await authority.pfx("weak");
  const text = (content: string) => new TextEncoder().encode(content);

  const rows: readonly (readonly [Uint8Array, Overrides, string])[] = [
    [
      text(await authority.certificate("leaf")),
      {},
      `not a PKCS#12 (PFX) file but PEM text; convert it with: ${EXPORT}`,
    ],
    [
      text(btoa(String.fromCharCode(...pfx))),
      {},
      "not a PKCS#12 (PFX) file but base64 text; decode it first, for example with " +
      '"base64 -d"',
    ],
    [new Uint8Array(), {}, `file is empty; make it with: ${EXPORT}`],
    [
      asBer(pfx),
      {},
      "not a PKCS#12 (PFX) file in DER but one in BER, which is not supported; " +
      'export it again with "openssl pkcs12 -export"',
    ],
    [
      pfx.subarray(0, 300),
      {},
      "not a PKCS#12 (PFX) file, or it is damaged or incomplete; make it with: " + EXPORT,
    ],
    [
      noMac,
      { certPassword: "wrong" },
      "content cannot be decrypted; check CERT_PASSWORD or CERT_PASSWORD_FILE (if the " +
      "password is right, the encryption is not supported: export it again with " +
      '"openssl pkcs12 -export")',
    ],
    [
      noKey,
      {},
      "no private key found (in a PFX file: none protected by a password); export the file again together " +
      `with the key: ${EXPORT}`,
    ],
    [
      noCertificate,
      {},
      `no certificate found; export the file again with both: ${EXPORT}`,
    ],
    [
      foreign,
      {},
      "the private key fits none of the certificates; export the file again with the key that " +
      `the certificate was made for: ${EXPORT}`,
    ],
    [
      weak,
      {},
      "holds something that cannot be served: an RSA key of 1024 bits (2048 are the least); " +
      "use an RSA key of 2048 bits or more, an ECDSA key on P-256, P-384 or P-521, or an " +
      "Ed25519 key",
    ],
  ];
  const found = await Promise.all(rows.map(([bytes, overrides]) => problem(bytes, overrides)));
  const expected = rows.map(([, , advice]) => `CERT_FILE "certs/proxy.pfx": ${advice}`);
  assertEquals(found, expected);
});

const READ_ERRORS: readonly (readonly [title: string, error: unknown, advice: string])[] = [
  [
    "that does not exist",
    new Deno.errors.NotFound("x"),
    "no such file; check the path and, in a container, that it is mounted",
  ],
  [
    "below something that is no directory",
    new Deno.errors.NotADirectory("x"),
    "no such file; check the path and, in a container, that it is mounted",
  ],
  [
    "that is a directory",
    new Deno.errors.IsADirectory("x"),
    "is a directory; give the path of the PKCS#12 (PFX) file in it",
  ],
  [
    "that the user may not read",
    new Deno.errors.PermissionDenied("x"),
    "permission denied; let the user this program runs as read the file",
  ],
  [
    "that the runtime may not read",
    new Deno.errors.NotCapable("x"),
    "not permitted by the runtime; start the program with --allow-read for this path",
  ],
  [
    "on a broken disk",
    new Error("a text\nof two lines"),
    "cannot be read (Error); check the path and the disk",
  ],
];

for (const [title, error, advice] of READ_ERRORS) {
  Deno.test(`A file ${title} is reported with what to do.`, async () => {
    const settings = { certFile: "a\nb.pfx", certPassword: PASSWORD, now: 0 };
    const result = await loadIdentity(settings, () => Promise.reject(error));
    assertEquals(result, {
      ok: false,
      failure: `CERT_FILE "a\\nb.pfx": ${advice}`,
    });
  });
}

Deno.test("The disk reports missing files and directories in the way that is distinguished.", async () => {
  await using authority = await makeAuthority();
  const textOf = async (certFile: string) => {
    const result = await loadIdentity({ certFile, certPassword: "", now: 0 });
    assert(!result.ok);
    return result.failure;
  };
  const missing = `${authority.dir}/missing.pfx`;
  assert((await textOf(missing)).startsWith(`CERT_FILE "${missing}": no such file`));
  const below = `${authority.dir}/root.crt/below.pfx`;
  assert((await textOf(below)).startsWith(`CERT_FILE "${below}": no such file`));
  const { dir } = authority;
  assert((await textOf(dir)).startsWith(`CERT_FILE "${dir}": is a directory`));
});
