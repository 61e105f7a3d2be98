import { ALGORITHMS } from "../../src/jws/algorithms.ts";
import { fitsAlgorithm, readPublicKey, toJwk } from "../../src/jws/public_key.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { base64url, lookalikeKey } from "../support/tokens.ts";

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

const REFUSED: readonly (readonly [sentence: string, entry: unknown, why: string])[] = [
  ["null", null, "not an object"],
  ["a text", "key", "not an object"],
  ["a number", 7, "not an object"],
  ["a list", [GOOD], "not an object"],
  ["true", true, "not an object"],
  ["an empty object", {}, "not an RSA key"],
  ["an unknown kty", { ...GOOD, kty: "LWE" }, "not an RSA key"],
  ["a kty in lower case", { ...GOOD, kty: "rsa" }, "not an RSA key"],
  ["a kty that is a list", { ...GOOD, kty: ["RSA"] }, "not an RSA key"],
  ["no kty", { ...GOOD, kty: undefined }, "not an RSA key"],
  ["an EC key", { kty: "EC", crv: "P-256", x: "AA", y: "AA", kid: "ec" }, "not an RSA key"],
  ["an OKP key", { kty: "OKP", crv: "Ed25519", x: "AA" }, "not an RSA key"],
  ["a shared secret (oct)", { kty: "oct", k: "c2VjcmV0" }, "not an RSA key"],
  ["a post-quantum key (AKP)", { kty: "AKP", alg: "ML-DSA-44", pub: "AA" }, "not an RSA key"],
  ["the use enc", { ...GOOD, use: "enc" }, "not meant for signatures"],
  ["an unknown use", { ...GOOD, use: "x" }, "not meant for signatures"],
  ["a use that is null", { ...GOOD, use: null }, "not meant for signatures"],
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
  ["the algorithm PS256", { ...GOOD, alg: "PS256" }, "algorithm"],
  ["the algorithm HS256", { ...GOOD, alg: "HS256" }, "algorithm"],
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
  ["members hidden in __proto__", JSON.parse('{"__proto__":{"kty":"RSA"}}'), "not an RSA key"],
];

for (const [sentence, entry, why] of REFUSED) {
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
];

for (const [sentence, entry] of ACCEPTED) {
  Deno.test(`public key: a key ${sentence} is used, reduced to what it needs`, () => {
    const key = readPublicKey(JSON.parse(JSON.stringify(entry)));
    assert(key.ok);
    const { kid, alg, n, e } = entry;
    const expected = JSON.parse(JSON.stringify({ kty: "RSA", kid, alg, n, e }));
    assertEquals(toJwk(key.value), expected);
  });
}

Deno.test("public key: a published private key is not repeated in the reason", () => {
  const key = readPublicKey({ ...GOOD, d: "c2VjcmV0LWV4cG9uZW50" });
  assert(!key.ok);
  assertExcludes(key.failure, "c2VjcmV0");
});

Deno.test("public key: it serves its own algorithm only, without alg every one of its type", () => {
  const fits = (extra: Record<string, unknown>) => {
    const key = readPublicKey({ ...GOOD, ...extra });
    assert(key.ok);
    return ALGORITHMS.flatMap((row) =>
      row.keysFrom === "key set" && fitsAlgorithm(key.value, row) ? [row.name] : []
    );
  };
  assertEquals(fits({ alg: "RS384" }), ["RS384"]);
  assertEquals(fits({}), ["RS256", "RS384", "RS512"]);
});
