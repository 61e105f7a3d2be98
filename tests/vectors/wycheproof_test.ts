/** The run over Wycheproof's files notices what it is for: an outcome that is not the right one. */
import { assertEquals, assertThrows } from "../support/assert.ts";
import {
  bigEndian,
  DIGEST_INFO,
  encode,
  encodePss,
  hashOf,
  pairOf,
  signEncoded,
} from "../support/rsa_numbers.ts";
import { keySigner, pairFor, rsaKey } from "../support/tokens.ts";
import { isUsed, runFile } from "./wycheproof.ts";

const pair = pairOf((await rsaKey()).privateJwk);
const msg = "68656c6c6f";
const hash = hashOf(Uint8Array.fromHex(msg), "sha256");
const right = signEncoded(pair, encode(DIGEST_INFO.sha256 + hash, pair.bytes)).toHex();
const noNull = signEncoded(pair, encode(`302f300b06096086480165030402010420${hash}`, pair.bytes));

const PKCS1 = "rsa_signature_2048_sha256_test.json";
const PSS = "rsa_pss_2048_sha256_mgf1_32_test.json";
const P384 = "ecdsa_secp384r1_sha384_p1363_test.json";
const ED25519 = "ed25519_test.json";

/** What stands in the groups of each kind of file. */
const RSA_KEY = {
  sha: "SHA-256",
  publicKey: {
    modulus: `00${bigEndian(pair.modulus, pair.bytes).toHex()}`,
    publicExponent: "010001",
  },
};
const PKCS1_GROUP = { type: "RsassaPkcs1Verify", ...RSA_KEY };
const PSS_GROUP = { type: "RsassaPssVerify", mgf: "MGF1", mgfSha: "SHA-256", sLen: 32, ...RSA_KEY };

type Vectors = readonly Readonly<Record<"sig" | "result", string>>[];

/** A file with one group of these vectors. */
function fileOf(
  tests: Vectors,
  announced: number = tests.length,
  group: Readonly<Record<string, unknown>> = PKCS1_GROUP,
): string {
  return JSON.stringify({
    numberOfTests: announced,
    testGroups: [{
      ...group,
      tests: tests.map((test, i) => ({ tcId: i + 1, comment: "made here", msg, ...test })),
    }],
  });
}

const NONE = { acceptable: 0, otherParameters: 0, weakKeys: 0, wrong: [] };

Deno.test("vectors: right outcomes are counted, wrong ones named", () => {
  const good = [
    { sig: right, result: "valid" },
    { sig: noNull.toHex(), result: "acceptable" },
    { sig: "", result: "invalid" },
  ];
  const counts = { file: PKCS1, accepted: 1, refused: 2, acceptable: 1 };
  assertEquals(runFile(PKCS1, fileOf(good)), { ...NONE, ...counts });

  const bad = [
    { sig: noNull.toHex(), result: "valid" },
    { sig: right, result: "invalid" },
    { sig: right, result: "acceptable" },
  ];
  assertEquals(runFile(PKCS1, fileOf(bad)).wrong, [
    `${PKCS1} tcId 1: valid, refused made here`,
    `${PKCS1} tcId 2: invalid, accepted made here`,
    `${PKCS1} tcId 3: acceptable, accepted made here`,
  ]);
});

Deno.test("vectors: a file that announces more than it holds is an error", () => {
  assertThrows(() => runFile(PKCS1, fileOf([{ sig: right, result: "valid" }], 2)));
});

Deno.test("vectors: a file of no known kind, or with groups of another one, is an error", () => {
  const text = fileOf([{ sig: right, result: "valid" }]);
  assertThrows(() => runFile("x", text));
  for (const file of [PSS, P384, ED25519]) assertThrows(() => runFile(file, text));
});

/** A right signature by RSASSA-PSS with a salt of that many bytes. */
function pss(saltBytes: number): string {
  const salt = new Uint8Array(saltBytes).fill(7);
  return signEncoded(pair, encodePss("hello", "sha256", 2048, { salt })).toHex();
}

Deno.test("vectors: a salt of another length than the hash's makes a right signature one to refuse", () => {
  const tests = [{ sig: pss(32), result: "valid" }, { sig: pss(20), result: "invalid" }];
  const ours = { file: PSS, accepted: 1, refused: 1 };
  assertEquals(runFile(PSS, fileOf(tests, 2, PSS_GROUP)), { ...NONE, ...ours });

  const file = "rsa_pss_2048_sha256_mgf1_20_test.json";
  const others = fileOf([{ sig: pss(20), result: "valid" }], 1, { ...PSS_GROUP, sLen: 20 });
  assertEquals(runFile(file, others), {
    ...NONE,
    ...{ file, accepted: 0, refused: 1, otherParameters: 1 },
  });
});

const hex = (base64url = "") => Uint8Array.fromBase64(base64url, { alphabet: "base64url" }).toHex();

Deno.test("vectors: signatures of curves are checked by the key that their group shows", async () => {
  const [ec, ed] = [await pairFor("ES384"), await pairFor("EdDSA")];
  // Signed numbers: no zero in front but where the first bit is set.
  const wx = `00${hex(ec.publicJwk.x)}`.replace(/^(?:00)+(?=[0-7])/, "");
  const wy = `00${hex(ec.publicJwk.y)}`;
  const groups = [
    [P384, ec, {
      type: "EcdsaP1363Verify",
      sha: "SHA-384",
      publicKey: { curve: "secp384r1", wx, wy },
    }],
    [ED25519, ed, {
      type: "EddsaVerify",
      publicKey: { curve: "edwards25519", pk: hex(ed.publicJwk.x) },
    }],
  ] as const;
  for (const [file, key, group] of groups) {
    const sig = (await keySigner(key)(Uint8Array.fromHex(msg))).toHex();
    const tests = [{ sig, result: "valid" }, { sig: `${sig}00`, result: "invalid" }];
    const counts = { file, accepted: 1, refused: 1 };
    assertEquals(runFile(file, fileOf(tests, 2, group)), { ...NONE, ...counts });
  }
});

Deno.test("vectors: the files of the accepted algorithms are used", () => {
  const files = [
    ...["rsa_signature_2048_sha256_test.json", "rsa_signature_8192_sha512_test.json"],
    ...[PSS, "rsa_pss_4096_sha512_mgf1_64_test.json", "rsa_pss_2048_sha256_mgf1_0_test.json"],
    ...["ecdsa_secp256r1_sha256_p1363_test.json", P384, "ecdsa_secp521r1_sha512_p1363_test.json"],
    ED25519,
  ];
  const others = [
    ...["rsa_signature_2048_sha3_256_test.json", "rsa_pss_2048_shake128_test.json"],
    ...["rsa_pss_2048_sha512_256_mgf1_32_test.json", "ecdsa_secp256r1_sha512_p1363_test.json"],
    ...["ecdsa_secp256k1_sha256_p1363_test.json", "ecdsa_secp256r1_sha256_test.json"],
    ...["ed448_test.json", "x25519_test.json"],
  ];
  assertEquals([...files, ...others].filter(isUsed), files);
});
