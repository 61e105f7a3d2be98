/**
 * RFC 7518, JSON Web Algorithms: which are accepted, with which keys, and signatures of every wrong
 * shape, through the whole proxy. Nothing of a refused row reaches the upstream.
 */
import { Buffer } from "node:buffer";
import { constants, createPrivateKey, privateEncrypt } from "node:crypto";
import { assert } from "../support/assert.ts";
import { type Row, testTokens } from "../support/token_rows.ts";
import {
  base64url,
  keyFor,
  keySigner,
  noSigner,
  publicJwk,
  rawToken,
  rsaKey,
  secretSigner,
  type Signer,
  signHsToken,
  signToken,
} from "../support/tokens.ts";
import type { Stack } from "../support/stack.ts";

/** As long as the longest hash, and no longer: HMAC takes the hash of a longer secret for the same key. */
const SECRET = "a secret of the client that is sixty-four bytes long, all in all";
const RS = ["RS256", "RS384", "RS512"];
const PS = ["PS256", "PS384", "PS512"];
const HS = ["HS256", "HS384", "HS512"];

const number = (bytes: Uint8Array) => BigInt(`0x${bytes.toHex()}`);
const big = (value: bigint, length: number) =>
  Buffer.from(value.toString(16).padStart(2 * length, "0"), "hex");

/** Good claims under this `alg`, signed by whatever signs. */
function signedBy(alg: string, signer: Signer): (stack: Stack) => Promise<string> {
  const header = JSON.stringify({ alg, kid: "one" });
  return (stack) => rawToken(header, JSON.stringify(stack.claims()), signer);
}

/** Signs with the provider's key "one" by `alg`. */
const rsaSigner = (alg: string): Signer => async (input) =>
  await keySigner(await rsaKey(), alg)(input);

testTokens("3.1: the hash is the one that alg names", [
  ...RS.flatMap((alg) =>
    RS.map((made): Row => [
      `${alg} over a signature by ${made}`,
      alg === made ? "accepted" : "bad_signature",
      signedBy(alg, rsaSigner(made)),
    ])
  ),
  ...HS.flatMap((alg) =>
    HS.map((made): Row => [
      `${alg} over a code by ${made}`,
      alg === made ? "accepted" : "bad_signature",
      signedBy(alg, secretSigner(SECRET, made)),
    ])
  ),
  ...[[RS, PS], [PS, RS]].flatMap(([named = [], made = []]) =>
    named.map((alg, i): Row => [
      `${alg} over a signature by ${made[i]}`,
      "bad_signature",
      signedBy(alg, rsaSigner(made[i] ?? "")),
    ])
  ),
  ...PS.flatMap((alg) =>
    PS.map((made): Row => [
      `${alg} over a signature by ${made}`,
      alg === made ? "accepted" : "bad_signature",
      signedBy(alg, rsaSigner(made)),
    ])
  ),
], { settings: { CLIENT_SECRET: SECRET }, fetches: 2 });

/** Registered for something, or what somebody may take for an accepted one. */
const OTHER_NAMES = [
  ...["ES256K", "Ed448", "ML-DSA-44", "ESB256", "ES224", "PS224", "eddsa", "es256", "ed25519"],
  ...["RSA1_5", "RSA-OAEP", "A128KW", "dir", "ECDH-ES", "PBES2-HS256+A128KW", "A128GCM"],
  ...["RS1", "RS224", "HS1", "HS224", "MD5", "rs256", "Rs256", "hs256", "RS-256", "SHA256withRSA"],
  ...[
    " RS256",
    "RS256 ",
    "RS256\n",
    "RS256\0",
    "RS256,HS256",
    "RS256 HS256",
    "R\u017f256",
    "*",
    "",
  ],
  ...["__proto__", "constructor", "toString", "valueOf", "hasOwnProperty", "name", "length", "0"],
];

testTokens(
  "3.1: every other alg is refused before any key is looked at",
  OTHER_NAMES.map((alg): Row => [
    JSON.stringify(alg),
    "algorithm_not_allowed",
    signedBy(alg, rsaSigner("RS256")),
  ]),
  { settings: { CLIENT_SECRET: SECRET }, fetches: 0 },
);

/** The curves, with the length of each half of a signature in bytes and their order. */
const CURVES = [
  ["ES256", 32, 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n],
  [
    "ES384",
    48,
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  ],
  [
    "ES512",
    66,
    BigInt(
      "0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    ),
  ],
] as const;

/** A good token by `alg` whose signature is what is made of the right one. */
function changed(alg: string, change: (right: Buffer) => Uint8Array) {
  return async (stack: Stack) => {
    const token = await signToken(await keyFor(alg), stack.claims(), { alg, kid: "one" });
    const end = token.lastIndexOf(".") + 1;
    return token.slice(0, end) + base64url(change(Buffer.from(token.slice(end), "base64url")));
  };
}

/** The same two numbers in DER (RFC 3279, section 2.2.3), as TLS has them and JWS has not. */
function der(signature: Buffer): Buffer {
  const integer = (bytes: Uint8Array) => {
    const digits = bytes.toHex().replace(/^(00)+(?=..)/, "");
    const body = Buffer.from(/^[89a-f]/.test(digits) ? `00${digits}` : digits, "hex");
    return Buffer.concat([Buffer.of(2, body.length), body]);
  };
  const half = signature.length / 2;
  const both = Buffer.concat([
    integer(signature.subarray(0, half)),
    integer(signature.subarray(half)),
  ]);
  const length = both.length < 128 ? [both.length] : [0x81, both.length];
  return Buffer.concat([Buffer.of(0x30, ...length), both]);
}

for (const [alg, bytes, order] of CURVES) {
  const halves = (r: bigint | undefined, s: bigint | undefined) => (right: Buffer) =>
    Buffer.concat([
      r === undefined ? right.subarray(0, bytes) : big(r, bytes),
      s === undefined ? right.subarray(bytes) : big(s, bytes),
    ]);
  const row = (sentence: string, outcome: Row[1], change: (right: Buffer) => Uint8Array): Row => [
    sentence,
    outcome,
    changed(alg, change),
  ];
  const keys = [publicJwk(await keyFor(alg), { kid: "one" })];
  testTokens(`3.4: an ${alg} signature is r and s, each from 1 to the order less one`, [
    row("the right one", "accepted", (right) => right),
    row(
      "the other s of the same signature",
      "accepted",
      (right) => halves(undefined, order - number(right.subarray(bytes)))(right),
    ),
    row("r = s = 0", "bad_signature", halves(0n, 0n)),
    row("r = 0", "bad_signature", halves(0n, undefined)),
    row("s = 0", "bad_signature", halves(undefined, 0n)),
    row("r = s = 1", "bad_signature", halves(1n, 1n)),
    row("r is the order", "bad_signature", halves(order, undefined)),
    row("s is the order", "bad_signature", halves(undefined, order)),
    row("all ones", "bad_signature", () => Buffer.alloc(2 * bytes, 0xff)),
    row("in DER", "bad_signature", der),
    row("a byte short", "bad_signature", (right) => right.subarray(0, -1)),
    row(
      "a zero in front of each",
      "bad_signature",
      (right) =>
        Buffer.concat([
          Buffer.of(0),
          right.subarray(0, bytes),
          Buffer.of(0),
          right.subarray(bytes),
        ]),
    ),
    row(
      "s before r",
      "bad_signature",
      (right) => Buffer.concat([right.subarray(bytes), right.subarray(0, bytes)]),
    ),
  ], { provider: { keys }, fetches: 2 });
}

testTokens("3.4: a code of 21,000 bytes for ES512 is refused unread", [
  ["ES512", "token_too_long", signedBy("ES512", () => Promise.resolve(new Uint8Array(21_000)))],
], { fetches: 0 });

const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The number behind the point of an Ed25519 signature, changed; both are little-endian. */
function withS(change: (s: bigint) => bigint) {
  return (right: Buffer) => {
    const s = change(number(Buffer.from(right.subarray(32)).reverse()));
    return Buffer.concat([right.subarray(0, 32), big(s, 32).reverse()]);
  };
}

testTokens(
  "RFC 8037, 3.1, and RFC 9864: EdDSA and Ed25519 are one algorithm, with one form of a signature",
  [
    ...["EdDSA", "Ed25519"].map((alg): Row => [
      `named ${alg}`,
      "accepted",
      async (stack) => await signToken(await keyFor("EdDSA"), stack.claims(), { alg, kid: "one" }),
    ]),
    ["S and the order", "bad_signature", changed("EdDSA", withS((s) => s + ED25519_ORDER))],
    ["S = 0", "bad_signature", changed("EdDSA", withS(() => 0n))],
    ["a byte short", "bad_signature", changed("EdDSA", (right) => right.subarray(0, -1))],
    [
      "a zero behind",
      "bad_signature",
      changed("EdDSA", (right) => Buffer.concat([right, Buffer.of(0)])),
    ],
    ["all zeros", "bad_signature", changed("EdDSA", () => Buffer.alloc(64))],
  ],
  { provider: { keys: [publicJwk(await keyFor("EdDSA"), { kid: "one" })] }, fetches: 2 },
);

/** One key of each type and curve, all of the same name: the algorithm alone chooses between them. */
const ONE_NAME = await Promise.all(
  ["RS256", "ES256", "ES384", "ES512", "EdDSA"].map(async (alg) =>
    publicJwk(await keyFor(alg), { kid: "one" })
  ),
);

testTokens("3.1: of keys with the same kid each algorithm uses that of its own type and curve", [
  ...["RS256", "PS384", "ES256", "ES384", "ES512", "EdDSA"].map((alg): Row => [
    `a good signature by ${alg}`,
    "accepted",
    async (stack) => await signToken(await keyFor(alg), stack.claims(), { alg, kid: "one" }),
  ]),
  ...([
    ["ES256", "ES384"],
    ["ES384", "ES256"],
    ["ES512", "ES256"],
    ["EdDSA", "ES256"],
    [
      "RS256",
      "ES256",
    ],
    ["ES256", "EdDSA"],
    ["HS256", "RS256"],
  ] as const).map(([alg, made]): Row => [
    `${alg} over a signature by ${made}`,
    alg === "HS256" ? "algorithm_not_allowed" : "bad_signature",
    async (stack) => {
      const header = JSON.stringify({ alg, kid: "one" });
      return await rawToken(
        header,
        JSON.stringify(stack.claims()),
        keySigner(await keyFor(made), made),
      );
    },
  ]),
], { provider: { keys: ONE_NAME }, fetches: 2 });

testTokens("RFC 7517, 4.4: a key with alg serves that algorithm alone", [
  ["PS256 by the key for RS256", "unknown_key", signedBy("PS256", rsaSigner("PS256"))],
  ["RS256 by the key for RS256", "accepted", signedBy("RS256", rsaSigner("RS256"))],
], { provider: { keys: [publicJwk(await rsaKey(), { kid: "one", alg: "RS256" })] } });

/** What is made of the right signature's bytes. */
function misshapen(
  sentence: string,
  change: (signature: Buffer) => Uint8Array,
  row = "bad_signature",
): Row {
  return [sentence, row as Row[1], async (stack) => {
    const token = await stack.token();
    const end = token.lastIndexOf(".") + 1;
    return token.slice(0, end) + base64url(change(Buffer.from(token.slice(end), "base64url")));
  }];
}

const modulus = number(Buffer.from((await rsaKey()).publicJwk.n ?? "", "base64url"));

testTokens("3.3: an RSA signature is a number below the modulus, of exactly its length", [
  misshapen("the right one", (right) => right, "accepted"),
  misshapen("without its last byte", (right) => right.subarray(0, -1)),
  misshapen("without its first byte", (right) => right.subarray(1)),
  misshapen("a zero in front", (right) => Buffer.concat([Buffer.of(0), right])),
  misshapen("a zero behind", (right) => Buffer.concat([right, Buffer.of(0)])),
  misshapen("twice", (right) => Buffer.concat([right, right])),
  misshapen("the first half", (right) => right.subarray(0, 128)),
  misshapen("from back to front", (right) => Buffer.from(right).reverse()),
  misshapen("one zero", () => Buffer.of(0)),
  misshapen("all zeros", () => Buffer.alloc(256)),
  misshapen("all ones", () => Buffer.alloc(256, 0xff)),
  misshapen("the number one", () => big(1n, 256)),
  misshapen("the modulus", () => big(modulus, 256)),
  misshapen("the modulus less one", () => big(modulus - 1n, 256)),
  misshapen("the modulus less the right one", (right) => big(modulus - number(right), 256)),
  misshapen(
    "the modulus and the right one, a byte longer",
    (right) => big(modulus + number(right), 257),
  ),
  ["the modulus and the right one, in as many bytes", "bad_signature", signatureAndModulus],
  misshapen("nine thousand bytes", () => Buffer.alloc(9_000, 1)),
  [
    "what the signature is over, unsigned",
    "bad_signature",
    signedBy("RS256", (input) => Promise.resolve(input)),
  ],
  ["its hash in a right padding, unsigned", "bad_signature", signedBy("RS256", padded)],
  ["its hash without the hash's name, signed", "bad_signature", signedBy("RS256", bareHash)],
], { fetches: 2 });

/** A good token whose signature is small enough to stay 256 bytes long with the modulus added. */
async function signatureAndModulus(stack: Stack): Promise<string> {
  for (let jti = 0; jti < 2_000; jti++) {
    const token = await stack.token({ jti });
    const end = token.lastIndexOf(".") + 1;
    const sum = number(Buffer.from(token.slice(end), "base64url")) + modulus;
    if (sum < 1n << 2048n) return token.slice(0, end) + base64url(big(sum, 256));
  }
  throw new Error("no signature is small enough");
}

/** The name of SHA-256 in an RSA signature (RFC 8017, section 9.2). */
const SHA256_PREFIX = "3031300d060960864801650304020105000420";

async function sha256(input: Uint8Array<ArrayBuffer>): Promise<Buffer> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", input));
}

/** What a signature opens to: with the exponent 1 it is the signature itself. */
async function padded(input: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const end = Buffer.concat([Buffer.of(0), Buffer.from(SHA256_PREFIX, "hex"), await sha256(input)]);
  return Buffer.concat([Buffer.of(0, 1), Buffer.alloc(254 - end.length, 0xff), end]);
}

/** Signs the hash alone with the provider's key, as some do by mistake. */
async function bareHash(input: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const key = createPrivateKey({ key: { ...(await rsaKey()).privateJwk }, format: "jwk" });
  const padding = constants.RSA_PKCS1_PADDING;
  const signature = privateEncrypt({ key, padding }, await sha256(input));
  assert(signature.length === 256);
  return signature;
}

/** What is made of the right code's bytes. */
function miscoded(
  sentence: string,
  change: (code: Buffer) => Uint8Array,
  row = "bad_signature",
): Row {
  return [sentence, row as Row[1], async (stack) => {
    const token = await signHsToken(SECRET, stack.claims());
    const end = token.lastIndexOf(".") + 1;
    return token.slice(0, end) + base64url(change(Buffer.from(token.slice(end), "base64url")));
  }];
}

testTokens("3.2: an HMAC is compared whole", [
  miscoded("the right one", (right) => right, "accepted"),
  miscoded("without its last byte", (right) => right.subarray(0, -1)),
  miscoded("its first half", (right) => right.subarray(0, 16)),
  miscoded("its first byte", (right) => right.subarray(0, 1)),
  miscoded("a zero behind", (right) => Buffer.concat([right, Buffer.of(0)])),
  miscoded("twice", (right) => Buffer.concat([right, right])),
  miscoded("in hexadecimal digits", (right) => Buffer.from(right.toString("hex"))),
  miscoded("all zeros", () => Buffer.alloc(32)),
  miscoded(
    "its last bit changed",
    (right) => Buffer.from(right.map((b, i) => i === 31 ? b ^ 1 : b)),
  ),
  ...([
    ["the secret in capitals", SECRET.toUpperCase()],
    ["the secret with a line end", `${SECRET}\n`],
    ["the secret in base64", Buffer.from(SECRET).toString("base64")],
    ["the secret's hash", await sha256(Buffer.from(SECRET))],
    ["a byte of zero", new Uint8Array(1)],
    ["the word undefined", "undefined"],
  ] as const).map(([sentence, secret]): Row => [
    `made with ${sentence}`,
    "bad_signature",
    (stack) => signHsToken(Uint8Array.from(Buffer.from(secret as string)), stack.claims()),
  ]),
  ["RS256 over a code by the secret", "bad_signature", signedBy("RS256", secretSigner(SECRET))],
  ["HS256 over a signature by the key", "bad_signature", signedBy("HS256", rsaSigner("RS256"))],
], { settings: { CLIENT_SECRET: SECRET }, fetches: 2 });

/** WebCrypto pads keys shorter than a block with zeros: one zero is the same key as none. */
const emptySecret = signedBy("HS256", secretSigner(new Uint8Array(1)));

testTokens(
  "3.2: an empty secret is none",
  [["a code by it", "algorithm_not_allowed", emptySecret]],
  {
    settings: { CLIENT_SECRET: "" },
    fetches: 0,
  },
);

const key = await rsaKey();
const oct = { kty: "oct", kid: "one", alg: "HS256", k: base64url(SECRET) };

/** A weak key named "one", and a good one that the tokens do not name. */
const weak = (e: string) => ({
  keys: [publicJwk(key, { kid: "one", e }), publicJwk(key, { kid: "two" })],
});

testTokens("6.3: a key with the exponent 1, with which anyone can sign, is not used", [
  ["a hash in a right padding", "unknown_key", signedBy("RS256", padded)],
], { provider: weak("AQ"), fetches: 2 });

testTokens("6.3: a key with the exponent 3 is not used", [
  ["a good token", "unknown_key", (stack) => stack.token()],
], { provider: weak("Aw"), fetches: 2 });

testTokens("6.4: a secret in the key set is not used", [
  ["a code by it", "algorithm_not_allowed", signedBy("HS256", secretSigner(SECRET))],
], { provider: { keys: [oct] }, fetches: 0 });

testTokens("6.4: a secret in the key set is not used where there is one in the settings either", [
  ["a code by it", "bad_signature", signedBy("HS256", secretSigner(SECRET))],
], { provider: { keys: [oct] }, settings: { CLIENT_SECRET: `${SECRET} and more` } });

testTokens("3.6: an unsecured token is refused", [
  ...["none", "RS256", "HS256"].map((alg): Row => [
    `${alg} with an empty signature`,
    "not_a_jwt",
    signedBy(alg, noSigner),
  ]),
  ["none with a signature", "algorithm_not_allowed", signedBy("none", rsaSigner("RS256"))],
], { settings: { CLIENT_SECRET: SECRET }, fetches: 0 });
