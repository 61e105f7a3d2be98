/** Keys at the ends of what is accepted, and beyond: used for real, or skipped with a reason. */
import { type Group, type Row, testTokens } from "../support/token_rows.ts";
import { assertEquals } from "../support/assert.ts";
import {
  bigEndian,
  jwkOf,
  numberOf,
  pairOf,
  pairOfPrimes,
  pairSigner,
  PRIMES_4104,
  PRIMES_8192,
  type RsaPair,
} from "../support/rsa_numbers.ts";
import {
  base64url,
  breakSignature,
  type Jwk,
  publicJwk,
  rawToken,
  rsaKey,
  signToken,
} from "../support/tokens.ts";
import { type Stack, startStack } from "../support/stack.ts";

const HASHES = { RS256: "sha256", RS384: "sha384", RS512: "sha512" } as const;

/** Good claims, signed by a pair under its `kid`. */
function signedBy(pair: RsaPair, kid: string, alg: keyof typeof HASHES = "RS256") {
  return (stack: Stack) =>
    rawToken(
      JSON.stringify({ alg, kid }),
      JSON.stringify(stack.claims()),
      pairSigner(pair, HASHES[alg]),
    );
}

/** The largest prime below 2 ^ 32. */
const LARGEST_EXPONENT = 4_294_967_291n;

const LARGEST = pairOfPrimes(...PRIMES_8192);

const PAIRS: Readonly<Record<string, RsaPair>> = {
  "2048 bits": pairOf((await rsaKey()).privateJwk),
  "2049 bits": pairOf((await rsaKey(0, 2049)).privateJwk),
  "4096 bits": pairOf((await rsaKey(0, 4096)).privateJwk),
  "4104 bits": pairOfPrimes(...PRIMES_4104),
  "8192 bits": LARGEST,
  "4104 bits and an exponent of 32 bits": pairOfPrimes(...PRIMES_4104, LARGEST_EXPONENT),
};

const published: Group = {
  provider: { keys: Object.entries(PAIRS).map(([kid, pair]) => jwkOf(pair, { kid })) },
};

testTokens("tokens by keys of every accepted size are let in", [
  ...Object.entries(PAIRS).map(([kid, pair]): Row => [kid, "accepted", signedBy(pair, kid)]),
  ...(["RS384", "RS512"] as const).map((alg): Row => [
    `8192 bits by ${alg}`,
    "accepted",
    signedBy(LARGEST, "8192 bits", alg),
  ]),
], published);

testTokens(
  "tokens by keys of every accepted size with a changed signature, or by another key, are not",
  Object.entries(PAIRS).flatMap(([kid, pair], i): Row[] => {
    const [, other] = Object.entries(PAIRS)[(i + 1) % Object.keys(PAIRS).length] ?? [];
    return [
      [
        `${kid}, changed`,
        "bad_signature",
        async (stack) => breakSignature(await signedBy(pair, kid)(stack)),
      ],
      [`${kid}, another key`, "bad_signature", signedBy(other ?? pair, kid)],
    ];
  }),
  published,
);

/** Entries that look like RSA keys: nothing was ever signed with them. */
function entry(bits: number, e = "AQAB"): Jwk {
  const n = base64url(bigEndian((1n << BigInt(bits)) - 1n, Math.ceil(bits / 8)));
  return { kty: "RSA", n, e };
}

Deno.test("keys beyond the accepted sizes are skipped with their reason, and their tokens refused", async () => {
  const small = await rsaKey(0, 2040);
  const one = await rsaKey();
  const keys = [
    publicJwk(one, { kid: "one" }),
    publicJwk(small, { kid: "small" }),
    { ...entry(8193), kid: "large" },
    { ...entry(8192, base64url(bigEndian(4_294_967_297n, 5))), kid: "slow" },
    { ...publicJwk(one), e: "AQ", kid: "anybody" },
  ];
  await using stack = await startStack({ KEY_COOLDOWN_SECS: "1" }, { keys });
  assertEquals((await stack.call(`Bearer ${await stack.token()}`)).status, 200);
  const reasons = stack.proxy.log.lines
    .filter(({ message }) => message === "ignoring a key of the provider")
    .map(({ fields }) => fields.why);
  assertEquals(reasons, [
    'key "small": only 2040 bits, at least 2048 are needed',
    'key "large": 8193 bits, at most 8192 are accepted',
    'key "slow": its public exponent is too large',
    'key "anybody": its public exponent is too small or even',
  ]);
  const token = await signToken(small, stack.claims(), { kid: "small" });
  assertEquals((await stack.call(`Bearer ${token}`)).status, 401);
  assertEquals(stack.proxy.access.at(-1)?.reason, "unknown_key");
  assertEquals(numberOf(String(keys[2]?.n)).toString(2).length, 8193);
});
