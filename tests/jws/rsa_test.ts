/** RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2.2): one encoding is right, everything else is wrong. */
import { Buffer } from "node:buffer";
import { createPublicKey, sign, verify } from "node:crypto";
import fc from "fast-check";
import { rsaCheck } from "../../src/jws/rsa.ts";
import { readPublicKey } from "../../src/jws/public_key.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import {
  bigEndian,
  DIGEST_INFO,
  encode,
  hashOf,
  jwkOf,
  numberOf,
  pairOf,
  pairOfPrimes,
  PRIMES_4104,
  PRIMES_8192,
  type RsaPair,
  type Sha2,
  signEncoded,
  wrongSignatures,
} from "../support/rsa_numbers.ts";
import { rsaKey } from "../support/tokens.ts";

const MESSAGE = "header.payload";

/** The check by a pair's public half, read as from a key set. */
function checkBy(pair: RsaPair, hash: Sha2) {
  const key = readPublicKey(jwkOf(pair));
  assert(key.ok, key.ok ? "" : key.failure);
  return rsaCheck(key.value.members, hash);
}

const SMALL = pairOf((await rsaKey()).privateJwk);
const ODD_SIZE = pairOf((await rsaKey(0, 2049)).privateJwk);

/** Pairs of every kind: whole bytes and not, below and above what the platform takes, odd exponents. */
const PAIRS: Readonly<Record<string, RsaPair>> = {
  "2048 bits": SMALL,
  "2049 bits": ODD_SIZE,
  "3072 bits": pairOf((await rsaKey(0, 3072)).privateJwk),
  "4104 bits": pairOfPrimes(...PRIMES_4104),
  "8192 bits": pairOfPrimes(...PRIMES_8192),
  "4104 bits, the exponent 4294967291": pairOfPrimes(...PRIMES_4104, 4_294_967_291n),
  "4104 bits, the exponent 2147483647": pairOfPrimes(...PRIMES_4104, 2_147_483_647n),
};

const HASHES: readonly Sha2[] = ["sha256", "sha384", "sha512"];

for (const [sentence, pair] of Object.entries(PAIRS)) {
  Deno.test(`rsa: ${sentence}: the right signature is right for its hash and its message alone`, () => {
    const signatures = HASHES.map((hash) =>
      signEncoded(pair, encode(DIGEST_INFO[hash] + hashOf(MESSAGE, hash), pair.bytes))
    );
    const accepted = HASHES.map((hash) => {
      const check = checkBy(pair, hash);
      return signatures.map((signature) => [
        check(MESSAGE, signature),
        check(new TextEncoder().encode(MESSAGE), signature),
        check(`${MESSAGE}.`, signature),
      ]);
    });
    const right = [true, true, false];
    const wrong = [false, false, false];
    assertEquals(accepted, [[right, wrong, wrong], [wrong, right, wrong], [wrong, wrong, right]]);
  });
}

const HASH = hashOf(MESSAGE, "sha256");
const INFO = DIGEST_INFO.sha256 + HASH;

/** Encoded messages that somebody might take for the right one, by their hexadecimal digits. */
function malformed(bytes: number): Readonly<Record<string, string>> {
  const right = encode(INFO, bytes);
  const ps = bytes - 3 - INFO.length / 2;
  const filled = (bytesOfPs: number, end: string) =>
    `0001${"ff".repeat(bytesOfPs)}00${end}`.padEnd(2 * bytes, "0");
  return {
    "no NULL in DigestInfo": encode(`302f300b06096086480165030402010420${HASH}`, bytes),
    "no NULL, though the lengths say so": encode(INFO.replace("0500", ""), bytes),
    "NULL as an empty octet string": encode(INFO.replace("0500", "0400"), bytes),
    "NULL with a byte in it": encode(`3032300e06096086480165030402010501000420${HASH}`, bytes),
    "the outer length in the long form": encode(`3081${INFO.slice(2)}`, bytes),
    "the outer length in the longer form": encode(`308200${INFO.slice(2)}`, bytes),
    "the outer length indefinite": encode(`3080${INFO.slice(4)}0000`, bytes),
    "the inner length in the long form": encode(`303230810d${INFO.slice(8)}`, bytes),
    "the hash's length in the long form": encode(
      `3032${INFO.slice(4, -66)}8120${HASH}`,
      bytes,
    ),
    "the outer length one too small": encode(`3030${INFO.slice(4)}`, bytes),
    "the outer length one too large": encode(`3032${INFO.slice(4)}`, bytes),
    "the name of SHA-384": encode(INFO.replace("0304020105", "0304020205"), bytes),
    "the name of SHA-1, and its length": encode(`3021300906052b0e03021a05000414${HASH}`, bytes),
    "no name of a hash": encode(HASH, bytes),
    "the hash as text": encode(Buffer.from(HASH).toString("hex"), bytes),
    "the hash of something else": encode(DIGEST_INFO.sha256 + hashOf("x", "sha256"), bytes),
    "the hash without its last byte": encode(INFO.slice(0, -2), bytes),
    "a byte behind the hash": encode(`${INFO}00`, bytes),
    "garbage behind the hash, in the sequence": encode(`3033${INFO.slice(4)}0500`, bytes),
    "eight bytes of padding, then zeros behind the hash": filled(8, INFO),
    "no padding, then zeros behind the hash": filled(0, INFO),
    "a padding one byte short, a zero behind the hash": filled(ps - 1, INFO),
    "a padding one byte short, a zero more before DigestInfo": filled(ps - 1, `00${INFO}`),
    "padding of zeros": right.replaceAll("ff", "00"),
    "a zero in the padding": `${right.slice(0, 20)}00${right.slice(22)}`,
    "fe as the first byte of the padding": `0001fe${right.slice(6)}`,
    "7f as the last byte of the padding": encode(INFO, bytes)
      .replace(`ff00${INFO}`, `7f00${INFO}`),
    "no zero behind the padding": right.replace(`ff00${INFO}`, `ffff${INFO}`),
    "block type 00": `0000${right.slice(4)}`,
    "block type 02": `0002${right.slice(4)}`,
    "a first byte of one": `01${right.slice(2)}`,
    "everything a byte to the left": `${right.slice(2)}00`,
    "the hash, then the padding": `0001${INFO}00${"ff".repeat(ps)}`,
    "zeros alone before DigestInfo": INFO.padStart(2 * bytes, "0"),
    "one": "01".padStart(2 * bytes, "0"),
    "zero": "00".repeat(bytes),
  };
}

for (const [size, pair] of [["2048 bits", SMALL], ["2049 bits", ODD_SIZE]] as const) {
  Deno.test(`rsa: ${size}: a well-made signature over a malformed encoding is wrong`, () => {
    const check = checkBy(pair, "sha256");
    assertEquals(check(MESSAGE, signEncoded(pair, encode(INFO, pair.bytes))), true);
    for (const [sentence, encoded] of Object.entries(malformed(pair.bytes))) {
      assertEquals(encoded.length, 2 * pair.bytes, sentence);
      assertEquals(check(MESSAGE, signEncoded(pair, encoded)), false, sentence);
    }
  });
}

/** A message whose signature leaves room for the modulus beside it in as many bytes. */
function smallSignature(pair: RsaPair): { message: string; signature: bigint } {
  for (let i = 0;; i++) {
    const message = `message ${i}`;
    const encoded = encode(DIGEST_INFO.sha256 + hashOf(message, "sha256"), pair.bytes);
    const signature = BigInt(`0x${signEncoded(pair, encoded).toHex()}`);
    if (signature + pair.modulus < 1n << BigInt(8 * pair.bytes)) return { message, signature };
  }
}

for (const [size, pair] of [["2048 bits", SMALL], ["2049 bits", ODD_SIZE]] as const) {
  Deno.test(`rsa: ${size}: a signature is a number below the modulus, of exactly its length`, () => {
    const check = checkBy(pair, "sha256");
    const { message, signature } = smallSignature(pair);
    const { bytes } = pair;
    const right = bigEndian(signature, bytes);
    assertEquals(check(message, right), true);
    assertEquals(check(message, new Uint8Array(right)), true);
    const wrong: Readonly<Record<string, Uint8Array>> = {
      ...wrongSignatures(pair, signature),
      "the encoded message": Buffer.from(
        encode(DIGEST_INFO.sha256 + hashOf(message, "sha256"), bytes),
        "hex",
      ),
    };
    for (const [sentence, bytesOfIt] of Object.entries(wrong)) {
      assertEquals(check(message, bytesOfIt), false, sentence);
    }
  });
}

Deno.test("rsa: a signature that begins with zeros is right at its full length only", () => {
  const check = checkBy(ODD_SIZE, "sha256");
  for (let i = 0;; i++) {
    const encoded = encode(DIGEST_INFO.sha256 + hashOf(`${i}`, "sha256"), ODD_SIZE.bytes);
    const signature = signEncoded(ODD_SIZE, encoded);
    if (signature[0] !== 0) continue;
    assertEquals(check(`${i}`, signature), true);
    assertEquals(check(`${i}`, signature.subarray(1)), false);
    return;
  }
});

Deno.test("rsa: the platform's own check says the same of right and changed signatures", async () => {
  const keys = await Promise.all([2048, 2049, 2056, 3072].map((bits) => rsaKey(1, bits)));
  const sides = keys.map(({ privateJwk, publicJwk }) => ({
    pair: pairOf(privateJwk),
    publicKey: createPublicKey({ key: { ...publicJwk }, format: "jwk" }),
    privateKey: { key: { ...privateJwk }, format: "jwk" as const },
  }));
  let right = 0;
  let wrong = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...sides),
      fc.constantFrom(...HASHES),
      fc.constantFrom(...HASHES),
      fc.uint8Array({ maxLength: 300 }),
      fc.oneof(
        { weight: 1, arbitrary: fc.constant((signature: Buffer) => signature) },
        {
          weight: 3,
          arbitrary: fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(
            ([at, change]) => (signature: Buffer) => {
              const changed = Buffer.from(signature);
              const index = at % changed.length;
              changed[index] = (changed[index] ?? 0) ^ change;
              return changed;
            },
          ),
        },
        {
          weight: 1,
          arbitrary: fc.nat({ max: 300 }).map((length) => (signature: Buffer) =>
            signature.subarray(0, length)
          ),
        },
        {
          weight: 1,
          arbitrary: fc.uint8Array({ maxLength: 3 }).map((more) => (signature: Buffer) =>
            Buffer.concat([signature, more])
          ),
        },
      ),
      ({ pair, publicKey, privateKey }, hash, signedHash, message, change) => {
        const signature = change(sign(signedHash, message, privateKey));
        const expected = platformSays(hash, message, publicKey, signature);
        const ours = checkBy(pair, hash)(message, signature);
        if (ours) right++;
        else wrong++;
        assertEquals(ours, expected);
      },
    ),
    { numRuns: 300 },
  );
  assert(right > 5 && wrong > 50, `${right} right, ${wrong} wrong`);
});

function platformSays(
  hash: Sha2,
  message: Uint8Array,
  key: ReturnType<typeof createPublicKey>,
  signature: Uint8Array,
): boolean {
  try {
    return verify(hash, message, key, signature);
  } catch {
    return false;
  }
}

Deno.test("rsa: a modulus written with leading zeros is the same key", () => {
  const jwk = jwkOf(SMALL);
  const n = Buffer.concat([Buffer.of(0, 0), Buffer.from(String(jwk.n), "base64url")]);
  assertEquals(numberOf(n.toString("base64url")), SMALL.modulus);
  const check = rsaCheck({ n: n.toString("base64url"), e: String(jwk.e) }, "sha256");
  assertEquals(check(MESSAGE, signEncoded(SMALL, encode(INFO, SMALL.bytes))), true);
});

Deno.test("rsa: members that are no key are a bug, not a key", () => {
  for (const members of [{}, { n: "AQAB" }, { n: "", e: "AQAB" }, { n: "?", e: "AQAB" }]) {
    assertThrows(() => rsaCheck(members as Record<string, string>, "sha256"), TypeError);
  }
});
