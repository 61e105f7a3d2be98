/** ECDSA signatures of JWS (RFC 7518, section 3.4): two numbers in range, each at full length. */
import { Buffer } from "node:buffer";
import { createPublicKey, sign, verify } from "node:crypto";
import fc from "fast-check";
import { type Curve, P256, P384, P521 } from "../../src/jws/curves.ts";
import { ecdsaCheck } from "../../src/jws/ecdsa.ts";
import { readPublicKey } from "../../src/jws/public_key.ts";
import type { Sha2 } from "../../src/jws/signature.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { bigEndian } from "../support/rsa_numbers.ts";
import { keySigner, pairFor } from "../support/tokens.ts";

const MESSAGE = "header.payload";

const ROWS = [
  ["ES256", P256, "sha256"],
  ["ES384", P384, "sha384"],
  ["ES512", P521, "sha512"],
] as const;

interface Side {
  readonly check: ReturnType<typeof ecdsaCheck>;
  readonly right: Buffer;
  readonly r: bigint;
  readonly s: bigint;
}

/** A key's check, and a right signature by it. */
async function sideOf(alg: "ES256" | "ES384" | "ES512", curve: Curve, hash: Sha2): Promise<Side> {
  const key = await pairFor(alg);
  const read = readPublicKey(key.publicJwk);
  assert(read.ok);
  const right = Buffer.from(await keySigner(key)(new TextEncoder().encode(MESSAGE)));
  return {
    check: ecdsaCheck(read.value.members, curve, hash),
    right,
    r: BigInt(`0x${right.subarray(0, curve.bytes).toHex()}`),
    s: BigInt(`0x${right.subarray(curve.bytes).toHex()}`),
  };
}

for (const [alg, curve, hash] of ROWS) {
  const { bytes, order } = curve;
  const both = (r: bigint, s: bigint) => Buffer.concat([bigEndian(r, bytes), bigEndian(s, bytes)]);

  Deno.test(`ecdsa: ${alg}: the right signature is right for its message alone`, async () => {
    const { check, right } = await sideOf(alg, curve, hash);
    assertEquals(right.length, 2 * bytes);
    assertEquals([
      check(MESSAGE, right),
      check(new TextEncoder().encode(MESSAGE), new Uint8Array(right)),
      check(`${MESSAGE}.`, right),
    ], [true, true, false]);
  });

  Deno.test(`ecdsa: ${alg}: s and the order less s say the same: JWS asks for neither`, async () => {
    const { check, r, s } = await sideOf(alg, curve, hash);
    // It also shows that the order is the curve's: with another number the runtime would refuse it.
    assertEquals([check(MESSAGE, both(r, s)), check(MESSAGE, both(r, order - s))], [true, true]);
  });

  Deno.test(`ecdsa: ${alg}: a signature is two numbers in range, each at full length`, async () => {
    const { check, right, r, s } = await sideOf(alg, curve, hash);
    const fits = (value: bigint) => value < 1n << BigInt(8 * bytes);
    const wrong: Readonly<Record<string, Uint8Array>> = {
      "nothing": new Uint8Array(),
      "zeros": both(0n, 0n),
      "r of zero": both(0n, s),
      "s of zero": both(r, 0n),
      "r of one": both(1n, s),
      "s of one": both(r, 1n),
      "both one": both(1n, 1n),
      "r of the order": both(order, s),
      "s of the order": both(r, order),
      "both the order": both(order, order),
      "r less the order, as far as it goes": both(order - r, s),
      "all ones": new Uint8Array(2 * bytes).fill(0xff),
      "r and s exchanged": both(s, r),
      "a zero in front": Buffer.concat([Buffer.of(0), right]),
      "a zero behind": Buffer.concat([right, Buffer.of(0)]),
      "a zero before each number": Buffer.concat([
        Buffer.of(0),
        right.subarray(0, bytes),
        Buffer.of(0),
        right.subarray(bytes),
      ]),
      "without its last byte": right.subarray(0, -1),
      "without its first byte": right.subarray(1),
      "its first half": right.subarray(0, bytes),
      "twice": Buffer.concat([right, right]),
      "DER": derOf(r, s),
      ...(fits(r + order) ? { "the order added to r": both(r + order, s) } : {}),
      ...(fits(s + order) ? { "the order added to s": both(r, s + order) } : {}),
    };
    for (const [sentence, signature] of Object.entries(wrong)) {
      assertEquals(check(MESSAGE, signature), false, sentence);
    }
  });

  Deno.test(`ecdsa: ${alg}: DER is not taken at the length of a signature either`, async () => {
    const key = await pairFor(alg);
    const read = readPublicKey(key.publicJwk);
    assert(read.ok);
    const der = sign(hash, Buffer.from(MESSAGE), { key: { ...key.privateJwk }, format: "jwk" });
    const publicKey = createPublicKey({ key: { ...key.publicJwk }, format: "jwk" });
    assertEquals(verify(hash, Buffer.from(MESSAGE), publicKey, der), true);
    const check = ecdsaCheck(read.value.members, curve, hash);
    assertEquals(check(MESSAGE, der), false);
    const padded = Buffer.alloc(2 * bytes);
    der.copy(padded);
    assertEquals(check(MESSAGE, padded), false);
  });
}

/** A signature as ASN.1 has it: both numbers signed, each as short as it can be. */
function derOf(r: bigint, s: bigint): Buffer {
  const integer = (value: bigint) => {
    const hex = value.toString(16);
    const bytes = Buffer.from(hex.padStart(hex.length + hex.length % 2, "0"), "hex");
    const signed = (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Buffer.of(0), bytes]);
    return Buffer.concat([Buffer.of(2, signed.length), signed]);
  };
  const body = Buffer.concat([integer(r), integer(s)]);
  const length = body.length < 0x80 ? Buffer.of(body.length) : Buffer.of(0x81, body.length);
  return Buffer.concat([Buffer.of(0x30), length, body]);
}

Deno.test("ecdsa: no bytes whatever make the check throw", async () => {
  const { check, right } = await sideOf("ES256", P256, "sha256");
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 60, maxLength: 68 }),
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      (loose, exact) => {
        assertEquals([check(MESSAGE, loose), check(MESSAGE, exact)], [false, false]);
        const half = Buffer.concat([right.subarray(0, 32), exact.subarray(32)]);
        assertEquals(check(MESSAGE, half), false);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("ecdsa: members that are no key are a bug, not a key", () => {
  for (const members of [{}, { crv: "P-256", x: "AA", y: "AA" }]) {
    assertThrows(() => ecdsaCheck(members as Record<string, string>, P256, "sha256"));
  }
});
