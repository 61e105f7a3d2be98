/** Rows of good and hostile tokens, each with what has to become of it, through the whole proxy. */
import { CLIENT } from "./client.ts";
import { makeAuthenticator } from "../../src/auth/authenticate.ts";
import { TokenCache } from "../../src/auth/token_cache.ts";
import { testJwtProvider } from "./jwt_provider.ts";
import { type Reason, statusOf } from "../../src/failure.ts";
import { readKeySet } from "../../src/oidc/key_set.ts";
import { KeyStore } from "../../src/oidc/key_store.ts";
import type { Clock } from "../../src/ops/clock.ts";
import { ok } from "../../src/result.ts";
import { type Stack, startStack } from "./stack.ts";
import { assert, assertEquals } from "./assert.ts";
import type { ProviderOptions } from "./provider.ts";
import { type Jwk, keySigner, type Members, rawToken, rsaKey } from "./tokens.ts";

/** What becomes of a request: it reaches the upstream, or it is refused for this reason. */
export type Outcome = "accepted" | Reason;

/** One row: what is sent, what becomes of it, and how the token (or whole header value) is made. */
export type Row = readonly [
  sentence: string,
  outcome: Outcome,
  make: (stack: Stack) => string | Promise<string>,
];

/** What the rows of a group have in common. */
export interface Group {
  /** Settings of the proxy. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly provider?: ProviderOptions;
  /** A stack of its own for each row: for those that wait for keys, which one cool-down would slow. */
  readonly apart?: true;
  /** How often the provider is asked for one of its two documents over all rows of one stack. */
  readonly fetches?: number;
}

/** One test a group, one step a row. Rows give tokens, which are sent as `Bearer`. */
export function testTokens(title: string, rows: readonly Row[], group: Group = {}): void {
  testValues(
    title,
    rows.map(([sentence, outcome, make]): Row => [
      sentence,
      outcome,
      async (stack) => `Bearer ${await make(stack)}`,
    ]),
    group,
  );
}

/** The same for rows that give whole `Authorization` values. */
export function testValues(title: string, rows: readonly Row[], group: Group = {}): void {
  Deno.test(title, async (t) => {
    if (group.apart) {
      for (const row of rows) await runRows(t, [row], group);
    } else await runRows(t, rows, group);
  });
}

async function runRows(t: Deno.TestContext, rows: readonly Row[], group: Group): Promise<void> {
  await using stack = await startStack(group.settings, group.provider);
  for (const [sentence, outcome, make] of rows) {
    await t.step(`${sentence}: ${outcome}`, async () => {
      const value = await make(stack);
      await assertOutcome(stack, value, outcome);
      // What is remembered says the same.
      await assertOutcome(stack, value, outcome);
    });
  }
  if (group.fetches !== undefined) assertEquals(stack.provider.count(), group.fetches);
}

/**
 * Sends an `Authorization` value and holds the response to be exactly the expected one: status, reason
 * in the access log, and whether the upstream got anything.
 */
export async function assertOutcome(stack: Stack, value: string, outcome: Outcome): Promise<void> {
  const reached = stack.upstream.requests.length;
  const response = await stack.call(value);
  const got = response.status === 200 ? "accepted" : stack.proxy.access.at(-1)?.reason;
  assertEquals(
    { got, status: response.status, reached: stack.upstream.requests.length - reached },
    {
      got: outcome,
      status: outcome === "accepted" ? 200 : statusOf(outcome),
      reached: outcome === "accepted" ? 1 : 0,
    },
  );
}

/** A token of exactly this header and payload, signed by RS256 with the provider's key "one". */
export async function signedText(
  header: string | Uint8Array,
  payload: string | Uint8Array,
  alg = "RS256",
): Promise<string> {
  return await rawToken(header, payload, keySigner(await rsaKey(), alg));
}

/** The header of a good token. */
export const HEADER = '{"alg":"RS256","kid":"one"}';

/** A row: good claims under exactly this header, well signed. */
export function headerRow(sentence: string, outcome: Outcome, header: string | Uint8Array): Row {
  return [sentence, outcome, (stack) => signedText(header, JSON.stringify(stack.claims()))];
}

/** A row: a good header over what `payload` makes of the text of good claims, well signed. */
export function payloadRow(
  sentence: string,
  outcome: Outcome,
  payload: (claims: string) => string | Uint8Array,
): Row {
  return [
    sentence,
    outcome,
    (stack) => signedText(HEADER, payload(JSON.stringify(stack.claims()))),
  ];
}

/** A row: good claims with these over them, well signed. */
export function claimsRow(
  sentence: string,
  outcome: Outcome,
  claims: Members | ((now: number) => Members),
): Row {
  return [sentence, outcome, (stack) => {
    const overrides = typeof claims === "function" ? claims(Math.floor(Date.now() / 1000)) : claims;
    return stack.token(overrides);
  }];
}

/** What a pipeline without a network is made of. */
export interface PipelineOptions {
  readonly issuer: string;
  readonly clock: Clock;
  readonly keys?: readonly Jwk[];
  readonly secret?: Uint8Array;
}

/**
 * The real way of an `Authorization` value (bearer, cache, form, claims, keys, signature) over keys
 * that lie ready: for what needs another clock, binary secrets, or very many runs.
 */
export function makePipeline(
  { issuer, clock, keys = [], secret }: PipelineOptions,
): (authorization: string | null) => Promise<Outcome> {
  const set = readKeySet({ keys });
  assert(set.ok);
  const snapshot = { generation: 1, startedAt: clock.now(), issuer, keys: set.value.keys };
  const fetch = () => Promise.resolve(ok(snapshot));
  const source = { current: () => snapshot, fetch, onChange: () => () => {} };
  const keyStore = new KeyStore(source, clock, 10_000);
  const cache = new TokenCache(testJwtProvider({ keys: keyStore, issuer, secret, clock }), {
    size: 100,
    ttlMs: 60_000,
    leewaySecs: 0,
    keyCooldownMs: 10_000,
    opaque: false,
  }, { clock });
  const authenticate = makeAuthenticator(cache);
  return async (authorization) => {
    const verified = await authenticate(authorization, CLIENT);
    return verified.ok ? "accepted" : verified.failure.reason;
  };
}
