import { ALGORITHMS } from "../../src/jws/algorithms.ts";
import { fitsAlgorithm, readPublicKey, toJwk } from "../../src/jws/public_key.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { base64url, type Jwk, lookalikeKey, pairFor, publicJwk } from "../support/tokens.ts";

const GOOD = lookalikeKey("good");

/** A number of that many bits with these first and last bytes, base64url. */
function integer(bytes: number, first = 0xff, last = 0xff): string {
  const value = new Uint8Array(bytes).fill(0xff);
  value[0] = first;
  value[bytes - 1] = last;
  return base64url(value);
}

/** A number of 1024 bits in 256 bytes. */
const PADDED = new Uint8Array(256).fill(0xff, 128);

function big(value: number): string {
  const hex = value.toString(16);
  return base64url(Uint8Array.fromHex(hex.length % 2 === 0 ? hex : `0${hex}`));
}

const P256 = publicJwk(await pairFor("ES256"), { kid: "p-256" });
const P384 = publicJwk(await pairFor("ES384"), { kid: "p-384" });
const P521 = publicJwk(await pairFor("ES512"), { kid: "p-521" });
const ED25519 = publicJwk(await pairFor("EdDSA"), { kid: "ed25519" });

/** A member's bytes, changed. */
function changed(member: unknown, change: (bytes: Uint8Array) => Uint8Array): string {
  return base64url(change(Uint8Array.fromBase64(String(member), { alphabet: "base64url" })));
}

const longer = (bytes: Uint8Array) => Uint8Array.of(0, ...bytes);
const shorter = (bytes: Uint8Array) => bytes.subarray(1);
const otherBit = (bytes: Uint8Array) => bytes.map((byte, i) => i === 20 ? byte ^ 1 : byte);

/** The last character of unpadded base64url with one of the bits that stand for nothing set. */
function uncanonical(member: unknown): string {
  const text = String(member);
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return text.slice(0, -1) + letters.charAt(letters.indexOf(text.slice(-1)) + 1);
}

/** A little-endian number of 32 bytes. */
function littleEndian(value: bigint): string {
  return base64url(Uint8Array.fromHex(value.toString(16).padStart(64, "0")).reverse());
}

const FIELD_25519 = 2n ** 255n - 19n;
const FIELD_256 = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;

/** The eight points of small order by their y, each with both signs where they differ. */
const SMALL_ORDER = [
  0n,
  1n,
  FIELD_25519 - 1n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
].flatMap((y) => [y, y + 2n ** 255n]);

/** Keys on curves that are not used, and why. */
const REFUSED_CURVES: readonly (readonly [sentence: string, entry: unknown, why: string])[] = [
  ["P-256 and no kty", { ...P256, kty: undefined }, "its type is not one of"],
  ["P-256 as OKP", { ...P256, kty: "OKP" }, 'its curve "P-256" is not one of Ed25519'],
  ["secp256k1", { ...P256, crv: "secp256k1" }, 'its curve "secp256k1" is not one of P-256, P-384'],
  ["brainpool", { ...P256, crv: "BP-256" }, 'its curve "BP-256"'],
  ["a curve in lower case", { ...P256, crv: "p-256" }, 'its curve "p-256"'],
  ["no curve", { ...P256, crv: undefined }, "its curve is not one of P-256, P-384, P-521"],
  ["a curve that is a list", { ...P256, crv: ["P-256"] }, "its curve is not one of"],
  ["Ed448", { ...ED25519, crv: "Ed448" }, 'its curve "Ed448" is not one of Ed25519'],
  ["X25519", { ...ED25519, crv: "X25519" }, 'its curve "X25519" is not one of Ed25519'],
  ["X25519 for encryption", { ...ED25519, crv: "X25519", use: "enc" }, "for encryption"],
  ["the private half of P-256", { ...P256, d: "AQAB" }, "private"],
  ["the private half of Ed25519", { ...ED25519, d: "AQAB" }, "private"],
  ["P-256 for ES384", { ...P256, alg: "ES384" }, 'its algorithm "ES384" is not one of ES256'],
  ["P-384 for ES256", { ...P384, alg: "ES256" }, 'its algorithm "ES256" is not one of ES384'],
  ["P-256 for ES256K", { ...P256, alg: "ES256K" }, 'its algorithm "ES256K"'],
  ["P-256 for RS256", { ...P256, alg: "RS256" }, 'its algorithm "RS256"'],
  ["P-256 for ECDH-ES", { ...P256, alg: "ECDH-ES" }, 'its algorithm "ECDH-ES"'],
  ["Ed25519 for ES256", { ...ED25519, alg: "ES256" }, "is not one of EdDSA, Ed25519"],
  ["Ed25519 for Ed448", { ...ED25519, alg: "Ed448" }, 'its algorithm "Ed448"'],
  ["key_ops without verify", { ...P256, key_ops: ["deriveKey"] }, "key_ops"],
  ["P-256 for something else", { ...P256, use: "x509-svid" }, "not meant for signatures"],
  ["no x", { ...P256, x: undefined }, "x or y is missing"],
  ["no y", { ...P256, y: undefined }, "x or y is missing"],
  ["an x that is a number", { ...P256, x: 1 }, "x or y is missing"],
  ["an empty x", { ...P256, x: "" }, "x or y is not base64url of 32 bytes"],
  ["x with a zero in front", { ...P256, x: changed(P256.x, longer) }, "of 32 bytes"],
  ["y with a zero in front", { ...P256, y: changed(P256.y, longer) }, "of 32 bytes"],
  ["x without its first byte", { ...P384, x: changed(P384.x, shorter) }, "of 48 bytes"],
  ["y without its first byte", { ...P521, y: changed(P521.y, shorter) }, "of 66 bytes"],
  ["x with padding", { ...P256, x: `${P256.x}=` }, "not base64url"],
  ["x with a blank", { ...P256, x: `${P256.x} ` }, "not base64url"],
  ["x that is no base64url", { ...P256, x: `+${String(P256.x).slice(1)}` }, "not base64url"],
  ["x in another spelling", { ...P256, x: uncanonical(P256.x) }, "not base64url"],
  ["P-256 off the curve", { ...P256, x: changed(P256.x, otherBit) }, "not a point of P-256"],
  ["P-384 off the curve", { ...P384, y: changed(P384.y, otherBit) }, "not a point of P-384"],
  ["P-521 off the curve", { ...P521, y: changed(P521.y, otherBit) }, "not a point of P-521"],
  ["x and y exchanged", { ...P256, x: P256.y, y: P256.x }, "not a point of P-256"],
  ["the point of P-384 as one of P-256", { ...P384, crv: "P-256" }, "of 32 bytes"],
  [
    "zeros as coordinates",
    { ...P256, x: base64url(new Uint8Array(32)), y: base64url(new Uint8Array(32)) },
    "not a point of P-256",
  ],
  [
    "a coordinate that is the field's size",
    { ...P256, x: base64url(Uint8Array.fromHex(FIELD_256.toString(16))) },
    "not a point of P-256",
  ],
  ["Ed25519 without x", { ...ED25519, x: undefined }, "x is missing"],
  ["Ed25519 of 31 bytes", { ...ED25519, x: changed(ED25519.x, shorter) }, "of 32 bytes"],
  ["Ed25519 of 33 bytes", { ...ED25519, x: changed(ED25519.x, longer) }, "of 32 bytes"],
  ["Ed25519 in another spelling", { ...ED25519, x: uncanonical(ED25519.x) }, "not base64url"],
  ["Ed25519 off the curve", { ...ED25519, x: littleEndian(2n) }, "not a point of Ed25519"],
  ["Ed25519 of the field's size", { ...ED25519, x: littleEndian(FIELD_25519) }, "too large"],
  ["Ed25519 one above it", { ...ED25519, x: littleEndian(FIELD_25519 + 1n) }, "too large"],
  ["all ones as Ed25519", { ...ED25519, x: littleEndian(2n ** 256n - 1n) }, "too large"],
  ...SMALL_ORDER.map((y) =>
    [`Ed25519 of small order ${y}`, { ...ED25519, x: littleEndian(y) }, "small order"] as const
  ),
];

const REFUSED: readonly (readonly [sentence: string, entry: unknown, why: string])[] = [
  ["null", null, "not an object"],
  ["a text", "key", "not an object"],
  ["a number", 7, "not an object"],
  ["a list", [GOOD], "not an object"],
  ["true", true, "not an object"],
  ["an empty object", {}, "its type is not one of RSA, EC, OKP"],
  ["an unknown kty", { ...GOOD, kty: "LWE" }, 'its type "LWE" is not one of RSA'],
  ["a kty in lower case", { ...GOOD, kty: "rsa" }, 'its type "rsa" is not one of'],
  ["a kty that is a list", { ...GOOD, kty: ["RSA"] }, "its type is not one of"],
  ["no kty", { ...GOOD, kty: undefined }, "its type is not one of"],
  ["a shared secret (oct)", { kty: "oct", k: "c2VjcmV0" }, 'its type "oct"'],
  ["a post-quantum key (AKP)", { kty: "AKP", alg: "ML-DSA-44", pub: "AA" }, 'its type "AKP"'],
  ["the use enc", { ...GOOD, use: "enc" }, "for encryption"],
  ["an unknown use", { ...GOOD, use: "x" }, 'not meant for signatures (use "x")'],
  ["the use of SPIFFE", { ...GOOD, use: "jwt-svid" }, 'not meant for signatures (use "jwt-svid")'],
  ["a use that is null", { ...GOOD, use: null }, "not meant for signatures (use)"],
  ["key_ops without verify", { ...GOOD, key_ops: ["encrypt"] }, "not meant for verification"],
  ["empty key_ops", { ...GOOD, key_ops: [] }, "not meant for verification"],
  ["key_ops that are a text", { ...GOOD, key_ops: "verify" }, "not meant for verification"],
  ["the private exponent", { ...GOOD, d: "AQAB" }, "private"],
  ["a prime", { ...GOOD, p: "AQAB" }, "private"],
  ["the other prime", { ...GOOD, q: "AQAB" }, "private"],
  ["other primes", { ...GOOD, oth: [] }, "private"],
  ["a secret beside the modulus", { ...GOOD, k: "AQAB" }, "private"],
  ["a kid that is a number", { ...GOOD, kid: 1 }, "kid is not a text"],
  ["a kid that is null", { ...GOOD, kid: null }, "kid is not a text"],
  ["a kid that is a list", { ...GOOD, kid: ["good"] }, "kid is not a text"],
  ["the algorithm ES256", { ...GOOD, alg: "ES256" }, 'its algorithm "ES256" is not one of RS256'],
  ["the algorithm HS256", { ...GOOD, alg: "HS256" }, 'its algorithm "HS256"'],
  ["an algorithm in lower case", { ...GOOD, alg: "ps256" }, 'its algorithm "ps256"'],
  ["the algorithm RSA-OAEP", { ...GOOD, alg: "RSA-OAEP" }, "algorithm"],
  ["the algorithm none", { ...GOOD, alg: "none" }, "algorithm"],
  ["an algorithm that is a number", { ...GOOD, alg: 256 }, "algorithm"],
  ["an algorithm that is null", { ...GOOD, alg: null }, "algorithm"],
  ["no modulus", { ...GOOD, n: undefined }, "n or e is missing"],
  ["no exponent", { ...GOOD, e: undefined }, "n or e is missing"],
  ["a modulus that is a number", { ...GOOD, n: 65537 }, "n or e is missing"],
  ["an empty modulus", { ...GOOD, n: "" }, "not base64url"],
  ["a modulus that is no base64url", { ...GOOD, n: "a+/=" }, "not base64url"],
  ["an exponent that is no base64url", { ...GOOD, e: "?" }, "not base64url"],
  ["a modulus of 1024 bits", { ...GOOD, n: integer(128) }, "only 1024 bits"],
  ["a modulus of 2047 bits", { ...GOOD, n: integer(256, 0x7f) }, "only 2047 bits"],
  ["1024 bits behind leading zeros", { ...GOOD, n: base64url(PADDED) }, "only 1024 bits"],
  ["a modulus of 8193 bits", { ...GOOD, n: integer(1025, 0x01) }, "8193 bits"],
  ["a modulus of 8200 bits", { ...GOOD, n: integer(1025) }, "8200 bits"],
  ["an even modulus", { ...GOOD, n: integer(256, 0xff, 0xfe) }, "an even modulus"],
  ["the exponent 0", { ...GOOD, e: big(0) }, "exponent"],
  ["the exponent 1", { ...GOOD, e: big(1) }, "exponent"],
  ["the exponent 3", { ...GOOD, e: big(3) }, "exponent"],
  ["the exponent 65536", { ...GOOD, e: big(65_536) }, "exponent"],
  ["the exponent 65535", { ...GOOD, e: big(65_535) }, "exponent"],
  ["the even exponent 65538", { ...GOOD, e: big(65_538) }, "exponent"],
  ["the exponent 2 ^ 32 + 1", { ...GOOD, e: big(2 ** 32 + 1) }, "exponent is too large"],
  ["an exponent of 64 bits", { ...GOOD, e: integer(8) }, "exponent is too large"],
  ["members hidden in __proto__", JSON.parse('{"__proto__":{"kty":"RSA"}}'), "its type"],
];

for (const [sentence, entry, why] of [...REFUSED, ...REFUSED_CURVES]) {
  Deno.test(`public key: an entry with ${sentence} is not used`, () => {
    const key = readPublicKey(entry);
    assert(!key.ok);
    assertIncludes(key.failure, why);
  });
}

const ACCEPTED: readonly (readonly [sentence: string, entry: Record<string, unknown>])[] = [
  ["without alg", GOOD],
  ["with the algorithm RS256", { ...GOOD, alg: "RS256" }],
  ["with the algorithm RS384", { ...GOOD, alg: "RS384" }],
  ["with the algorithm RS512", { ...GOOD, alg: "RS512" }],
  ["with the algorithm PS384", { ...GOOD, alg: "PS384" }],
  ["with the use sig", { ...GOOD, use: "sig" }],
  ["with key_ops that hold verify", { ...GOOD, key_ops: ["sign", "verify"] }],
  ["without kid", { ...GOOD, kid: undefined }],
  ["with an empty kid", { ...GOOD, kid: "" }],
  ["with certificates, which are ignored", { ...GOOD, x5c: ["MII"], x5t: "x", x5u: "http://evil" }],
  ["with unknown members", { ...GOOD, foo: { bar: 1 } }],
  ["with a modulus of exactly 2048 bits", { ...GOOD, n: integer(256, 0x80) }],
  ["with a modulus of 4096 bits", { ...GOOD, n: integer(512) }],
  ["with a modulus of 8192 bits", { ...GOOD, n: integer(1024) }],
  ["with an exponent of 32 bits", { ...GOOD, e: integer(4) }],
  ["of P-256", P256],
  ["of P-384", P384],
  ["of P-521", P521],
  ["of P-521 with the algorithm ES512", { ...P521, alg: "ES512" }],
  ["of Ed25519", ED25519],
  ["of Ed25519 with the algorithm EdDSA", { ...ED25519, alg: "EdDSA" }],
  ["of Ed25519 with the algorithm Ed25519", { ...ED25519, alg: "Ed25519" }],
  ["of P-256 with a member of another type", { ...P256, n: "AQAB", e: "AQAB" }],
];

for (const [sentence, entry] of ACCEPTED) {
  Deno.test(`public key: a key ${sentence} is used, reduced to what it needs`, () => {
    const key = readPublicKey(JSON.parse(JSON.stringify(entry)));
    assert(key.ok);
    const { kty, kid, alg, n, e, crv, x, y } = entry;
    const members = kty === "RSA" ? { n, e } : { crv, x, y };
    const expected = JSON.parse(JSON.stringify({ kty, kid, alg, ...members }));
    assertEquals(toJwk(key.value), expected);
    // As another process gets it, and as the key cache file has it.
    assertEquals(JSON.parse(JSON.stringify(key.value)), key.value);
    assertEquals(readPublicKey(toJwk(key.value)), key);
  });
}

Deno.test("public key: a published private key is not repeated in the reason", () => {
  const key = readPublicKey({ ...GOOD, d: "c2VjcmV0LWV4cG9uZW50" });
  assert(!key.ok);
  assertExcludes(key.failure, "c2VjcmV0");
});

/** The names of the algorithms that a key may serve. */
const fits = (jwk: Jwk, extra: Jwk = {}) => {
  const key = readPublicKey({ ...jwk, ...extra });
  assert(key.ok);
  return ALGORITHMS.flatMap((row) =>
    row.keysFrom === "key set" && fitsAlgorithm(key.value, row) ? [row.name] : []
  );
};

Deno.test("public key: it serves its own algorithm only, without alg every one of its type", () => {
  assertEquals(fits(GOOD, { alg: "RS384" }), ["RS384"]);
  assertEquals(fits(GOOD, { alg: "PS256" }), ["PS256"]);
  assertEquals(fits(GOOD), ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]);
  for (const [key, alg] of [[P256, "ES256"], [P384, "ES384"], [P521, "ES512"]] as const) {
    assertEquals([fits(key), fits(key, { alg })], [[alg], [alg]]);
  }
});

Deno.test("public key: an Ed25519 key serves both names of its algorithm, whichever it has itself", () => {
  for (const alg of [undefined, "EdDSA", "Ed25519"]) {
    assertEquals(fits(ED25519, alg === undefined ? {} : { alg }), ["EdDSA", "Ed25519"]);
  }
});

/** What a key may say that it is for, and whether it is used where JWT-SVIDs are checked. */
const FOR_SVIDS: readonly (readonly [use: unknown, why: string | undefined])[] = [
  ["jwt-svid", undefined],
  [undefined, "not meant for JWT-SVIDs (use)"],
  ["sig", 'not meant for JWT-SVIDs (use "sig")'],
  ["enc", 'not meant for JWT-SVIDs (use "enc")'],
  ["x509-svid", 'not meant for JWT-SVIDs (use "x509-svid")'],
  ["JWT-SVID", 'not meant for JWT-SVIDs (use "JWT-SVID")'],
  [null, "not meant for JWT-SVIDs (use)"],
  [["jwt-svid"], "not meant for JWT-SVIDs (use)"],
];

for (const [use, why] of FOR_SVIDS) {
  Deno.test(`public key: for JWT-SVIDs the use ${JSON.stringify(use)} is ${why ?? "right"}`, () => {
    for (const jwk of [GOOD, P256]) {
      const key = readPublicKey({ ...jwk, ...(use === undefined ? {} : { use }) }, "jwt-svid");
      assertEquals(key.ok ? undefined : key.failure, why);
    }
  });
}

Deno.test("public key: no value of a key is quoted at length", () => {
  const long = "x".repeat(10_000);
  for (const extra of [{ kty: long }, { alg: long }, { use: long }, { kty: "EC", crv: long }]) {
    const key = readPublicKey({ ...GOOD, ...extra });
    assert(!key.ok && key.failure.length < 200);
  }
});
