import fc from "fast-check";
import { decodeJwt } from "../../src/auth/decode_jwt.ts";
import { testJwtProvider, verifyWith } from "../support/jwt_provider.ts";
import type { Reason } from "../../src/failure.ts";
import { claimsNeededBy, refusedByAll } from "../../src/policy/decide.ts";
import { compileRequirement, type RequirementSettings } from "../../src/policy/requirement.ts";
import { ruleForAll } from "../../src/policy/rule.ts";
import { readKeySet } from "../../src/oidc/key_set.ts";
import type { KeySnapshot, KeySource, KeyWish } from "../../src/oidc/key_source.ts";
import { KeyStore } from "../../src/oidc/key_store.ts";
import { fail, ok } from "../../src/result.ts";
import { assert, assertEquals, assertExcludes } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import {
  base64url,
  DEFAULT_ISSUER,
  defaultClaims,
  type Jwk,
  type Members,
  publicJwk,
  rawToken,
  rsaKey,
  secretSigner,
  signHsToken,
  signToken,
} from "../support/tokens.ts";

const SECRET = "a secret of the client, 32 bytes and more";
const CLOCK = new FakeClock();
const NOW = CLOCK.now();

interface Options {
  readonly keys?: readonly Jwk[];
  readonly requirement?: RequirementSettings;
  readonly leewaySecs?: number;
  readonly secret?: string;
  readonly maxPending?: number;
  /** The issuer in the settings, and the one of the discovery document. */
  readonly expectedIssuer?: string;
  readonly issuer?: string;
  /** Whether no keys can be had. */
  readonly down?: boolean;
  readonly clock?: FakeClock;
  /** Called when keys are asked for. */
  readonly onFetch?: () => Promise<void>;
}

/** A verifier over keys that lie ready; `asked` counts how often it wanted them fetched. */
function makeGate(options: Options = {}) {
  const { clock = CLOCK, keys = [] } = options;
  let asked = 0;
  let snapshot: KeySnapshot | undefined;
  const source: KeySource = {
    current: () => snapshot,
    async fetch({ guess }: KeyWish) {
      if (guess) return fail({ text: "not now", retryAfterSecs: 10, untilFetchMs: 10_000 });
      asked++;
      const startedAt = clock.now();
      await options.onFetch?.();
      if (options.down) return fail({ text: "connection refused", retryAfterSecs: 7 });
      const set = readKeySet({ keys });
      assert(set.ok);
      const issuer = options.issuer ?? DEFAULT_ISSUER;
      snapshot = { generation: asked, startedAt, issuer, keys: set.value.keys };
      return ok(snapshot);
    },
    onChange: () => () => {},
  };
  const requirement = compileRequirement(options.requirement ?? {}, clock);
  const rules = [ruleForAll(new Map([["default", requirement]]))] as const;
  const provider = testJwtProvider({
    keys: new KeyStore(source, clock, 10_000),
    needs: {
      kept: claimsNeededBy(rules, "default"),
      refuse: (claims) => refusedByAll(rules, "default", claims),
    },
    leewaySecs: options.leewaySecs ?? 0,
    issuer: options.expectedIssuer ?? options.issuer ?? DEFAULT_ISSUER,
    secret: options.secret === undefined ? undefined : new TextEncoder().encode(options.secret),
    clock,
    maxPending: options.maxPending ?? 100,
  });
  const verify = async (token: string) => await verifyWith(provider, token);
  return {
    verify,
    get asked() {
      return asked;
    },
    /** The reason of the refusal, or "accepted". */
    async outcome(token: string): Promise<Reason | "accepted"> {
      const verified = await verify(token);
      return verified.ok ? "accepted" : verified.failure.reason;
    },
  };
}

function claims(overrides: Members = {}): Members {
  return defaultClaims(NOW, overrides);
}

Deno.test("verify: a verified token gives its identity and the generation of the keys", async () => {
  const key = await rsaKey();
  const gate = makeGate({ keys: [publicJwk(key, { kid: "k" })] });
  const verified = await gate.verify(await signToken(key, claims(), { kid: "k" }));
  assert(verified.ok);
  const { sub, exp, iat } = claims();
  assertEquals(verified.value, {
    identity: {
      provider: "default",
      subject: sub as string,
      clientId: undefined,
      scopes: new Set<string>(),
      claims: {},
      validFrom: iat as number,
      validUntil: exp as number,
    },
    generation: 1,
  });
});

Deno.test("verify: the kid of a token signed with the secret does not matter", async () => {
  const gate = makeGate({ secret: SECRET, keys: [publicJwk(await rsaKey(), { kid: "k" })] });
  for (const kid of ["k", "unknown"]) {
    assertEquals(await gate.outcome(await signHsToken(SECRET, claims(), { kid })), "accepted");
  }
  assertEquals(gate.asked, 1);
});

Deno.test("verify: the secret is raw UTF-8, not base64 and not trimmed", async () => {
  const secret = " c2VjcmV0 \u00fc\u{1f511} ";
  const gate = makeGate({ secret });
  assertEquals(await gate.outcome(await signHsToken(secret, claims())), "accepted");
  assertEquals(await gate.outcome(await signHsToken(secret.trim(), claims())), "bad_signature");
});

Deno.test("verify: an RS token never meets the secret, also where the provider has no keys", async () => {
  const gate = makeGate({ secret: SECRET, keys: [] });
  const token = await rawToken('{"alg":"RS256"}', JSON.stringify(claims()), secretSigner(SECRET));
  assertEquals(await gate.outcome(token), "keys_unavailable");
});

Deno.test("verify: a token without kid is tried with every key that fits", async () => {
  const keys = await Promise.all([0, 1, 2].map((index) => rsaKey(index)));
  const gate = makeGate({ keys: keys.map((key, i) => publicJwk(key, { kid: `k${i}` })) });
  for (const key of keys) {
    assertEquals(await gate.outcome(await signToken(key, claims())), "accepted");
  }
  const foreign = await signToken(await rsaKey(3), claims());
  assertEquals(await gate.outcome(foreign), "bad_signature");
  assertEquals(gate.asked, 1);
});

Deno.test("verify: a token with a kid is tried with every key of that name", async () => {
  const keys = await Promise.all([0, 1, 2].map((index) => rsaKey(index)));
  const [first, second, third] = keys;
  assert(first && second && third);
  const gate = makeGate({
    keys: [
      publicJwk(first, { kid: "k" }),
      publicJwk(second, { kid: "k" }),
      publicJwk(third, { kid: "other" }),
    ],
  });
  assertEquals(await gate.outcome(await signToken(first, claims(), { kid: "k" })), "accepted");
  assertEquals(await gate.outcome(await signToken(second, claims(), { kid: "k" })), "accepted");
  assertEquals(await gate.outcome(await signToken(third, claims(), { kid: "k" })), "bad_signature");
});

Deno.test("verify: a token with a kid is tried with keys that have none", async () => {
  const key = await rsaKey();
  const gate = makeGate({ keys: [publicJwk(key)] });
  assertEquals(await gate.outcome(await signToken(key, claims(), { kid: "any" })), "accepted");
  assertEquals(gate.asked, 1);
});

Deno.test("verify: where a key without kid does not fit an unknown kid, newer keys are asked for", async () => {
  const clock = new FakeClock(NOW);
  const keys = [publicJwk(await rsaKey(0), { kid: "old" }), publicJwk(await rsaKey(1))];
  const gate = makeGate({ clock, keys });
  assertEquals(
    await gate.outcome(await signToken(await rsaKey(0), claims(), { kid: "old" })),
    "accepted",
  );
  await clock.advance(20_000);
  keys[0] = publicJwk(await rsaKey(2), { kid: "new" });
  const token = await signToken(await rsaKey(2), claims(), { kid: "new" });
  assertEquals(await gate.outcome(token), "accepted");
  assertEquals(gate.asked, 2);
  const unknown = await signToken(await rsaKey(3), claims(), { kid: "unknown" });
  await clock.advance(20_000);
  assertEquals(await gate.outcome(unknown), "bad_signature");
  assertEquals(await gate.outcome(unknown), "unknown_key");
  assertEquals(gate.asked, 3);
});

Deno.test("verify: a key that the platform refuses spoils no other", async () => {
  const key = await rsaKey();
  const odd = { kty: "RSA", e: "AQAB", n: `${publicJwk(key).n} ` };
  const gate = makeGate({ keys: [odd, publicJwk(key)] });
  assertEquals(await gate.outcome(await signToken(key, claims())), "accepted");
});

Deno.test("verify: a key of 1024 bits verifies nothing", async () => {
  const key = await rsaKey(0, 1024);
  const gate = makeGate({ keys: [publicJwk(key, { kid: "k" })] });
  const token = await signToken(key, claims(), { kid: "k" });
  assertEquals(await gate.outcome(token), "keys_unavailable");
});

const SLASHED = `${DEFAULT_ISSUER}/`;

/** By both kinds of key; the other shapes of `iss` are in `rules/rfc7519_test.ts`. */
const ISSUERS: readonly (readonly [
  sentence: string,
  settings: Pick<Options, "expectedIssuer" | "issuer">,
  iss: string,
  good: boolean,
])[] = [
  ["with the slash that the document has", { issuer: SLASHED }, SLASHED, true],
  ["without the slash that the document has", { issuer: SLASHED }, DEFAULT_ISSUER, false],
  [
    "without the slash that only the settings have",
    { issuer: DEFAULT_ISSUER, expectedIssuer: SLASHED },
    DEFAULT_ISSUER,
    true,
  ],
  ["with two slashes", { issuer: SLASHED }, `${SLASHED}/`, false],
  ["that begins alike", {}, `${DEFAULT_ISSUER}.evil`, false],
  ["with its default port", {}, `${DEFAULT_ISSUER}:443`, false],
];

for (const [sentence, settings, iss, good] of ISSUERS) {
  Deno.test(`verify: an issuer ${sentence} is ${good ? "accepted" : "refused"}`, async () => {
    const gate = makeGate({ ...settings, secret: SECRET, keys: [publicJwk(await rsaKey())] });
    const expected = good ? "accepted" : "wrong_issuer";
    const overrides = claims({ iss });
    assertEquals(await gate.outcome(await signToken(await rsaKey(), overrides)), expected);
    assertEquals(await gate.outcome(await signHsToken(SECRET, overrides)), expected);
  });
}

const DEAD: readonly (readonly [sentence: string, reason: Reason, claims: Members])[] = [
  ["expired", "expired", { exp: NOW / 1000 - 1 }],
  ["without exp", "malformed_claims", { exp: undefined }],
  ["not yet valid by nbf", "not_yet_valid", { nbf: NOW / 1000 + 60 }],
  ["issued in the future", "not_yet_valid", { iat: NOW / 1000 + 60 }],
  ["for another audience", "wrong_audience", { aud: "other" }],
  ["without an audience", "wrong_audience", { aud: undefined }],
  ["of another subject", "wrong_subject", { sub: "other" }],
];

for (const [sentence, reason, overrides] of DEAD) {
  Deno.test(`verify: a token ${sentence} is refused and causes no key fetch`, async () => {
    const gate = makeGate({
      keys: [publicJwk(await rsaKey())],
      requirement: { audience: "test-audience", subject: "test-client" },
    });
    const token = await signToken(await rsaKey(), claims(overrides), { kid: "new" });
    assertEquals(await gate.outcome(token), reason);
    assertEquals(gate.asked, 0);
  });
}

Deno.test("verify: a malformed token causes no key fetch", async () => {
  const gate = makeGate();
  for (const token of ["", "x", "a.b.c", "..", "a".repeat(20_000)]) {
    assertEquals((await gate.verify(token)).ok, false);
  }
  assertEquals(gate.asked, 0);
});

Deno.test("verify: a token that expires while its key is fetched is refused", async () => {
  const clock = new FakeClock(NOW);
  const keys = [publicJwk(await rsaKey())];
  const gate = makeGate({ clock, keys, onFetch: () => clock.advance(3_000) });
  const token = await signToken(await rsaKey(), claims({ exp: NOW / 1000 + 2 }));
  assertEquals(await gate.outcome(token), "expired");
});

Deno.test("verify: without keys a good token gets the time to come again, with RS and HS alike", async () => {
  const gate = makeGate({ down: true, secret: SECRET });
  for (
    const token of [await signToken(await rsaKey(), claims()), await signHsToken(SECRET, claims())]
  ) {
    const refused = await gate.verify(token);
    assert(!refused.ok);
    assertEquals([refused.failure.reason, refused.failure.retryAfterSecs], ["keys_unavailable", 7]);
  }
});

Deno.test("verify: no refusal quotes the token or the secret", async () => {
  const gate = makeGate({ keys: [publicJwk(await rsaKey())], requirement: { audience: "a" } });
  const secretive = claims({ sub: "hunter2", aud: "hunter2", iss: "hunter2" });
  const tokens = [
    await signToken(await rsaKey(), secretive, { kid: "hunter2" }),
    await signToken(await rsaKey(1), claims({ aud: "a" }), { kid: "hunter2" }),
    await signHsToken("hunter2", claims()),
  ];
  for (const token of tokens) {
    const refused = JSON.stringify(await gate.verify(token));
    assertExcludes(refused, "hunter2");
    assertExcludes(refused, token.slice(0, 20));
  }
});

Deno.test("verify: no change of a single byte of a good token is accepted", async () => {
  const gate = makeGate({ keys: [publicJwk(await rsaKey(), { kid: "k" })], secret: SECRET });
  const good = [
    await signToken(await rsaKey(), claims(), { kid: "k" }),
    await signHsToken(SECRET, claims()),
  ];
  const change = fc.record({ which: fc.nat(1), at: fc.nat(5000), byte: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(change, async ({ which, at, byte }) => {
      const token = good[which] ?? "";
      const where = at % token.length;
      const changed = token.slice(0, where) + String.fromCharCode(byte) + token.slice(where + 1);
      fc.pre(changed !== token);
      decodeJwt(changed);
      return !(await gate.verify(changed)).ok;
    }),
    { numRuns: 500 },
  );
});

Deno.test("verify: decoding never throws, whatever the text", () => {
  const part = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.uint8Array({ maxLength: 40 }).map(base64url),
    fc.json({ maxDepth: 2 }).map(base64url),
    fc.constant(base64url('{"alg":"RS256"}')),
  );
  const text = fc.array(part, { maxLength: 5 }).map((parts) => parts.join("."));
  fc.assert(
    fc.property(text, (token) => {
      const form = decodeJwt(token);
      return form.ok ? typeof form.value.alg === "string" : form.failure.reason === "not_a_jwt";
    }),
    { numRuns: 300 },
  );
});

Deno.test("verify: signature checks beyond the bound are refused for the moment, none is lost", async () => {
  const gate = makeGate({ keys: [publicJwk(await rsaKey())], maxPending: 2 });
  const key = await rsaKey();
  const tokens = await Promise.all(
    [1, 2, 3, 4, 5].map((jti) => signToken(key, claims({ jti: `${jti}` }))),
  );
  await gate.outcome(await signToken(key, claims()));
  await new Promise((done) => setTimeout(done, 0));
  // One runs and two wait; the last two are one too many each.
  const outcomes = await Promise.all(tokens.map((token) => gate.outcome(token)));
  assertEquals(outcomes, ["accepted", "accepted", "accepted", "overloaded", "overloaded"]);
  for (const token of tokens) assertEquals(await gate.outcome(token), "accepted");
});
