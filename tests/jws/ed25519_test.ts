/** Ed25519 signatures (RFC 8032, section 5.1.7): one right signature of a message, at full length. */
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { ed25519Check } from "../../src/jws/ed25519.ts";
import { readPublicKey } from "../../src/jws/public_key.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { base64url, keySigner, pairFor } from "../support/tokens.ts";

const MESSAGE = "header.payload";
const ORDER = 0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3edn;
const FIELD = 2n ** 255n - 19n;

const key = await pairFor("EdDSA");
const read = readPublicKey(key.publicJwk);
assert(read.ok);
const check = ed25519Check(read.value.members);
const right = Buffer.from(await keySigner(key)(new TextEncoder().encode(MESSAGE)));
const [point, s] = [right.subarray(0, 32), numberOf(right.subarray(32))];

function numberOf(littleEndian: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(littleEndian).reverse().toHex()}`);
}

function littleEndian(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();
}

const both = (r: Uint8Array, number: bigint) => Buffer.concat([r, littleEndian(number)]);

Deno.test("ed25519: the right signature is right for its message alone", () => {
  assertEquals(right.length, 64);
  assertEquals([
    check(MESSAGE, right),
    check(new TextEncoder().encode(MESSAGE), new Uint8Array(right)),
    check(`${MESSAGE}.`, right),
  ], [true, true, false]);
});

const IDENTITY = littleEndian(1n);

/** What is not the right signature, though some of it comes near. */
const WRONG: Readonly<Record<string, Uint8Array>> = {
  "nothing": new Uint8Array(),
  "zeros": new Uint8Array(64),
  "all ones": new Uint8Array(64).fill(0xff),
  "S with the order added": both(point, s + ORDER),
  "S with the order added twice": both(point, s + 2n * ORDER),
  "S with the order added seven times": both(point, s + 7n * ORDER),
  "S of zero": both(point, 0n),
  "S of the order": both(point, ORDER),
  "the order less S": both(point, ORDER - s),
  "S with its highest bit set": both(point, s + 2n ** 255n),
  "R of the other sign": Buffer.concat([
    littleEndian(numberOf(point) ^ 2n ** 255n),
    right.subarray(32),
  ]),
  "R that is the identity": Buffer.concat([IDENTITY, right.subarray(32)]),
  "R that is the identity, S of zero": both(IDENTITY, 0n),
  "R that is no point": both(littleEndian(2n), s),
  "R of the field's size": both(littleEndian(FIELD), s),
  "S before R": Buffer.concat([right.subarray(32), point]),
  "S from back to front": Buffer.concat([point, Buffer.from(right.subarray(32)).reverse()]),
  "a zero in front": Buffer.concat([Buffer.of(0), right]),
  "a zero behind": Buffer.concat([right, Buffer.of(0)]),
  "without its last byte": right.subarray(0, -1),
  "its first half": right.subarray(0, 32),
  "as long as one by Ed448": Buffer.concat([right, Buffer.alloc(50)]),
};

for (const [sentence, signature] of Object.entries(WRONG)) {
  Deno.test(`ed25519: ${sentence} is wrong`, () => {
    assertEquals(check(MESSAGE, signature), false);
  });
}

Deno.test("ed25519: anyone could sign for a key of small order, which is why none is read", () => {
  const jwk = { kty: "OKP", crv: "Ed25519", x: base64url(IDENTITY) };
  const forged = both(IDENTITY, 0n);
  assertEquals(ed25519Check({ crv: jwk.crv, x: jwk.x })("any message at all", forged), true);
  assertEquals(readPublicKey(jwk).ok, false);
});

Deno.test("ed25519: no bytes whatever make the check throw", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 60, maxLength: 68 }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      (loose, half) => {
        assertEquals([check(MESSAGE, loose), check(MESSAGE, both(half, s))], [false, false]);
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("ed25519: members that are no key are a bug, not a key", () => {
  for (const members of [{}, { crv: "Ed25519", x: "AA" }, { crv: "Ed448", x: base64url(point) }]) {
    assertThrows(() => ed25519Check(members as Record<string, string>));
  }
});
