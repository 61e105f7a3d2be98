/**
 * Settings × token → status and reason: one table for all that a token has to say, through the whole proxy.
 * For each row: the status and its challenge (RFC 6750, section 3), the reason in the access log, and that
 * the upstream gets accepted requests alone; the same again, out of the caches; and that the same token with
 * another signature is refused with 401, whatever it says (RFC 6750, section 3.1: 403 is for a token that
 * was accepted as one).
 */
import { statusOf } from "../../src/failure.ts";
import { assertEquals } from "../support/assert.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { breakSignature, type Members, signHsToken } from "../support/tokens.ts";
import type { Outcome } from "../support/token_rows.ts";

/** What the token says over the default claims and header; `undefined` drops a member. */
type Row = readonly [sentence: string, outcome: Outcome, claims?: Members, header?: Members];

interface Group {
  readonly title: string;
  readonly settings: Readonly<Record<string, string>>;
  /** `scope` in the challenge of a 403: all scopes that are needed. */
  readonly scope?: string;
  /** Signs with this secret, where it is not the provider's key. */
  readonly secret?: string;
  readonly rows: readonly Row[];
}

const SECRET = "a secret of 32 bytes, or of more";

/** What RFC 9068, section 2.2 requires, over the default claims. */
const PROFILED: Members = { client_id: "reports", jti: "1" };
const AT_JWT: Members = { typ: "at+jwt" };

const TYPES: readonly Row[] = [
  ["no typ", "accepted", {}, { typ: undefined }],
  ["typ JWT", "accepted", {}, { typ: "JWT" }],
  ["typ jwt", "accepted", {}, { typ: "jwt" }],
  ["typ at+jwt", "accepted", {}, { typ: "at+jwt" }],
  ["typ AT+JWT", "accepted", {}, { typ: "AT+JWT" }],
  ["typ application/at+jwt", "accepted", {}, { typ: "application/at+jwt" }],
  ["typ Application/AT+JWT", "accepted", {}, { typ: "Application/AT+JWT" }],
  ...["id+jwt", "dpop+jwt", "logout+jwt", "secevent+jwt", "JOSE", "at+jwt ", "", 1, null, ["JWT"]]
    .map((typ): Row => [`typ ${JSON.stringify(typ)}`, "wrong_type", {}, { typ }]),
];

const ID_TOKENS: readonly (readonly [sentence: string, claims: Members])[] = [
  ["nonce", { nonce: "n" }],
  ["nonce null", { nonce: null }],
  ["at_hash", { at_hash: "h" }],
  ["c_hash", { c_hash: "h" }],
  ["the claim typ ID", { typ: "ID" }],
  ["token_use id", { token_use: "id" }],
];

const BOUND: readonly (readonly [sentence: string, claims: Members])[] = [
  ["cnf of DPoP", { cnf: { jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } }],
  ["cnf of mutual TLS", { cnf: { "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" } }],
  ["cnf null", { cnf: null }],
];

const allOf = (
  rows: readonly (readonly [sentence: string, claims: Members])[],
  outcome: Outcome,
) => rows.map(([sentence, claims]): Row => [sentence, outcome, claims]);

const TABLE: readonly Group[] = [
  {
    title: "Without settings the type alone is checked.",
    settings: {},
    rows: [
      ...TYPES,
      ...allOf(ID_TOKENS, "wrong_type"),
      ...allOf(BOUND, "sender_constrained"),
      ["the claim typ Bearer", "accepted", { typ: "Bearer" }],
      ["token_use access", "accepted", { token_use: "access" }],
      ["any audience, subject and scope", "accepted", { aud: 1, sub: null, scope: {} }],
    ],
  },
  {
    title: "ACCEPT_ID_TOKENS_AS_ACCESS_TOKENS accepts ID tokens, and no other types.",
    settings: { ACCEPT_ID_TOKENS_AS_ACCESS_TOKENS: "true" },
    rows: [
      ...TYPES,
      ...allOf(ID_TOKENS, "accepted"),
      ...allOf(BOUND, "sender_constrained"),
    ],
  },
  {
    title: "ACCEPT_BOUND_TOKENS_AS_BEARER accepts bound tokens, and no ID tokens.",
    settings: { ACCEPT_BOUND_TOKENS_AS_BEARER: "true" },
    rows: [
      ...allOf(BOUND, "accepted"),
      ...allOf(ID_TOKENS, "wrong_type"),
      ["typ dpop+jwt", "wrong_type", {}, { typ: "dpop+jwt" }],
    ],
  },
  {
    title: "TOKEN_PROFILE=rfc9068 demands the profile whole.",
    settings: { TOKEN_PROFILE: "rfc9068", AUDIENCE: '"test-audience"' },
    rows: [
      ["all of it", "accepted", PROFILED, AT_JWT],
      ["typ application/at+jwt", "accepted", PROFILED, { typ: "application/at+jwt" }],
      ["typ JWT", "wrong_type", PROFILED],
      ["no typ", "wrong_type", PROFILED, { typ: undefined }],
      ["no iss", "wrong_issuer", { ...PROFILED, iss: undefined }, AT_JWT],
      ...["exp", "aud", "sub", "client_id", "iat", "jti"].map((name): Row => [
        `no ${name}`,
        "malformed_claims",
        { ...PROFILED, [name]: undefined },
        AT_JWT,
      ]),
      ["sub empty", "malformed_claims", { ...PROFILED, sub: "" }, AT_JWT],
      ["client_id a number", "malformed_claims", { ...PROFILED, client_id: 1 }, AT_JWT],
      ["azp alone", "malformed_claims", { jti: "1", azp: "reports" }, AT_JWT],
      ["jti null", "malformed_claims", { ...PROFILED, jti: null }, AT_JWT],
      ["aud an empty list", "malformed_claims", { ...PROFILED, aud: [] }, AT_JWT],
      ["aud with a number", "malformed_claims", {
        ...PROFILED,
        aud: ["test-audience", 1],
      }, AT_JWT],
      ["another aud", "wrong_audience", { ...PROFILED, aud: "other" }, AT_JWT],
      ["a nonce", "wrong_type", { ...PROFILED, nonce: "n" }, AT_JWT],
      ["cnf", "sender_constrained", { ...PROFILED, cnf: {} }, AT_JWT],
    ],
  },
  {
    title: "AUDIENCE as a text is that text.",
    settings: { AUDIENCE: '"a"' },
    rows: [
      ["the text", "accepted", { aud: "a" }],
      ["another", "wrong_audience", { aud: "b" }],
      ["other letters", "wrong_audience", { aud: "A" }],
      ["a longer one", "wrong_audience", { aud: "ab" }],
      ["a list of it", "wrong_audience", { aud: ["a"] }],
      ["a list with it", "wrong_audience", { aud: ["a", "b"] }],
      ["none", "wrong_audience", { aud: undefined }],
      ["null", "wrong_audience", { aud: null }],
      ["an object", "wrong_audience", { aud: { a: "a" } }],
      ["azp instead", "wrong_audience", { aud: undefined, azp: "a", client_id: "a" }],
    ],
  },
  {
    title: "AUDIENCE as a list is these members in any order.",
    settings: { AUDIENCE: '["a","b"]' },
    rows: [
      ["these", "accepted", { aud: ["a", "b"] }],
      ["in another order", "accepted", { aud: ["b", "a"] }],
      ["one of them", "wrong_audience", { aud: ["a"] }],
      ["one twice", "wrong_audience", { aud: ["a", "a"] }],
      ["one more", "wrong_audience", { aud: ["a", "b", "c"] }],
      ["one more that is no text", "wrong_audience", { aud: ["a", "b", 1] }],
      ["a text", "wrong_audience", { aud: "a" }],
      ["both in one text", "wrong_audience", { aud: "a b" }],
    ],
  },
  {
    title: "AUDIENCE_MATCH=any accepts one of a text.",
    settings: { AUDIENCE: '"a"', AUDIENCE_MATCH: "any" },
    rows: [
      ["the text", "accepted", { aud: "a" }],
      ["a list of it", "accepted", { aud: ["a"] }],
      ["a list with it", "accepted", { aud: ["b", "a"] }],
      ["a list with it and a number", "accepted", { aud: [1, null, "a"] }],
      ["others", "wrong_audience", { aud: ["b", "c"] }],
      ["a part of a text", "wrong_audience", { aud: "a b" }],
      ["a nested list", "wrong_audience", { aud: [["a"]] }],
      ["an empty list", "wrong_audience", { aud: [] }],
      ["none", "wrong_audience", { aud: undefined }],
    ],
  },
  {
    title: "AUDIENCE_MATCH=any accepts one of a list.",
    settings: { AUDIENCE: '["a","1"]', AUDIENCE_MATCH: "any" },
    rows: [
      ["the first", "accepted", { aud: "a" }],
      ["the second in a list", "accepted", { aud: ["c", "1"] }],
      ["a number that looks like it", "wrong_audience", { aud: 1 }],
      ["such a number in a list", "wrong_audience", { aud: [1] }],
      ["another", "wrong_audience", { aud: ["c"] }],
    ],
  },
  {
    title: "AUDIENCE_MATCH=all accepts all of a list and more.",
    settings: { AUDIENCE: '["a","b"]', AUDIENCE_MATCH: "all" },
    rows: [
      ["all", "accepted", { aud: ["b", "a"] }],
      ["more", "accepted", { aud: ["a", "c", "b", 1] }],
      ["one of them", "wrong_audience", { aud: ["a"] }],
      ["one as a text", "wrong_audience", { aud: "a" }],
      ["one twice", "wrong_audience", { aud: ["a", "a"] }],
      ["an empty list", "wrong_audience", { aud: [] }],
      ["none", "wrong_audience", { aud: undefined }],
    ],
  },
  {
    title: "AUDIENCE_MATCH=all of a text accepts it alone and in a list.",
    settings: { AUDIENCE: '"a"', AUDIENCE_MATCH: "all" },
    rows: [
      ["the text", "accepted", { aud: "a" }],
      ["a list with it", "accepted", { aud: ["c", "a"] }],
      ["another", "wrong_audience", { aud: "c" }],
    ],
  },
  {
    title: "AUDIENCE_CLAIM is compared in the place of aud.",
    settings: { AUDIENCE: '"a"', AUDIENCE_CLAIM: "client_id" },
    rows: [
      ["the claim", "accepted", { aud: "other", client_id: "a" }],
      ["the claim without aud", "accepted", { aud: undefined, client_id: "a" }],
      ["aud alone", "wrong_audience", { aud: "a" }],
      ["aud, and the claim differs", "wrong_audience", { aud: "a", client_id: "b" }],
      ["azp", "wrong_audience", { azp: "a" }],
    ],
  },
  {
    title: "SUBJECT is that text.",
    settings: { SUBJECT: "team:*" },
    rows: [
      ["the text", "accepted", { sub: "team:*" }],
      ["no pattern", "wrong_subject", { sub: "team:a" }],
      ["none", "wrong_subject", { sub: undefined }],
      ["a list of it", "wrong_subject", { sub: ["team:*"] }],
    ],
  },
  {
    title: "SUBJECTS are texts and patterns, * within one segment.",
    settings: {
      SUBJECTS: '["exact","system:serviceaccount:team-a:*","repo:acme/*:ref:refs/heads/main"]',
    },
    rows: [
      ["a text", "accepted", { sub: "exact" }],
      ["the last segment", "accepted", { sub: "system:serviceaccount:team-a:reports" }],
      ["one in the middle", "accepted", { sub: "repo:acme/api:ref:refs/heads/main" }],
      ["a longer text", "wrong_subject", { sub: "exactly" }],
      ["an empty segment", "wrong_subject", { sub: "system:serviceaccount:team-a:" }],
      ["two segments", "wrong_subject", { sub: "system:serviceaccount:team-a:reports:x" }],
      ["another segment", "wrong_subject", { sub: "system:serviceaccount:team-b:reports" }],
      ["a slash in it", "wrong_subject", { sub: "repo:acme/api/x:ref:refs/heads/main" }],
      ["something behind", "wrong_subject", { sub: "repo:acme/api:ref:refs/heads/main2" }],
      ["none", "wrong_subject", { sub: undefined }],
      ["a number", "wrong_subject", { sub: 1 }],
    ],
  },
  {
    title: "CLIENTS are those of client_id, or else of azp.",
    settings: { CLIENTS: '["reports","billing"]' },
    rows: [
      ["client_id", "accepted", { client_id: "reports" }],
      ["azp", "accepted", { azp: "billing" }],
      ["both", "accepted", { client_id: "reports", azp: "billing" }],
      ["client_id, and another azp", "accepted", { client_id: "reports", azp: "other" }],
      ["azp, and another client_id", "wrong_client", { client_id: "other", azp: "reports" }],
      ["azp, and a client_id that is no text", "accepted", { client_id: 1, azp: "reports" }],
      ["another", "wrong_client", { client_id: "report" }],
      ["a list", "wrong_client", { client_id: ["reports"] }],
      ["none", "wrong_client", {}],
    ],
  },
  {
    title: "REQUIRED_SCOPES are all needed, of scope, scp and scopes together.",
    settings: { REQUIRED_SCOPES: '["reports.read","reports.write"]' },
    scope: "reports.read reports.write",
    rows: [
      ["scope as a text", "accepted", { scope: "openid reports.write reports.read" }],
      ["scope as a list", "accepted", { scope: ["reports.read", "reports.write"] }],
      ["scp as a text", "accepted", { scp: "reports.read reports.write" }],
      ["scp as a list", "accepted", { scp: ["reports.write", "reports.read", 1] }],
      ["scopes as a list", "accepted", { scopes: ["reports.read", "reports.write"] }],
      ["one in scope, one in scp", "accepted", { scope: "reports.read", scp: ["reports.write"] }],
      ["one of them", "insufficient_scope", { scope: "reports.read" }],
      ["other letters", "insufficient_scope", { scope: "Reports.read reports.write" }],
      ["a longer one", "insufficient_scope", { scope: "reports.reads reports.write" }],
      ["with commas", "insufficient_scope", { scope: "reports.read,reports.write" }],
      ["with a tabulator", "insufficient_scope", { scope: "reports.read\treports.write" }],
      ["both in one member", "insufficient_scope", { scope: ["reports.read reports.write"] }],
      ["in an object", "insufficient_scope", { scope: { "reports.read": true } }],
      ["in another claim", "insufficient_scope", { roles: ["reports.read", "reports.write"] }],
      ["an empty text", "insufficient_scope", { scope: "" }],
      ["none", "insufficient_scope", {}],
    ],
  },
  {
    title: "SCOPES_MATCH=any needs one of them.",
    settings: { REQUIRED_SCOPES: '["reports.read","reports.write"]', SCOPES_MATCH: "any" },
    scope: "reports.read reports.write",
    rows: [
      ["one of them", "accepted", { scope: "reports.write" }],
      ["both", "accepted", { scp: ["reports.read", "reports.write"] }],
      ["another", "insufficient_scope", { scope: "reports" }],
      ["none", "insufficient_scope", {}],
    ],
  },
  {
    title: "REQUIRED_CLAIMS with a value or several: one of the claim's values is one of them.",
    settings: {
      REQUIRED_CLAIMS: '{"tid":["a","b"],"level":2,"admin":true,"https://x.test/role":"ops"}',
    },
    rows: ([
      ["all of them", "accepted", {}],
      ["the second value", "accepted", { tid: "b" }],
      ["a list with one", "accepted", { tid: ["x", "b"] }],
      ["another value", "claim_not_accepted", { tid: "c" }],
      ["other letters", "claim_not_accepted", { tid: "A" }],
      ["a text for a number", "claim_not_accepted", { level: "2" }],
      ["another number", "claim_not_accepted", { level: 3 }],
      ["a text for true", "claim_not_accepted", { admin: "true" }],
      ["a number for true", "claim_not_accepted", { admin: 1 }],
      ["null", "claim_not_accepted", { tid: null }],
      ["none", "claim_not_accepted", { tid: undefined }],
      ["an object", "claim_not_accepted", { tid: { a: "a" } }],
      ["an empty list", "claim_not_accepted", { tid: [] }],
      ["a URL's name cut at its dot", "claim_not_accepted", {
        "https://x.test/role": undefined,
        "https://x": { "test/role": "ops" },
      }],
    ] as const).map(([sentence, outcome, claims]): Row => [sentence, outcome, {
      tid: "a",
      level: 2,
      admin: true,
      "https://x.test/role": "ops",
      ...claims,
    }]),
  },
  {
    title: "REQUIRED_CLAIMS with all, pattern and a path.",
    settings: {
      REQUIRED_CLAIMS: JSON.stringify([
        { name: "groups", all: ["a", "b"] },
        { name: "ref", pattern: "refs/heads/*" },
        { path: ["realm_access", "roles"], any: ["reader", "writer"] },
      ]),
    },
    rows: ([
      ["all of them", "accepted", {}],
      ["more groups", "accepted", { groups: ["c", "b", "a"] }],
      ["one group less", "claim_not_accepted", { groups: ["a"] }],
      ["one group as a text", "claim_not_accepted", { groups: "a" }],
      ["a list with one that matches", "accepted", { ref: ["refs/tags/1", "refs/heads/x"] }],
      ["one segment too many", "claim_not_accepted", { ref: "refs/heads/x/y" }],
      ["another segment", "claim_not_accepted", { ref: "refs/tags/main" }],
      ["a number for a pattern", "claim_not_accepted", { ref: 1 }],
      ["another role", "accepted", { realm_access: { roles: ["x", "writer"] } }],
      ["a role as a text", "accepted", { realm_access: { roles: "reader" } }],
      ["no role of these", "claim_not_accepted", { realm_access: { roles: ["x"] } }],
      ["no roles", "claim_not_accepted", { realm_access: {} }],
      ["null on the way", "claim_not_accepted", { realm_access: null }],
      ["a list on the way", "claim_not_accepted", { realm_access: [{ roles: ["reader"] }] }],
      ["a name with a dot", "claim_not_accepted", {
        realm_access: undefined,
        "realm_access.roles": ["reader"],
      }],
      ["a text on the way", "claim_not_accepted", { realm_access: "text" }],
    ] as const).map(([sentence, outcome, claims]): Row => [sentence, outcome, {
      groups: ["a", "b"],
      ref: "refs/heads/main",
      realm_access: { roles: ["reader"] },
      ...claims,
    }]),
  },
  {
    title: "What identifies the caller is checked first, then scopes, then claims.",
    settings: {
      AUDIENCE: '"a"',
      SUBJECTS: '["s"]',
      CLIENTS: '["c"]',
      REQUIRED_SCOPES: '["x"]',
      REQUIRED_CLAIMS: '{"tid":"t"}',
    },
    scope: "x",
    rows: ([
      ["all right", "accepted", {}],
      ["all wrong", "wrong_audience", { aud: "", sub: "", client_id: "", scope: "", tid: "" }],
      ["all but aud", "wrong_subject", { sub: "", client_id: "", scope: "", tid: "" }],
      ["all but aud and sub", "wrong_client", { client_id: "", scope: "", tid: "" }],
      ["scope and claim", "insufficient_scope", { scope: "", tid: "" }],
      ["the claim", "claim_not_accepted", { tid: "" }],
      ["all wrong in an ID token", "wrong_type", { aud: "", scope: "", tid: "", nonce: "n" }],
      ["an expired one without scope", "expired", { scope: "", exp: 1 }],
    ] as const).map(([sentence, outcome, claims]): Row => [
      sentence,
      outcome,
      { aud: "a", sub: "s", client_id: "c", scope: "x", tid: "t", ...claims },
    ]),
  },
  {
    title: "ALGORITHMS narrows those with public keys.",
    settings: { ALGORITHMS: '["RS256","RS384"]' },
    rows: [
      ["RS256", "accepted"],
      ["RS384", "accepted", {}, { alg: "RS384" }],
      ["RS512", "algorithm_not_allowed", {}, { alg: "RS512" }],
    ],
  },
  {
    title: "ALGORITHMS without HS* refuses tokens with a secret.",
    settings: {},
    secret: SECRET,
    rows: [
      ["HS256", "algorithm_not_allowed"],
      ["HS512", "algorithm_not_allowed", {}, { alg: "HS512" }],
    ],
  },
  {
    title: "ALGORITHMS narrows those with a secret.",
    settings: { CLIENT_SECRET: SECRET, ALGORITHMS: '["HS256"]' },
    secret: SECRET,
    rows: [
      ["HS256", "accepted"],
      ["HS384", "algorithm_not_allowed", {}, { alg: "HS384" }],
    ],
  },
  {
    title: "ALGORITHMS with HS* alone refuses tokens with the provider's key.",
    settings: { CLIENT_SECRET: SECRET, ALGORITHMS: '["HS256"]' },
    rows: [["RS256", "algorithm_not_allowed"]],
  },
  {
    title: "With CLIENT_SECRET alone both kinds are accepted.",
    settings: { CLIENT_SECRET: SECRET },
    secret: SECRET,
    rows: [
      ["HS256", "accepted"],
      ["HS384", "accepted", {}, { alg: "HS384" }],
      ["HS512", "accepted", {}, { alg: "HS512" }],
    ],
  },
];

for (const group of TABLE) {
  Deno.test(group.title, async (t) => {
    await using stack = await startStack(group.settings);
    for (const row of group.rows) {
      const [sentence, outcome] = row;
      await t.step(`${sentence}: ${outcome}`, async () => {
        const token = await tokenOf(stack, group, row);
        await assertOutcome(stack, token, outcome, group.scope);
        // What is remembered says the same.
        await assertOutcome(stack, token, outcome, group.scope);
        // A forged token must not be told what a good one would lack.
        const early = outcome !== "accepted" && statusOf(outcome) === 401;
        await assertOutcome(stack, breakSignature(token), early ? outcome : "bad_signature");
      });
    }
  });
}

function tokenOf(
  stack: Stack,
  { secret }: Group,
  [, , claims, header]: Row,
): Promise<string> {
  return secret === undefined
    ? stack.token(claims, header)
    : signHsToken(secret, stack.claims(claims), header);
}

async function assertOutcome(
  stack: Stack,
  token: string,
  outcome: Outcome,
  scope?: string,
): Promise<void> {
  const reached = stack.upstream.requests.length;
  const response = await stack.call(`Bearer ${token}`);
  assertEquals({
    status: response.status,
    reason: stack.proxy.access.at(-1)?.reason,
    challenge: response.headers.get("www-authenticate"),
    reached: stack.upstream.requests.length - reached,
  }, {
    status: outcome === "accepted" ? 200 : statusOf(outcome),
    reason: outcome === "accepted" ? undefined : outcome,
    challenge: challengeOf(outcome, response.text, scope),
    reached: outcome === "accepted" ? 1 : 0,
  });
}

/** The challenge that belongs to a refusal, with the description of its body. */
function challengeOf(outcome: Outcome, body: string, scope: string | undefined): string | null {
  if (outcome === "accepted" || outcome === "claim_not_accepted") return null;
  const error = outcome === "insufficient_scope" ? outcome : "invalid_token";
  const needed = outcome === "insufficient_scope" ? `, scope="${scope}"` : "";
  const { error_description: description } = JSON.parse(body);
  return `Bearer realm="ooproxy", error="${error}", error_description="${description}"${needed}`;
}
