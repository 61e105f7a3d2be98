/**
 * RSA by its numbers: keys of sizes that the platform does not make or takes long to make, and signatures
 * over encodings that no library would sign. For tests alone: its time depends on the secret exponent.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { base64url, type Jwk, type Signer } from "./tokens.ts";

/** A key pair as numbers. */
export interface RsaPair {
  readonly modulus: bigint;
  readonly exponent: bigint;
  readonly secret: bigint;
  /** Length of the modulus, in whole bytes. */
  readonly bytes: number;
}

/** The pair of two primes and a public exponent. */
export function pairOfPrimes(p: bigint, q: bigint, exponent = 65_537n): RsaPair {
  const secret = inverse(exponent, (p - 1n) * (q - 1n));
  return { modulus: p * q, exponent, secret, bytes: bytesOf(p * q) };
}

/** The pair that a private JWK holds. */
export function pairOf({ n, e, d }: JsonWebKey): RsaPair {
  const modulus = numberOf(n);
  return { modulus, exponent: numberOf(e), secret: numberOf(d), bytes: bytesOf(modulus) };
}

/** The public half of a pair, as an entry of a key set. */
export function jwkOf({ modulus, exponent, bytes }: RsaPair, extra: Jwk = {}): Jwk {
  const e = exponent.toString(16);
  return {
    kty: "RSA",
    n: base64url(bigEndian(modulus, bytes)),
    e: base64url(Buffer.from(e.padStart(e.length + e.length % 2, "0"), "hex")),
    ...extra,
  };
}

/** DigestInfo up to the hash (RFC 8017, section 9.2, note 1). */
export const DIGEST_INFO = {
  sha256: "3031300d060960864801650304020105000420",
  sha384: "3041300d060960864801650304020205000430",
  sha512: "3051300d060960864801650304020305000440",
} as const;

/** A hash, as the platform names it. */
export type Sha2 = keyof typeof DIGEST_INFO;

/** The hash of a message, in hexadecimal digits. */
export function hashOf(message: string | Uint8Array, hash: Sha2): string {
  return createHash(hash).update(message).digest("hex");
}

/** An encoded message of that many bytes, in hexadecimal digits, that ends with these digits (section 9.2). */
export function encode(end: string, bytes: number): string {
  return `0001${"ff".repeat(bytes - 3 - end.length / 2)}00${end}`;
}

/** What comes out of the private operation for an encoded message in hexadecimal digits. */
export function signEncoded({ modulus, secret, bytes }: RsaPair, encoded: string): Uint8Array {
  return bigEndian(power(BigInt(`0x${encoded}`), secret, modulus), bytes);
}

/** Signs as RSASSA-PKCS1-v1_5 does. */
export function pairSigner(pair: RsaPair, hash: Sha2 = "sha256"): Signer {
  return (message) => {
    const end = DIGEST_INFO[hash] + hashOf(message, hash);
    return Promise.resolve(signEncoded(pair, encode(end, pair.bytes)));
  };
}

/** How an encoded message for RSASSA-PSS is made, where it is not as JWS has it. */
export interface PssOptions {
  /** A salt of another length than the hash's. */
  readonly salt?: Uint8Array;
  /** The hash of MGF1, where it is another one. */
  readonly mgfHash?: Sha2;
  /** What stands before the salt in place of zeros and a one, in the last bytes. */
  readonly separator?: Uint8Array;
  /** The last byte. */
  readonly trailer?: number;
  /** Bits to set in the first byte, behind the mask. */
  readonly firstBits?: number;
}

/**
 * The encoded message of RSASSA-PSS for a modulus of that many bits, in hexadecimal digits (section
 * 9.1.1): written from the RFC, apart from the check that it is for.
 */
export function encodePss(
  message: string,
  hash: Sha2,
  bits: number,
  options: PssOptions = {},
): string {
  const bytes = Math.ceil((bits - 1) / 8);
  const inner = Buffer.from(hashOf(message, hash), "hex");
  const salt = options.salt ?? crypto.getRandomValues(new Uint8Array(inner.length));
  const salted = Buffer.concat([Buffer.alloc(8), inner, salt]);
  const code = Buffer.from(hashOf(salted, hash), "hex");
  const block = Buffer.alloc(bytes - code.length - 1);
  const separator = options.separator ?? Buffer.of(1);
  block.set(separator, block.length - salt.length - separator.length);
  block.set(salt, block.length - salt.length);
  const mask = mgf1(code, block.length, options.mgfHash ?? hash);
  const masked = block.map((byte, i) => byte ^ (mask[i] ?? 0));
  masked[0] = (masked[0] ?? 0) & (0xff >> (8 * bytes - (bits - 1))) | (options.firstBits ?? 0);
  return Buffer.concat([masked, code, Buffer.of(options.trailer ?? 0xbc)]).toString("hex");
}

function mgf1(seed: Uint8Array, length: number, hash: Sha2): Buffer {
  let mask = "";
  for (let count = 0; mask.length < 2 * length; count++) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(count);
    mask += hashOf(Buffer.concat([seed, counter]), hash);
  }
  return Buffer.from(mask.slice(0, 2 * length), "hex");
}

/** A number in that many bytes. */
export function bigEndian(value: bigint, bytes: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * bytes, "0"), "hex");
}

/** Signatures that are near a right one, by what is wrong with each. */
export function wrongSignatures(
  { modulus, bytes }: RsaPair,
  signature: bigint,
): Readonly<Record<string, Uint8Array>> {
  const right = bigEndian(signature, bytes);
  return {
    "nothing": new Uint8Array(),
    "the modulus added": bigEndian(signature + modulus, bytes),
    "the modulus added, a byte longer": bigEndian(signature + modulus, bytes + 1),
    "a zero in front": Buffer.concat([Buffer.of(0), right]),
    "a zero behind": Buffer.concat([right, Buffer.of(0)]),
    "without its first byte": right.subarray(1),
    "without its last byte": right.subarray(0, -1),
    "the modulus less the right one": bigEndian(modulus - signature, bytes),
    "the modulus": bigEndian(modulus, bytes),
    "the modulus less one": bigEndian(modulus - 1n, bytes),
    "zero": new Uint8Array(bytes),
    "one": bigEndian(1n, bytes),
    "all ones": new Uint8Array(bytes).fill(0xff),
  };
}

/** The number that unpadded base64url stands for. */
export function numberOf(text = ""): bigint {
  return BigInt(`0x${Buffer.from(text, "base64url").toString("hex")}`);
}

function bytesOf(value: bigint): number {
  return Math.ceil(value.toString(2).length / 8);
}

function power(value: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (const digit of exponent.toString(2)) {
    result = result * result % modulus;
    if (digit === "1") result = result * value % modulus;
  }
  return result;
}

/** What times `value` leaves one, by Euclid's algorithm. Throws where nothing does. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [modulus, value, 0n, 1n];
  while (b !== 0n) [a, b, x, y] = [b, a % b, y, x - a / b * y];
  if (a !== 1n) throw new RangeError("the numbers have a common factor");
  return (x + modulus) % modulus;
}

/** Two primes whose product has 8192 bits; made for these tests, with OpenSSL. */
export const PRIMES_8192: readonly [bigint, bigint] = [
  numberOf(
    "4QXn0XelRjF7O0Mv0FqviHLhCWuxOfMKsVlZ9ZEZgz6vnceoQiVtBoBgzBgaGZLMY0xVToeSmXQl1aWWOcUCK0THRX5RAkhTiu1swgh6UPTo4LiuwHCkeRDDovwu7Pa_BxhKwc3z2wPtU2hQdSoQQ4lY20ljRTTzEAVpeSopQJVgkGeA16jIbIIUVo5kdmaYWeINbZUgC1v5gGjTKMhTyXtQjjdbD_GaihQSK0mshO-ZlAB6cGRDC1y_0WIsd89TB0rZp9JroOlVUoGnf80uRlz10vslf4xAag5SxGM2m-SI2GB8wv9axWh2YJ_g0HULpVdk6NToqe57Go2lxILOc1L0TmbNwtDBuCkAylF21pfQsR6Z523A23LBLQQzQkZI-DDHXFYf9RfIsp_O9sXkZ5UI_zH2JgLQyH7yFuJ29t1H1nQnNhne1bBTO6qmxseYK-jOg1Y0tgdOgvWz2FiRwc2VBk39fsNqoJOLQf-2fSE3o7Nt1XBHBUDgA1gPitTkARfMAFL1g0LYZHDZUGYN2s8sexMRES5EiUZNix71kBe09n8p--uoLq1-8Rj8_6FLnKuuskcSvDMQ4_QltMzz8KO36og4Td3IwIuElGe3mCzmATfR56OOj-AsV5bZ2_XuewlOYOCooVgY98HESw6-zyBXpAnc61HY5nodEoAmWXE",
  ),
  numberOf(
    "2fJl1yIedYoyDqQ6hZBx3_Xxvv-JCM5aiHHUR2VjyQe4H2ENZlK65YxUXkAvmn_hB6hfVeOY0PvzefaTCX7BwxdNuZs0lUcMQc5SiNdxGq4-OFisQkE0fzIopxU5yKKLgn_O4TtuXT62Vr2ixMChPErEFN-1s4gWZxNqEemPogbHxeIDR21FeqCYPJylEMCze7vtczQm9K-z_OosKdZ3w7EUl-HFrm-EDs-9xn6_BYrcjfgBG8H4pBoh9dGNZgZPNxodXVsz322Kq_Gbo_Q2fhUtUozVVl8mJdVH8My-TzGIYlU6HGdUQIr5F-Ex1CitUt_Q1dEL4cSKe7nbLf0WJb8xrZR-Wg7w0Vb2V_cmsnnL9grkH4uI8SSU1TMDOy9fWGDJI6Hsxdy4YE_pfBW6G6OVUpo5OAhn18wkH0BWe1lto_p-DEHtdB85MHo33jmlD2AFmekcNKi7IRdjtER5mO12cZHNeX7jJwQFxmmcZ8EDF9op7yjyGQCO22cyDM97WAnuklLrLcpg5G1U7UBJwY70kG-NviPHVDXvk-avuONsHeZfIEWt5oQR8TkYAOgMpdtNZpRpnnw5L8pSsFi3DZVJZjUcdUwxiDTb0OqEY-l1Ja9CkvQvcQgOHqdF9ti7pGp3XpZrJCBTjvxUKiHx6BkebdwT_2n-wbeXIuU_fnk",
  ),
];

/** Two primes whose product has 4104 bits: more than this runtime's own check takes. */
export const PRIMES_4104: readonly [bigint, bigint] = [
  numberOf(
    "DE4vaai4wPQDDrf0ha-5OgYq1zYlzaw42NloBSlYbVbS2NCkSWyauN-NZaE77MHVjtyEYC-g-kF1cFRR1mbSYftYrNKI-43Wl3LP5YqrlJbgBmcb6vfqgt4Lzda_4HYMc4LTXpiAduZEb0ife99HPd5_JgABegvmYuPhiRCZHNjA9fDk5X_GxMp1gteivOf2Ay2veQzY9_vyNCo4YwaOl9qnDeBf-CcJtiKJN2Q54buzKJX5MPFm0spqdlTl6c4bAAaIuqnDe58H8t3wK_JYFOtJR_ip6CaiIekIXkjowT2vs6LQoUA5I81AbMzsV_6-_pyB4GWTi7MMetIPfcZEHl0",
  ),
  numberOf(
    "C53bRQJUDtCXre_28yYQkzXQVFhUjAIwM_X9p3xIbxZc_L7fbd1Ux0SL6oa7_cyP0fhW3V2kmcPgv3BEEvrMwLqpcMRNBMiBK6NXF33CBVCKL7m9pJfuvFP-UCtIpxzmEloyX09rDwoeKoz5YLJdOrnqgEIX17EBjpZBh2zJjfQcj9h23_39mOQFZYZbfrTTkuGgRGEdJRp0ZyyG9kQVV4gRl8Csba1yNj9bpJnDKAmb0KINGGquncFG54dRofrFaeI0BLmrqDf3rsPcSbL3CoBPaHMkbd21H6rxJzdqGh8cIcncmwnePWMsM_Upze_Q56qNW8GaEsDYu8LXBarSJss",
  ),
];
