/** Signed texts of RFC 7515, 7520, 7797, 8037 and Project Wycheproof, through the whole proxy. */
import { Buffer } from "node:buffer";
import { constants, createHash, createHmac, createPublicKey, verify } from "node:crypto";
import { readPublicKey } from "../../src/jws/public_key.ts";
import { isSignedBySecret, type TokenCheck } from "../../src/jws/signature.ts";
import { publicRow } from "../support/algorithms.ts";
import { startStack } from "../support/stack.ts";
import { assert, assertEquals, assertMatch, assertThrows } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { assertOutcome, makePipeline, type Outcome } from "../support/token_rows.ts";
import type { Jwk } from "../support/tokens.ts";
import {
  JOE_EXP,
  NOT_COMPACT,
  RFC7515_A1,
  RFC7515_A2,
  RFC7515_OTHERS,
  RFC7520_4_1,
  RFC7520_4_4,
  RFC7520_OTHERS,
  type Vector,
  WYCHEPROOF_INPUT,
  WYCHEPROOF_KEY,
  WYCHEPROOF_MODIFIED_PADDING,
  WYCHEPROOF_VALID,
} from "../support/vectors.ts";

const VECTORS: readonly Vector[] = [
  RFC7515_A1,
  RFC7515_A2,
  ...RFC7515_OTHERS,
  RFC7520_4_1,
  RFC7520_4_4,
  ...RFC7520_OTHERS,
];

const HMAC_SECRETS = [RFC7515_A1, RFC7520_4_4];

/**
 * A LEEWAY that keeps the claims of RFC 7515's examples alive today, in seconds: the whole proxy has no
 * other clock than the machine's.
 */
function leewayForJoe(): string {
  return String(Math.floor(Date.now() / 1000) - JOE_EXP + 3600);
}

function bytes(base64url: unknown): Buffer<ArrayBuffer> {
  return Buffer.from(String(base64url), "base64url");
}

function parts(jws: string): { readonly input: string; readonly signature: string } {
  const end = jws.lastIndexOf(".");
  return { input: jws.slice(0, end), signature: jws.slice(end + 1) };
}

/** Whether a vector is right, by the platform alone. */
function holds({ alg, jws, key }: Vector): boolean {
  const { input, signature } = parts(jws);
  if (key === undefined) return signature === "";
  if (key.kty === "oct") {
    return createHmac("sha256", bytes(key.k)).update(input).digest("base64url") === signature;
  }
  const publicKey = createPublicKey({ key, format: "jwk" });
  const options = alg.startsWith("ES")
    ? { key: publicKey, dsaEncoding: "ieee-p1363" as const }
    : alg.startsWith("PS")
    ? { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }
    : publicKey;
  const hash = alg === "EdDSA" ? null : `sha${alg.slice(2)}`;
  return verify(hash, Buffer.from(input), options, bytes(signature));
}

for (const vector of VECTORS) {
  Deno.test(`${vector.name} (${vector.alg}) is what it claims to be`, () => assert(holds(vector)));
}

Deno.test("RFC 7797 4.2 and RFC 7520 4.6 are what they claim to be", () => {
  const { input, signature } = parts(NOT_COMPACT.unencoded);
  const a1 = { ...RFC7515_A1, jws: `${input}$.02.${signature}` };
  const flat = JSON.parse(NOT_COMPACT.flattened);
  const whole = { ...RFC7520_4_4, jws: `${flat.protected}.${flat.payload}.${flat.signature}` };
  assertEquals([holds(a1), holds(whole)], [true, true]);
});

for (const { name, key } of HMAC_SECRETS) {
  Deno.test(`the key of ${name} is no text, so it cannot be a CLIENT_SECRET`, () => {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    assertThrows(() => decoder.decode(bytes(key?.k)));
  });
}

const TIMES: readonly (readonly [when: string, nowMs: number, outcome: Outcome])[] = [
  ["one millisecond before exp", JOE_EXP * 1000 - 1, "accepted"],
  ["at exp", JOE_EXP * 1000, "expired"],
];

for (const [when, nowMs, outcome] of TIMES) {
  Deno.test(`RFC 7515 A.1 and A.2, ${when}: ${outcome}`, async () => {
    const pipeline = makePipeline({
      issuer: "joe",
      clock: new FakeClock(nowMs),
      keys: [RFC7515_A2.key ?? {}],
      secret: bytes(RFC7515_A1.key?.k),
    });
    for (const { jws } of [RFC7515_A1, RFC7515_A2]) {
      assertEquals(await pipeline(`Bearer ${jws}`), outcome);
    }
  });
}

const OTHER_SECRET = "another secret of 32 bytes or more";

/** Changes the signature's first byte. */
function bent({ jws }: Vector): string {
  const { input, signature } = parts(jws);
  const changed = bytes(signature);
  changed[0] = (changed[0] ?? 0) ^ 1;
  return `${input}.${changed.toString("base64url")}`;
}

interface ProxyRow {
  readonly sentence: string;
  readonly jws: string;
  /** What the provider publishes. */
  readonly key: Jwk | undefined;
  readonly outcome: Outcome;
  readonly settings?: Readonly<Record<string, string>>;
}

const LATER = { LEEWAY: leewayForJoe() };

/** The claims of a vector come before its signature: only A.1 to A.3 have such as are accepted. */
const THROUGH_THE_PROXY: readonly ProxyRow[] = [
  {
    sentence: "A.2, with a LEEWAY up to today",
    ...RFC7515_A2,
    outcome: "accepted",
    settings: LATER,
  },
  { sentence: "A.2, long after its exp", ...RFC7515_A2, outcome: "expired" },
  {
    sentence: "A.2, its signature changed",
    jws: bent(RFC7515_A2),
    key: RFC7515_A2.key,
    outcome: "bad_signature",
    settings: LATER,
  },
  {
    sentence: "A.2, with the key of another vector",
    jws: RFC7515_A2.jws,
    key: RFC7520_4_1.key,
    outcome: "bad_signature",
    settings: LATER,
  },
  {
    sentence: "A.1, without a secret",
    ...RFC7515_A1,
    outcome: "algorithm_not_allowed",
    settings: LATER,
  },
  {
    sentence: "A.1, with another secret, its own in the key set",
    ...RFC7515_A1,
    outcome: "bad_signature",
    settings: { ...LATER, CLIENT_SECRET: OTHER_SECRET },
  },
  ...[...RFC7515_OTHERS, RFC7520_4_1, RFC7520_4_4, ...RFC7520_OTHERS].map((vector): ProxyRow => ({
    sentence: `${vector.name} (${vector.alg})`,
    jws: vector.jws,
    key: vector.key,
    outcome: vector.alg === "ES256" ? "accepted" : "not_a_jwt",
    settings: { ...LATER, CLIENT_SECRET: OTHER_SECRET },
  })),
  {
    sentence: "RFC 7520 4.5, detached",
    jws: NOT_COMPACT.detached,
    key: undefined,
    outcome: "not_a_jwt",
  },
  {
    sentence: "RFC 7520 4.6, flattened JSON, whose commas look like several values",
    jws: NOT_COMPACT.flattened,
    key: undefined,
    outcome: "repeated_credentials",
  },
  {
    sentence: "RFC 7797 4.2, an unencoded payload",
    jws: NOT_COMPACT.unencoded,
    key: undefined,
    outcome: "not_a_jwt",
  },
  {
    sentence: "Wycheproof tcId 33, whose payload is no JSON",
    jws: `${WYCHEPROOF_INPUT}.${WYCHEPROOF_VALID}`,
    key: WYCHEPROOF_KEY,
    outcome: "not_a_jwt",
  },
];

for (const { sentence, jws, key, outcome, settings } of THROUGH_THE_PROXY) {
  Deno.test(`through the proxy: ${sentence}: ${outcome}`, async () => {
    const keys = key === undefined ? [] : [key];
    await using stack = await startStack({ ISSUER: "joe", ...settings }, { keys });
    stack.provider.setIssuer("joe");
    await assertOutcome(stack, `Bearer ${jws}`, outcome);
  });
}

/** The check of tokens by the key of a vector. */
function checkBy(key: Jwk | undefined, alg = "RS256"): TokenCheck {
  const read = readPublicKey({ ...key, alg: undefined });
  assert(read.ok);
  return publicRow(alg).makeCheck(read.value.members);
}

for (const { name, alg, jws, key } of [...RFC7515_OTHERS, ...RFC7520_OTHERS]) {
  if (key === undefined) continue;
  Deno.test(`the signature of ${name} (${alg}) is right in our eyes, and no other is`, () => {
    const check = checkBy(key, alg);
    assertEquals(check(jws), true);
    assertEquals(check(bent({ name, alg, jws, key })), false);
  });
}

Deno.test("the signatures of RFC 7520 4.1 and 4.4 are right in our eyes: their payload alone is not", async () => {
  const bilbo = checkBy(RFC7520_4_1.key);
  assertEquals(bilbo(RFC7520_4_1.jws), true);
  assertEquals(bilbo(bent(RFC7520_4_1)), false);
  const secret = bytes(RFC7520_4_4.key?.k);
  assertEquals(await isSignedBySecret(RFC7520_4_4.jws, "HS256", secret), true);
  assertEquals(await isSignedBySecret(bent(RFC7520_4_4), "HS256", secret), false);
});

const wycheproof = checkBy(WYCHEPROOF_KEY);

Deno.test("Wycheproof tcId 33, acceptsValid: the signature is right", () => {
  const jws = `${WYCHEPROOF_INPUT}.${WYCHEPROOF_VALID}`;
  assertEquals(wycheproof(jws), true);
});

for (const [name, signature] of WYCHEPROOF_MODIFIED_PADDING) {
  Deno.test(`Wycheproof ${name}: the signature is wrong`, () => {
    // Not just any wrong bytes: the right hash, in a padding that differs after the leading ones.
    const hash = createHash("sha256").update(WYCHEPROOF_INPUT).digest("hex");
    assertMatch(
      opened(signature),
      new RegExp(`^0001(ff){8,}00.*${hash}(0000|0500|0004deadbeef)?$`),
    );
    const jws = `${WYCHEPROOF_INPUT}.${signature}`;
    assertEquals(wycheproof(jws), false);
  });
}

/** An RSA signature raised to the public exponent 65537, as hexadecimal digits. */
function opened(signature: string): string {
  const modulus = BigInt(`0x${bytes(WYCHEPROOF_KEY.n).toString("hex")}`);
  const value = BigInt(`0x${bytes(signature).toString("hex")}`);
  let power = value;
  for (let i = 0; i < 16; i++) power = power * power % modulus;
  return (power * value % modulus).toString(16).padStart(512, "0");
}
