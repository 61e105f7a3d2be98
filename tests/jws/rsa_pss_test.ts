/** RSASSA-PSS (RFC 8017, section 8.1.2): every bit but those of the salt has one right value. */
import { Buffer } from "node:buffer";
import { constants, createPublicKey, sign, verify } from "node:crypto";
import fc from "fast-check";
import { readPublicKey } from "../../src/jws/public_key.ts";
import { rsaCheck } from "../../src/jws/rsa.ts";
import { rsaPssCheck } from "../../src/jws/rsa_pss.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import {
  bigEndian,
  encodePss,
  jwkOf,
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
const HASHES: readonly Sha2[] = ["sha256", "sha384", "sha512"];
const SALT_BYTES: Readonly<Record<Sha2, number>> = { sha256: 32, sha384: 48, sha512: 64 };

const bitsOf = ({ modulus }: RsaPair) => modulus.toString(2).length;

/** The check by a pair's public half, read as from a key set. */
function checkBy(pair: RsaPair, hash: Sha2) {
  const key = readPublicKey(jwkOf(pair));
  assert(key.ok, key.ok ? "" : key.failure);
  return rsaPssCheck(key.value.members, hash);
}

const SMALL = pairOf((await rsaKey()).privateJwk);
/** Its encoded messages are a byte shorter than the modulus. */
const BYTE_SHORTER = pairOf((await rsaKey(0, 2049)).privateJwk);
/** Its encoded messages have two bits that are not used. */
const ODD_SIZE = pairOf((await rsaKey(0, 2055)).privateJwk);

const PAIRS: Readonly<Record<string, RsaPair>> = {
  "2048 bits": SMALL,
  "2049 bits": BYTE_SHORTER,
  "2050 bits": pairOf((await rsaKey(0, 2050)).privateJwk),
  "2055 bits": ODD_SIZE,
  "3072 bits": pairOf((await rsaKey(0, 3072)).privateJwk),
  "4104 bits, which the platform does not take": pairOfPrimes(...PRIMES_4104),
  "8192 bits": pairOfPrimes(...PRIMES_8192),
};

for (const [sentence, pair] of Object.entries(PAIRS)) {
  Deno.test(`rsa pss: ${sentence}: the right signature is right for its hash and its message alone`, () => {
    const signatures = HASHES.map((hash) =>
      signEncoded(pair, encodePss(MESSAGE, hash, bitsOf(pair)))
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

Deno.test("rsa pss: two signatures of one message differ, and both are right", () => {
  const check = checkBy(SMALL, "sha256");
  const [one, two] = [0, 1].map(() => signEncoded(SMALL, encodePss(MESSAGE, "sha256", 2048)));
  assert(one !== undefined && two !== undefined);
  assertEquals([check(MESSAGE, one), check(MESSAGE, two)], [true, true]);
  assert(one.toHex() !== two.toHex());
});

/** Encoded messages that somebody might take for a right one. */
function malformed(hash: Sha2, bits: number): Readonly<Record<string, string>> {
  const saltOf = (length: number) => new Uint8Array(length).fill(5);
  const bytes = SALT_BYTES[hash];
  const longest = Math.ceil((bits - 1) / 8) - bytes - 2;
  const encoded = (options: Parameters<typeof encodePss>[3]) =>
    encodePss(MESSAGE, hash, bits, { salt: saltOf(bytes), ...options });
  const right = encoded({});
  const otherHash = hash === "sha256" ? "sha512" : "sha256";
  return {
    "no salt": encoded({ salt: saltOf(0) }),
    "a salt of 20 bytes": encoded({ salt: saltOf(20) }),
    "a salt a byte shorter than the hash": encoded({ salt: saltOf(bytes - 1) }),
    "a salt a byte longer than the hash": encoded({ salt: saltOf(bytes + 1) }),
    "the longest salt that there is room for": encoded({ salt: saltOf(longest) }),
    "the mask made with another hash": encoded({ mgfHash: otherHash }),
    "the mask made with SHA-1": encoded({ mgfHash: "sha1" as Sha2 }),
    "two before the salt": encoded({ separator: Buffer.of(2) }),
    "zero before the salt": encoded({ separator: Buffer.of(0) }),
    "129 before the salt": encoded({ separator: Buffer.of(129) }),
    "a byte set before that one": encoded({ separator: Buffer.of(1, 1) }),
    "another one far before it": encoded({ separator: Buffer.concat([Buffer.of(1), one(60)]) }),
    "00 as the last byte": encoded({ trailer: 0 }),
    "cc, of another standard, as the last byte": encoded({ trailer: 0xcc }),
    "bd as the last byte": encoded({ trailer: 0xbd }),
    "another hash of the salted one": `${right.slice(0, -4)}${flip(right.slice(-4, -2))}bc`,
    "the first byte of the block changed": `${right.slice(0, 2)}${flip(right.slice(2, 4))}${
      right.slice(4)
    }`,
    "another message": encodePss("x", hash, bits),
    "zeros": "00".repeat(right.length / 2 - 1) + "bc",
  };
}

/** A one behind that many zeros. */
function one(zeros: number): Buffer {
  return Buffer.concat([Buffer.alloc(zeros), Buffer.of(1)]);
}

function flip(hex: string): string {
  return (Number.parseInt(hex, 16) ^ 1).toString(16).padStart(2, "0");
}

for (
  const [size, pair] of [["2048", SMALL], ["2049", BYTE_SHORTER], ["2055", ODD_SIZE]] as const
) {
  // What differs with the size does not differ with the hash.
  for (const hash of pair === SMALL ? HASHES : HASHES.slice(0, 1)) {
    Deno.test(`rsa pss: ${size} bits, ${hash}: a well-made signature over a malformed encoding is wrong`, () => {
      const check = checkBy(pair, hash);
      const bits = bitsOf(pair);
      const salt = new Uint8Array(SALT_BYTES[hash]).fill(5);
      const right = signEncoded(pair, encodePss(MESSAGE, hash, bits, { salt }));
      assertEquals(check(MESSAGE, right), true);
      for (const [sentence, encoded] of Object.entries(malformed(hash, bits))) {
        assertEquals(check(MESSAGE, signEncoded(pair, encoded)), false, sentence);
      }
    });
  }
}

/** An encoding with that added, small enough to be signed: each salt gives another one. */
function withInFront(pair: RsaPair, added: bigint): { right: string; changed: string } {
  for (;;) {
    const right = encodePss(MESSAGE, "sha256", bitsOf(pair));
    const changed = BigInt(`0x${right}`) + added;
    if (changed < pair.modulus) return { right, changed: changed.toString(16) };
  }
}

for (
  const [sentence, pair, added] of [
    ["the bit that the mask clears", ODD_SIZE, 1n << 2054n],
    ["a byte that an encoding has no room for", BYTE_SHORTER, 1n << 2048n],
  ] as const
) {
  Deno.test(`rsa pss: ${sentence} has to be zero`, () => {
    const check = checkBy(pair, "sha256");
    const { right, changed } = withInFront(pair, added);
    assertEquals(check(MESSAGE, signEncoded(pair, right)), true);
    assertEquals(check(MESSAGE, signEncoded(pair, changed)), false);
  });
}

Deno.test("rsa pss: a signature is a number below the modulus, of exactly its length", () => {
  for (const pair of [SMALL, BYTE_SHORTER]) {
    const check = checkBy(pair, "sha256");
    const { signature, right } = smallSignature(pair);
    assertEquals(check(MESSAGE, right), true);
    const wrong = wrongSignatures(pair, signature);
    for (const [sentence, bytesOfIt] of Object.entries(wrong)) {
      assertEquals(check(MESSAGE, bytesOfIt), false, sentence);
    }
  }
});

/** A signature that leaves room for the modulus beside it in as many bytes: the salt gives many. */
function smallSignature(pair: RsaPair): { signature: bigint; right: Buffer } {
  for (;;) {
    const signed = signEncoded(pair, encodePss(MESSAGE, "sha256", bitsOf(pair)));
    const signature = BigInt(`0x${signed.toHex()}`);
    if (signature + pair.modulus < 1n << BigInt(8 * pair.bytes)) {
      return { signature, right: bigEndian(signature, pair.bytes) };
    }
  }
}

Deno.test("rsa pss: the two kinds of RSA signatures are not taken for one another", async () => {
  const { privateJwk } = await rsaKey();
  const key = { key: { ...privateJwk }, format: "jwk" as const };
  const message = Buffer.from(MESSAGE);
  const pkcs1 = sign("sha256", message, key);
  const pss = sign("sha256", message, {
    ...key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 32,
  });
  const members = { n: String(privateJwk.n), e: String(privateJwk.e) };
  const checks = [rsaCheck(members, "sha256"), rsaPssCheck(members, "sha256")];
  assertEquals(checks.map((check) => [check(MESSAGE, pkcs1), check(MESSAGE, pss)]), [
    [true, false],
    [false, true],
  ]);
});

Deno.test("rsa pss: the platform's own check says the same of right and changed signatures", async () => {
  const keys = await Promise.all([2048, 2049, 2056, 3072].map((bits) => rsaKey(1, bits)));
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const sides = keys.map(({ privateJwk, publicJwk }) => ({
    pair: pairOf(privateJwk),
    publicKey: createPublicKey({ key: { ...publicJwk }, format: "jwk" }),
    privateKey: { key: { ...privateJwk }, format: "jwk" as const, padding },
  }));
  const count = { right: 0, wrong: 0 };
  fc.assert(
    fc.property(
      fc.constantFrom(...sides),
      fc.constantFrom(...HASHES),
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(0, 0, 0, -1, 1, 12),
      fc.option(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { freq: 1 }),
      ({ pair, publicKey, privateKey }, hash, message, longer, change) => {
        const saltLength = SALT_BYTES[hash];
        const signature = sign(hash, message, { ...privateKey, saltLength: saltLength + longer });
        if (change !== null) {
          const at = change[0] % signature.length;
          signature[at] = (signature[at] ?? 0) ^ change[1];
        }
        let expected = false;
        try {
          expected = verify(hash, message, { key: publicKey, padding, saltLength }, signature);
        } catch {
          // A number above the modulus is an error there.
        }
        const ours = checkBy(pair, hash)(message, signature);
        count[ours ? "right" : "wrong"]++;
        assertEquals(ours, expected);
      },
    ),
    { numRuns: 100 },
  );
  assert(count.right > 5 && count.wrong > 5, JSON.stringify(count));
});

Deno.test("rsa pss: members that are no key are a bug, not a key", () => {
  for (const members of [{}, { n: "AQAB" }, { n: "?", e: "AQAB" }]) {
    assertThrows(() => rsaPssCheck(members as Record<string, string>, "sha256"), TypeError);
  }
});
