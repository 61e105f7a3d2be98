/** RFC 7519, JSON Web Token: claims and their checks, through the whole proxy. */
import { assertRefused, startStack } from "../auth/stack.ts";
import { assertEquals } from "../support/assert.ts";
import { keySigner, type Members, noSigner, rawToken, rsaKey } from "../support/tokens.ts";

/** Longer than any test takes, in seconds. */
const AWHILE = 120;

interface Row {
  readonly sentence: string;
  readonly claims: (now: number) => Members;
  readonly good: boolean;
  readonly settings?: Readonly<Record<string, string>>;
}

const ROWS: readonly Row[] = [
  {
    sentence: "4: claims that nobody knows are ignored",
    claims: () => ({ x: { y: [1] } }),
    good: true,
  },
  {
    sentence: "4.1.1: iss of another provider",
    claims: () => ({ iss: "https://evil" }),
    good: false,
  },
  { sentence: "4.1.1: no iss", claims: () => ({ iss: undefined }), good: false },
  { sentence: "4.1.1: iss in a list", claims: () => ({ iss: ["https://evil"] }), good: false },
  { sentence: "4.1.2: any sub, where none is set", claims: () => ({ sub: "any" }), good: true },
  {
    sentence: "4.1.2: the sub that is set",
    claims: () => ({ sub: "me" }),
    good: true,
    settings: { SUBJECT: "me" },
  },
  {
    sentence: "4.1.2: another sub than the one set",
    claims: () => ({ sub: "Me" }),
    good: false,
    settings: { SUBJECT: "me" },
  },
  {
    sentence: "4.1.2: no sub, where one is set",
    claims: () => ({ sub: undefined }),
    good: false,
    settings: { SUBJECT: "me" },
  },
  { sentence: "4.1.3: any aud, where none is set", claims: () => ({ aud: ["x"] }), good: true },
  { sentence: "4.1.3: no aud, where none is set", claims: () => ({ aud: undefined }), good: true },
  {
    sentence: "4.1.3: the aud that is set",
    claims: () => ({ aud: "c" }),
    good: true,
    settings: { AUDIENCE: '"c"' },
  },
  {
    sentence: "4.1.3: a list with the text that is set",
    claims: () => ({ aud: ["c"] }),
    good: false,
    settings: { AUDIENCE: '"c"' },
  },
  {
    sentence: "4.1.3: the list that is set, in another order",
    claims: () => ({ aud: ["b", "a"] }),
    good: true,
    settings: { AUDIENCE: '["a","b"]' },
  },
  {
    sentence: "4.1.3: a part of the list that is set",
    claims: () => ({ aud: ["a"] }),
    good: false,
    settings: { AUDIENCE: '["a","b"]' },
  },
  {
    sentence: "4.1.3: more than the list that is set",
    claims: () => ({ aud: ["a", "b", "c"] }),
    good: false,
    settings: { AUDIENCE: '["a","b"]' },
  },
  {
    sentence: "4.1.3: no aud, where one is set",
    claims: () => ({ aud: undefined }),
    good: false,
    settings: { AUDIENCE: '"c"' },
  },
  { sentence: "4.1.4: exp ahead", claims: (now) => ({ exp: now + AWHILE }), good: true },
  { sentence: "4.1.4: exp at this second", claims: (now) => ({ exp: now }), good: false },
  { sentence: "4.1.4: exp in the past", claims: (now) => ({ exp: now - AWHILE }), good: false },
  { sentence: "4.1.4: no exp", claims: () => ({ exp: undefined }), good: false },
  {
    sentence: "4.1.4: exp in the past within LEEWAY",
    claims: (now) => ({ exp: now - AWHILE }),
    good: true,
    settings: { LEEWAY: String(2 * AWHILE) },
  },
  {
    sentence: "4.1.4: exp in the past beyond LEEWAY",
    claims: (now) => ({ exp: now - 2 * AWHILE }),
    good: false,
    settings: { LEEWAY: String(AWHILE) },
  },
  { sentence: "4.1.5: nbf in the past", claims: (now) => ({ nbf: now - AWHILE }), good: true },
  { sentence: "4.1.5: nbf ahead", claims: (now) => ({ nbf: now + AWHILE }), good: false },
  {
    sentence: "4.1.5: nbf ahead within LEEWAY",
    claims: (now) => ({ nbf: now + AWHILE }),
    good: true,
    settings: { LEEWAY: String(2 * AWHILE) },
  },
  { sentence: "4.1.6: iat ahead", claims: (now) => ({ iat: now + AWHILE }), good: false },
  {
    sentence: "4.1.6: iat ahead within LEEWAY",
    claims: (now) => ({ iat: now + AWHILE }),
    good: true,
    settings: { LEEWAY: String(2 * AWHILE) },
  },
  { sentence: "2: exp that is a text", claims: (now) => ({ exp: `${now + AWHILE}` }), good: false },
  { sentence: "2: nbf that is a text", claims: () => ({ nbf: "0" }), good: false },
  { sentence: "2: iat that is a text", claims: () => ({ iat: "0" }), good: false },
  {
    sentence: "2: times with a fraction",
    claims: (now) => ({ exp: now + AWHILE + 0.5 }),
    good: true,
  },
];

for (const { sentence, claims, good, settings } of ROWS) {
  Deno.test(`${sentence}${good ? " is let in" : " is an invalid_token, unseen by the provider"}`, async () => {
    await using stack = await startStack(settings);
    const token = await stack.token(claims(Math.floor(Date.now() / 1000)));
    const answer = await stack.call(`Bearer ${token}`);
    if (good) assertEquals([answer.status, answer.text], [200, "hello"]);
    else assertRefused(answer, 401, "invalid_token");
    assertEquals(stack.upstream.requests.length, good ? 1 : 0);
    assertEquals(stack.provider.count(), good ? 2 : 0);
  });
}

Deno.test("4.1.7: the same token may be used again", async () => {
  await using stack = await startStack();
  const token = await stack.token({ jti: "once" });
  for (let i = 0; i < 3; i++) assertEquals((await stack.call(`Bearer ${token}`)).status, 200);
  assertEquals(stack.provider.count(), 2);
});

for (const typ of ["JWT", "jwt", "at+jwt", "application/at+jwt", undefined]) {
  Deno.test(`5.1: the typ ${typ} is let in`, async () => {
    await using stack = await startStack();
    assertEquals((await stack.call(`Bearer ${await stack.token({}, { typ })}`)).status, 200);
  });
}

Deno.test("6: an unsecured token is refused, unseen by the provider", async () => {
  await using stack = await startStack();
  const payload = JSON.stringify(stack.claims());
  const bare = await rawToken('{"alg":"none"}', payload, noSigner);
  for (const token of [bare, `${bare}c2ln`]) {
    assertRefused(await stack.call(`Bearer ${token}`), 401, "invalid_token");
  }
  assertEquals([stack.provider.count(), stack.upstream.requests.length], [0, 0]);
});

const MALFORMED: readonly (readonly [sentence: string, change: (token: string) => string])[] = [
  ["without a dot", (token) => token.replaceAll(".", "")],
  ["of two parts", (token) => token.slice(0, token.lastIndexOf("."))],
  ["of four parts", (token) => `${token}.c2ln`],
  ["of five parts, as if encrypted", (token) => `${token}.c2ln.c2ln`],
  ["with padding", (token) => `${token}=`],
  ["with an empty header", (token) => token.slice(token.indexOf("."))],
  ["with the header as a list", (token) => `WyJSUzI1NiJd${token.slice(token.indexOf("."))}`],
];

for (const [sentence, change] of MALFORMED) {
  Deno.test(`7.2: a token ${sentence} is an invalid_token, unseen by the provider`, async () => {
    await using stack = await startStack();
    const answer = await stack.call(`Bearer ${change(await stack.token())}`);
    assertRefused(answer, 401, "invalid_token");
    assertEquals([stack.provider.count(), stack.upstream.requests.length], [0, 0]);
  });
}

Deno.test("7.2: claims that are no JSON object are refused though well signed", async () => {
  await using stack = await startStack();
  for (const payload of ["[]", "null", '"text"', "1", "{", "\ufeff{}"]) {
    const token = await rawToken('{"alg":"RS256","kid":"one"}', payload, keySigner(await rsaKey()));
    assertRefused(await stack.call(`Bearer ${token}`), 401, "invalid_token");
  }
  assertEquals(stack.provider.count(), 0);
});
