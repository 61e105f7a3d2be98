/** The run over Wycheproof's files notices what it is for: an outcome that is not the right one. */
import { assertEquals, assertThrows } from "../support/assert.ts";
import {
  bigEndian,
  DIGEST_INFO,
  encode,
  hashOf,
  pairOf,
  signEncoded,
} from "../support/rsa_numbers.ts";
import { rsaKey } from "../support/tokens.ts";
import { isUsed, runFile } from "./wycheproof.ts";

const pair = pairOf((await rsaKey()).privateJwk);
const msg = "68656c6c6f";
const hash = hashOf(Uint8Array.fromHex(msg), "sha256");
const right = signEncoded(pair, encode(DIGEST_INFO.sha256 + hash, pair.bytes)).toHex();
const noNull = signEncoded(pair, encode(`302f300b06096086480165030402010420${hash}`, pair.bytes));

/** A file with these vectors. */
function fileOf(tests: readonly Readonly<Record<"sig" | "result", string>>[], announced: number) {
  return JSON.stringify({
    numberOfTests: announced,
    testGroups: [{
      sha: "SHA-256",
      publicKey: {
        modulus: `00${bigEndian(pair.modulus, pair.bytes).toHex()}`,
        publicExponent: "010001",
      },
      tests: tests.map((test, i) => ({ tcId: i + 1, comment: "made here", msg, ...test })),
    }],
  });
}

Deno.test("vectors: right outcomes are counted, wrong ones named", () => {
  const good = [
    { sig: right, result: "valid" },
    { sig: noNull.toHex(), result: "acceptable" },
    { sig: "", result: "invalid" },
  ];
  const file = "x";
  const counts = { file, accepted: 1, refused: 2, acceptable: 1, weakKeys: 0 };
  assertEquals(runFile(file, fileOf(good, 3)), { ...counts, wrong: [] });

  const bad = [
    { sig: noNull.toHex(), result: "valid" },
    { sig: right, result: "invalid" },
    { sig: right, result: "acceptable" },
  ];
  assertEquals(runFile(file, fileOf(bad, 3)).wrong, [
    "x tcId 1: valid, refused made here",
    "x tcId 2: invalid, accepted made here",
    "x tcId 3: acceptable, accepted made here",
  ]);
});

Deno.test("vectors: a file that announces more than it holds is an error", () => {
  assertThrows(() => runFile("x", fileOf([{ sig: right, result: "valid" }], 2)));
});

Deno.test("vectors: files for RS256, RS384 and RS512 alone are used", () => {
  const files = ["rsa_signature_2048_sha256_test.json", "rsa_signature_8192_sha512_test.json"];
  const others = [
    "rsa_signature_2048_sha3_256_test.json",
    "rsa_pss_2048_sha256_mgf1_32_test.json",
    "ecdsa_secp256r1_sha256_p1363_test.json",
    "ed25519_test.json",
  ];
  assertEquals([...files, ...others].filter(isUsed), files);
});
