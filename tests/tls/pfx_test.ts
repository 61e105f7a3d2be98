import {
  type ForeignForm,
  identityFromContext,
  type PfxFailure,
  pfxToPem,
} from "../../src/tls/pfx.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import {
  asBer,
  type KeyKind,
  makeAuthority,
  PASSWORD,
  type TestAuthority,
  withForeignKey,
} from "../support/pfx.ts";

/** The reason why `bytes` do not open; fails if they do. */
function failureOf(bytes: Uint8Array, password = PASSWORD): PfxFailure {
  const result = pfxToPem(bytes, password);
  assert(!result.ok, "the file opened");
  return result.failure;
}

/** Runs `action` with an authority that has a P-256 leaf named "leaf". */
async function withLeaf(action: (authority: TestAuthority) => Promise<void>): Promise<void> {
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256");
  await action(authority);
}

Deno.test("The key comes out as PKCS#8 and the certificate as it went in.", () =>
  withLeaf(async (authority) => {
    const result = pfxToPem(await authority.pfx("leaf"), PASSWORD);
    assert(result.ok);
    assertEquals(result.value.certPem, await authority.certificate("leaf"));
    assertEquals(result.value.keyPem, await Deno.readTextFile(`${authority.dir}/leaf.key`));
  }));

Deno.test("A certificate that is not part of the chain is left out.", () =>
  withLeaf(async (authority) => {
    await authority.leaf("stranger", "P-256", "root");
    const bytes = await authority.pfx("leaf", { others: ["stranger", "inner"] });
    const result = pfxToPem(bytes, PASSWORD);
    assert(result.ok);
    const expected = await Promise.all(["leaf", "inner"].map(authority.certificate));
    assertEquals(result.value.certPem, expected.join(""));
  }));

Deno.test("A chain with a gap ends at the gap.", () =>
  withLeaf(async (authority) => {
    const result = pfxToPem(await authority.pfx("leaf", { others: ["outer"] }), PASSWORD);
    assert(result.ok);
    assertEquals(result.value.certPem, await authority.certificate("leaf"));
  }));

Deno.test("A self-signed certificate opens.", async () => {
  await using authority = await makeAuthority();
  const result = pfxToPem(await authority.pfx("root"), PASSWORD);
  assert(result.ok);
  assertEquals(result.value.certPem, await authority.certificate("root"));
});

for (const options of [[], ["-legacy"], ["-macalg", "sha512"]]) {
  Deno.test(`A wrong password is recognised (openssl options: ${options.join(" ")}).`, () =>
    withLeaf(async (authority) => {
      const bytes = await authority.pfx("leaf", { options });
      assertEquals(failureOf(bytes, "wrong"), { kind: "wrong password" });
      assertEquals(failureOf(bytes, ""), { kind: "wrong password" });
      assertEquals(failureOf(bytes, PASSWORD + "\n"), { kind: "wrong password" });
    }));
}

Deno.test("A wrong password for a file without a MAC shows when the content is decrypted.", () =>
  withLeaf(async (authority) => {
    // Now and then what a wrong password makes of the content ends as right content would.
    const kinds = await Promise.all(
      [1, 2, 3].map(async () =>
        failureOf(await authority.pfx("leaf", { options: ["-nomac"] }), "wrong").kind
      ),
    );
    assert(kinds.includes("cannot decrypt"), kinds.join());
  }));

Deno.test("An encryption that the runtime does not know is reported as such.", () =>
  withLeaf(async (authority) => {
    const options = ["-keypbe", "camellia-256-cbc", "-certpbe", "camellia-256-cbc"];
    assertEquals(failureOf(await authority.pfx("leaf", { options })), { kind: "cannot decrypt" });
  }));

Deno.test("A file without a key and one without a certificate are distinguished.", () =>
  withLeaf(async (authority) => {
    const noKey = await authority.pfx("leaf", { options: ["-nokeys"] });
    assertEquals(failureOf(noKey), { kind: "no key" });
    const noCertificate = await authority.pfx("leaf", { options: ["-nocerts"] });
    assertEquals(failureOf(noCertificate), { kind: "no certificate" });
  }));

Deno.test("A key that is stored without encryption counts as no key.", () =>
  withLeaf(async (authority) => {
    const bytes = await authority.pfx("leaf", { options: ["-keypbe", "NONE"] });
    assertEquals(failureOf(bytes), { kind: "no key" });
  }));

for (const kind of ["RSA 2048", "P-256", "Ed25519"] as const) {
  Deno.test(`A foreign ${kind} key beside a certificate of the same kind does not fit.`, async () => {
    await using authority = await makeAuthority();
    await authority.leaf("one", kind);
    await authority.leaf("two", kind);
    const options = ["-nomac"];
    const one = await authority.pfx("one", { options });
    const two = await authority.pfx("two", { options });
    assert(pfxToPem(withForeignKey(one, one), PASSWORD).ok, "the splice itself is readable");
    assertEquals(failureOf(withForeignKey(one, two)), { kind: "key does not fit" });
  });
}

const REFUSED_KEYS: readonly (readonly [kind: KeyKind, words: string])[] = [
  ["RSA 1024", "RSA key of 1024 bits"],
  ["RSA-PSS", "rsa-pss"],
  ["secp256k1", "secp256k1"],
  ["Ed448", "ed448"],
];

for (const [kind, words] of REFUSED_KEYS) {
  Deno.test(`A key of the kind ${kind}, which could not be served, is refused by name.`, async () => {
    await using authority = await makeAuthority();
    await authority.leaf("leaf", kind);
    const failure = failureOf(await authority.pfx("leaf"));
    assert(failure.kind === "unsupported");
    assertIncludes(failure.detail, words);
  });
}

Deno.test("Files of other forms are recognized by their first bytes.", () =>
  withLeaf(async (authority) => {
    const pfx = await authority.pfx("leaf");
    const pem = new TextEncoder().encode(await authority.certificate("leaf"));
    await authority.openssl(["x509", "-in", "leaf.crt", "-outform", "der", "-out", "leaf.der"]);
    const base64 = new TextEncoder().encode(btoa(String.fromCharCode(...pfx)));
    const noise = crypto.getRandomValues(new Uint8Array(900)).fill(0xff, 0, 4);
    const rows: readonly (readonly [bytes: Uint8Array, looksLike: ForeignForm])[] = [
      [new Uint8Array(), "empty"],
      [pem, "PEM"],
      [new Uint8Array([0xef, 0xbb, 0xbf, 0x0a, ...pem]), "PEM"],
      [base64, "base64"],
      [asBer(pfx), "BER"],
      [await Deno.readFile(`${authority.dir}/leaf.der`), "unknown"],
      [pfx.subarray(0, 500), "unknown"],
      [noise, "unknown"],
    ];
    for (const [bytes, looksLike] of rows) {
      assertEquals(failureOf(bytes), { kind: "not PKCS#12", looksLike });
    }
  }));

Deno.test("A file with single bytes changed opens or fails with a reason, and never throws.", () =>
  withLeaf(async (authority) => {
    const pfx = await authority.pfx("leaf", { options: ["-nomac", "-iter", "1"] });
    for (let at = 0; at < pfx.length; at++) {
      const changed = pfx.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x55;
      const result = pfxToPem(changed, PASSWORD);
      if (!result.ok) assertExcludes(JSON.stringify(result.failure), PASSWORD);
    }
  }));

const KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

const OTHER_SHAPES: readonly (readonly [title: string, context: unknown])[] = [
  ["no context", undefined],
  ["no key", { cert: CERTIFICATE }],
  ["a key object", { key: {}, cert: CERTIFICATE }],
  ["a key of another form", { key: KEY.replaceAll("PRIVATE", "EC PRIVATE"), cert: CERTIFICATE }],
  ["no certificate", { key: KEY }],
  ["a certificate in DER", { key: KEY, cert: new Uint8Array(9) }],
  ["a certificate that is no PEM", { key: KEY, cert: "AAAA" }],
  ["a chain that is one text", { key: KEY, cert: CERTIFICATE, ca: CERTIFICATE }],
  ["a chain in DER", { key: KEY, cert: CERTIFICATE, ca: [new Uint8Array(9)] }],
  ["a chain with another text", { key: KEY, cert: CERTIFICATE, ca: [CERTIFICATE, "AAAA"] }],
];

for (const [title, context] of OTHER_SHAPES) {
  Deno.test(`A runtime whose context has ${title} is reported as changed.`, () => {
    const result = identityFromContext(context);
    assert(!result.ok);
    assertEquals(result.failure.kind, "runtime changed");
  });
}

Deno.test("PEM texts that hold no readable key or certificate are reported as unsupported.", () => {
  const result = identityFromContext({ key: KEY, cert: CERTIFICATE });
  assert(!result.ok);
  assertEquals(result.failure.kind, "unsupported");
});
