/**
 * Properties that hold for every token: nothing but the good token itself is accepted, nothing at all
 * makes anything but a refusal. fast-check prints seed and path of whatever it finds; put them into
 * `fc.assert(..., { seed, path })` to see it again.
 */
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { REASONS, statusOf } from "../../src/failure.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { makePipeline, type Outcome, signedText } from "../support/token_rows.ts";
import {
  base64url,
  DEFAULT_ISSUER,
  defaultClaims,
  type Members,
  publicJwk,
  rawToken,
  rsaKey,
  secretSigner,
  signHsToken,
  signToken,
} from "../support/tokens.ts";
import { startStack } from "../support/stack.ts";

/** How many cases are tried without a network, and how many through the whole proxy. */
const RUNS = 1500;
const PROXY_RUNS = 150;

const SECRET = "a secret of the client, 32 bytes and more";
const CLOCK = new FakeClock();
const NOW = CLOCK.now() / 1000;

async function pipeline() {
  return makePipeline({
    issuer: DEFAULT_ISSUER,
    clock: CLOCK,
    keys: [publicJwk(await rsaKey(), { kid: "one" })],
    secret: new TextEncoder().encode(SECRET),
  });
}

/** Two good tokens of each family, so that parts of one can be put into another. */
async function goodTokens(nowMs: number, claims: Members = {}): Promise<readonly string[]> {
  const some = defaultClaims(nowMs, claims);
  const others = { ...some, sub: "admin" };
  return [
    await signToken(await rsaKey(), some, { kid: "one" }),
    await signHsToken(SECRET, some),
    await signToken(await rsaKey(), others, { kid: "one" }),
    await signHsToken(SECRET, others),
  ];
}

/** Refusals that a request can get before the upstream is asked. */
const REFUSALS: ReadonlySet<string> = new Set(
  REASONS.filter((reason) => statusOf(reason) < 500 || statusOf(reason) === 503),
);

/** Characters that mean something in a token, and some that mean nothing anywhere. */
const character = fc.oneof(
  fc.constantFrom(...'ABCxyz019-_.=+/~ ,\t"\\%{}:\0\r\n\x7f'),
  fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
);

/** Where and how a token is changed; positions are fractions of its length. */
const mutation = fc.oneof(
  ...(["replace", "insert"] as const).map((kind) =>
    fc.record({ kind: fc.constant(kind), at: fc.nat(), text: character })
  ),
  ...(["delete", "truncate", "behead", "swap", "repeat", "flipBit", "flipCase"] as const).map((
    kind,
  ) => fc.record({ kind: fc.constant(kind), at: fc.nat(), text: fc.constant("") })),
  fc.record({ kind: fc.constant("part" as const), at: fc.nat(), text: fc.nat(3).map(String) }),
);

type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

/** Carries a mutation out; `all` are the tokens that whole parts may be taken from. */
function mutate(token: string, { kind, at, text }: Mutation, all: readonly string[]): string {
  const i = at % Math.max(token.length, 1);
  const [before, after] = [token.slice(0, i), token.slice(i)];
  switch (kind) {
    case "replace":
      return before + text + after.slice(1);
    case "insert":
      return before + text + after;
    case "delete":
      return before + after.slice(1);
    case "truncate":
      return before;
    case "behead":
      return after;
    case "swap":
      return before + after.slice(1, 2) + after.slice(0, 1) + after.slice(2);
    case "repeat":
      return before + after + after;
    case "flipCase": {
      const c = after.slice(0, 1);
      return before + (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()) + after.slice(1);
    }
    case "flipBit":
      return flipBit(token, at);
    case "part": {
      const parts = token.split(".");
      const which = at % 3;
      parts[which] = all[Number(text)]?.split(".")[which] ?? "";
      return parts.join(".");
    }
  }
}

/** One bit of what a part encodes changed, and the part encoded again as it has to be. */
function flipBit(token: string, at: number): string {
  const parts = token.split(".");
  const which = at % parts.length;
  const bytes = Buffer.from(parts[which] ?? "", "base64url");
  const bit = Math.floor(at / 3) % Math.max(bytes.length * 8, 1);
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  parts[which] = base64url(bytes);
  return parts.join(".");
}

const mutations = fc.tuple(fc.nat(3), fc.array(mutation, { minLength: 1, maxLength: 3 }));

for (const [index, alg] of ["RS256", "HS256"].entries()) {
  Deno.test(`a changed ${alg} token is never accepted, unless the changes undo each other`, async () => {
    const gate = await pipeline();
    const tokens = await goodTokens(CLOCK.now());
    for (const token of tokens) assertEquals(await gate(`Bearer ${token}`), "accepted");
    const good = tokens[index] ?? "";
    await fc.assert(
      fc.asyncProperty(mutations, async ([, steps]) => {
        const changed = steps.reduce((token, step) => mutate(token, step, tokens), good);
        fc.pre(!tokens.includes(changed.trimStart()));
        assert(REFUSALS.has(await gate(`Bearer ${changed}`)));
      }),
      { numRuns: RUNS },
    );
  });
}

/** Header values of every kind: noise, schemes with noise, three parts of noise, and broken tokens. */
const noise = fc.string({ unit: "binary", maxLength: 60 });
const part = fc.oneof(
  fc.json().map(base64url),
  fc.uint8Array({ maxLength: 60 }).map(base64url),
  fc.constantFrom("e30", "eyJhbGciOiJub25lIn0", "", "="),
);
const value = fc.oneof(
  noise,
  noise.map((text) => `Bearer ${text}`),
  fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => `Bearer ${parts.join(".")}`),
  fc.array(noise, { minLength: 2, maxLength: 3 }).map((parts) => `Bearer ${parts.join(", ")}`),
  fc.integer({ min: 0, max: 70_000 }).map((length) => `Bearer ${"a".repeat(length)}`),
);

Deno.test("no text at all makes anything but a refusal", async () => {
  const gate = await pipeline();
  await fc.assert(
    fc.asyncProperty(value, async (text) => assert(REFUSALS.has(await gate(text)))),
    { numRuns: RUNS },
  );
});

/** Mostly the right value, now and then another; `undefined` stands for none. */
function mostly(right: fc.Arbitrary<unknown>, other: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 5, arbitrary: right }, { weight: 1, arbitrary: other });
}

const absent = fc.constant(undefined);
const timeLike = fc.oneof(
  fc.integer({ min: -3, max: 3 }).map((secs) => NOW + secs),
  fc.constantFrom(0, -1, 1.5, NOW + 0.25, NOW - 0.25, 9e15, 1e300, `${NOW + 60}`, null, undefined),
  fc.jsonValue(),
);
const someClaims = fc.record({
  iss: mostly(
    fc.constant(DEFAULT_ISSUER),
    fc.oneof(fc.constantFrom(`${DEFAULT_ISSUER}/`, [DEFAULT_ISSUER], undefined), fc.jsonValue()),
  ),
  exp: mostly(fc.constant(NOW + 60), timeLike),
  nbf: mostly(absent, timeLike),
  iat: mostly(fc.constant(NOW - 1), timeLike),
  sub: fc.jsonValue(),
  aud: fc.jsonValue(),
});
const someHeader = fc.record({
  alg: mostly(
    fc.constantFrom("RS256", "HS256"),
    fc.oneof(fc.constantFrom("none", "RS384", "ES256", undefined), fc.jsonValue()),
  ),
  kid: mostly(fc.constantFrom("one", undefined), fc.jsonValue()),
  typ: mostly(fc.constantFrom(undefined, "JWT", "at+jwt", "Application/AT+JWT"), fc.jsonValue()),
  crit: mostly(absent, fc.jsonValue()),
  jwk: fc.jsonValue(),
});

const isNumber = (claim: unknown) => typeof claim === "number";

/** Whether a token is to be accepted, in the words of RFC 7519 and apart from the code that decides it. */
function isEntitled(header: Members, claims: Members, signedWith: string): boolean {
  const { exp, nbf = NOW, iat = NOW } = claims;
  const { kid } = header;
  // The secret has no name, the key is called "one"; a kid is a text in any case.
  const kidHolds = kid === undefined ||
    (signedWith === "HS256" ? typeof kid === "string" : kid === "one");
  // RFC 8725, section 3.11: a token that says to be something else is no access token.
  const typHolds = !("typ" in header) || (typeof header.typ === "string" &&
    ["jwt", "at+jwt", "application/at+jwt"].includes(header.typ.toLowerCase()));
  return header.alg === signedWith && kidHolds && typHolds && !("crit" in header) &&
    claims.iss === DEFAULT_ISSUER && isNumber(exp) && Number(exp) > NOW &&
    isNumber(nbf) && Number(nbf) <= NOW && isNumber(iat) && Number(iat) <= NOW;
}

Deno.test("a signed token is accepted exactly when its header and claims entitle it", async () => {
  const gate = await pipeline();
  const counts = { let_in: 0, kept_out: 0 };
  await fc.assert(
    fc.asyncProperty(
      someHeader,
      someClaims,
      fc.constantFrom("RS256", "HS256"),
      async (header, claims, signedWith) => {
        const [h, p] = [JSON.stringify(header), JSON.stringify(claims)];
        const token = signedWith === "RS256"
          ? await signedText(h, p)
          : await rawToken(h, p, secretSigner(SECRET));
        const outcome: Outcome = await gate(`Bearer ${token}`);
        // What JSON makes of the values counts: it writes -0 as 0.
        const entitled = isEntitled(JSON.parse(h), JSON.parse(p), signedWith);
        counts[entitled ? "let_in" : "kept_out"]++;
        assertEquals(outcome === "accepted", entitled, outcome);
        assert(entitled || REFUSALS.has(outcome), outcome);
      },
    ),
    { numRuns: RUNS },
  );
  // Else the property above would say little.
  assert(counts.let_in > RUNS / 50 && counts.kept_out > RUNS / 10, JSON.stringify(counts));
});

Deno.test("through the whole proxy: changed tokens and noise get a 4xx, the upstream gets nothing", async () => {
  // A changed `kid` waits for the next permitted fetch, which must not take longer than a step may.
  await using stack = await startStack({ CLIENT_SECRET: SECRET, KEY_COOLDOWN_SECS: "1" });
  const tokens = await goodTokens(Date.now(), { iss: stack.provider.url });
  for (const token of tokens) assertEquals((await stack.call(`Bearer ${token}`)).status, 200);
  const reached = stack.upstream.requests.length;
  const changed = mutations.map(([which, steps]) =>
    `Bearer ${steps.reduce((token, step) => mutate(token, step, tokens), tokens[which] ?? "")}`
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(changed, value), async (text) => {
      // As bytes of UTF-8; a line end would begin another header.
      const bytes = Buffer.from(text.replace(/[\r\n]/g, ""), "utf8").toString("latin1").trim();
      fc.pre(!tokens.includes(bytes.replace(/^Bearer +/, "")));
      const response = await stack.callRaw([`Authorization: ${bytes}`, "Connection: close"]);
      assert(response.status >= 400 && response.status < 500, response.startLine);
    }),
    { numRuns: PROXY_RUNS },
  );
  assertEquals(stack.upstream.requests.length, reached);
  for (const { reason } of stack.proxy.access.slice(tokens.length)) {
    assert(REFUSALS.has(reason ?? ""));
  }
});
