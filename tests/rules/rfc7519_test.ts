/**
 * RFC 7519, JSON Web Token: claims and their checks, through the whole proxy. All tokens are well
 * signed; refused ones are unseen by the provider and the upstream.
 */
import { startStack } from "../support/stack.ts";
import { assertEquals } from "../support/assert.ts";
import {
  claimsRow,
  HEADER,
  type Outcome,
  payloadRow,
  type Row,
  signedText,
  testTokens,
} from "../support/token_rows.ts";
import { base64url, signHsToken } from "../support/tokens.ts";

/** Longer than any test takes, in seconds. */
const AWHILE = 120;

const ascii = (text: string) => [...new TextEncoder().encode(text)];

/** The payload with these bytes as the value of an unknown claim. */
function withBytes(...value: number[]): (claims: string) => Uint8Array {
  return (claims) =>
    Uint8Array.from([...ascii('{"x":"'), ...value, ...ascii(`",${claims.slice(1)}`)]);
}

/** The text of the claims with one more member, before or after the others. */
const first = (member: string) => (claims: string) => `{${member},${claims.slice(1)}`;
const last = (member: string) => (claims: string) => `${claims.slice(0, -1)},${member}}`;

testTokens("7.2: the payload is one JSON object in UTF-8", [
  ...([
    ["a list", "[]"],
    ["null", "null"],
    ["a text", '"text"'],
    ["a number", "1"],
    ["true", "true"],
    ["a word", "claims"],
    ["half an object", "{"],
    ["an object in a list", '[{"exp":9e9}]'],
    ["a form", "iss=a&exp=9000000000"],
    ["one blank", " "],
  ] as const).map(([sentence, payload]) => payloadRow(sentence, "not_a_jwt", () => payload)),
  payloadRow("two objects", "not_a_jwt", (claims) => claims + claims),
  payloadRow("something behind the object", "not_a_jwt", (claims) => `${claims}x`),
  payloadRow("a NUL behind the object", "not_a_jwt", (claims) => `${claims}\0`),
  payloadRow("a comma at the end", "not_a_jwt", (claims) => `${claims.slice(0, -1)},}`),
  payloadRow("single quotes", "not_a_jwt", (claims) => claims.replaceAll('"', "'")),
  payloadRow("a comment", "not_a_jwt", (claims) => `/**/${claims}`),
  payloadRow("a byte order mark", "not_a_jwt", (claims) => `\ufeff${claims}`),
  payloadRow(
    "UTF-16",
    "not_a_jwt",
    (claims) => Uint8Array.from(ascii(claims).flatMap((c) => [c, 0])),
  ),
  payloadRow("a byte that is no UTF-8", "not_a_jwt", withBytes(0xff)),
  payloadRow("a long form of NUL", "not_a_jwt", withBytes(0xc0, 0x80)),
  payloadRow("half a pair", "not_a_jwt", withBytes(0xed, 0xa0, 0x80)),
  payloadRow("half a character", "not_a_jwt", withBytes(0xe2, 0x82)),
  payloadRow("a bare line end in a text", "not_a_jwt", withBytes(0x0a)),
  payloadRow("NaN", "not_a_jwt", last('"x":NaN')),
  payloadRow("a number in hexadecimal", "not_a_jwt", last('"x":0x10')),
  payloadRow(
    "10,000 levels that are never closed",
    "not_a_jwt",
    () => `{"x":${"[".repeat(10_000)}`,
  ),
  payloadRow("no claim at all", "malformed_claims", () => "{}"),
], { fetches: 0 });

testTokens("7.2: what JSON allows is allowed", [
  payloadRow("blanks and line ends between", "accepted", (claims) => `\r\n ${claims}\t`),
  payloadRow("the character that stands for no character", "accepted", first('"x":"\ufffd"')),
  payloadRow("other scripts", "accepted", first('"x":"\u540d\u524d \u{1f511}"')),
  payloadRow("a half pair, escaped", "accepted", first('"x":"\\ud800"')),
  payloadRow("4,000 levels", "accepted", first(`"x":${"[".repeat(4000)}${"]".repeat(4000)}`)),
  payloadRow("a claim named __proto__", "accepted", first('"__proto__":{"exp":1,"sub":"admin"}')),
  payloadRow("claims named like methods", "accepted", first('"constructor":1,"toString":2')),
  payloadRow(
    "names written with escapes",
    "accepted",
    (claims) => claims.replace("exp", "\\u0065xp"),
  ),
  payloadRow("two claims that differ in case", "accepted", first('"EXP":1')),
], { fetches: 2 });

/** RFC 7519, section 4, leaves the choice between refusing and taking the last: see rfc7515_test.ts. */
testTokens("4: claims that name a member twice are refused, whichever would win", [
  payloadRow("exp, first long ago", "not_a_jwt", first('"exp":1')),
  payloadRow("exp, then long ago", "not_a_jwt", last('"exp":1')),
  payloadRow("sub", "not_a_jwt", first('"sub":"admin"')),
  payloadRow("sub, once with an escape", "not_a_jwt", last('"\\u0073ub":"admin"')),
  payloadRow("iss", "not_a_jwt", last('"iss":"https://evil"')),
  payloadRow("an unknown claim", "not_a_jwt", last('"x":1,"x":1')),
  payloadRow("an empty name", "not_a_jwt", last('"":1,"":1')),
  payloadRow("__proto__", "not_a_jwt", last('"__proto__":1,"__proto__":1')),
  payloadRow("deep inside", "not_a_jwt", last('"realm_access":{"roles":[],"roles":["admin"]}')),
  payloadRow("only in different objects", "accepted", last('"a":{"x":1},"b":[{"x":1},{"x":1}]')),
  payloadRow("only in a text that looks so", "accepted", last('"x":"\\",\\"sub\\":\\"admin\\\\"')),
], { fetches: 2 });

testTokens("4.1.1: iss is the provider's own name, a text, letter by letter", [
  claimsRow("another provider's", "wrong_issuer", { iss: "https://evil" }),
  claimsRow("none", "wrong_issuer", { iss: undefined }),
  claimsRow("null", "wrong_issuer", { iss: null }),
  claimsRow("an empty text", "wrong_issuer", { iss: "" }),
  ...([
    ["in a list", (iss) => [iss]],
    ["in a list with another", (iss) => [iss, "https://evil"]],
    ["in an object", (iss) => ({ toString: iss })],
    ["with a NUL behind", (iss) => `${iss}\0`],
    ["with a blank behind", (iss) => `${iss} `],
    ["in capitals", (iss) => iss.toUpperCase()],
    ["with a path", (iss) => `${iss}/.`],
    ["with a user", (iss) => iss.replace("//", "//evil@")],
    ["with something in front", (iss) => `https://evil/${iss}`],
  ] as readonly (readonly [string, (iss: string) => unknown])[]).map(([sentence, change]): Row => [
    sentence,
    "wrong_issuer",
    (stack) => stack.token({ iss: change(stack.provider.url) }),
  ]),
], { fetches: 0 });

const SUBS: readonly (readonly [sentence: string, sub: unknown, outcome: Outcome])[] = [
  ["the one that is set", "me", "accepted"],
  ["in another case", "Me", "wrong_subject"],
  ["with a blank", "me ", "wrong_subject"],
  ["none", undefined, "wrong_subject"],
  ["null", null, "wrong_subject"],
  ["in a list", ["me"], "wrong_subject"],
  ["in an object", { toString: "me" }, "wrong_subject"],
];

testTokens(
  "4.1.2: sub is the one that is set",
  SUBS.map(([sentence, sub, outcome]) => claimsRow(sentence, outcome, { sub })),
  { settings: { SUBJECT: "me" }, fetches: 2 },
);

testTokens("4.1.2, 4.1.3: where neither is set, sub and aud are not looked at", [
  ...[undefined, "any", "", null, 1, ["x"], {}].flatMap((value) => [
    claimsRow(`sub ${JSON.stringify(value)}`, "accepted", { sub: value }),
    claimsRow(`aud ${JSON.stringify(value)}`, "accepted", { aud: value }),
  ]),
], { fetches: 2 });

/** Every shape that `aud` may come in; the settings below name those that are accepted. */
const AUDS: readonly unknown[] = [
  ...[undefined, null, "", "c", "C", "c ", "a", "a,b", "a b", '["a","b"]', "*", 1, true],
  ...[[], ["c"], [["c"]], ["c", "c"], ["c", ""], [null], ["*"], { 0: "c", length: 1 }, { c: "c" }],
  ...[["a"], ["b"], ["a", "b"], ["b", "a"], ["a", "b", "c"], ["a", "a"], ["a", "a", "b"], [
    "A",
    "b",
  ]],
  ...[["a", "b", null], ["a", ["b"]], [["a", "b"]], ["a b"]],
];

const AUDIENCES: readonly (readonly [setting: string, good: readonly unknown[]])[] = [
  ['"c"', ["c"]],
  ['["c"]', [["c"]]],
  ['["a","b"]', [["a", "b"], ["b", "a"]]],
  ['["a","a"]', [["a", "a"]]],
];

for (const [setting, good] of AUDIENCES) {
  const goodTexts = good.map((aud) => JSON.stringify(aud));
  testTokens(
    `4.1.3: AUDIENCE=${setting} accepts exactly that, a list in any order`,
    AUDS.map((aud) => {
      const outcome = goodTexts.includes(JSON.stringify(aud)) ? "accepted" : "wrong_audience";
      return claimsRow(`aud ${JSON.stringify(aud)}`, outcome, { aud });
    }),
    { settings: { AUDIENCE: setting }, fetches: 2 },
  );
}

/** A claim with a value that only JSON text can say. */
const written = (sentence: string, outcome: Outcome, name: string, value: string) =>
  payloadRow(sentence, outcome, (claims) => {
    const members = JSON.parse(claims);
    delete members[name];
    return last(`"${name}":${value}`)(JSON.stringify(members));
  });

testTokens("4.1.4: exp is required, a number, and ahead", [
  claimsRow("ahead", "accepted", (now) => ({ exp: now + AWHILE })),
  claimsRow("ahead by a fraction more", "accepted", (now) => ({ exp: now + AWHILE + 0.5 })),
  claimsRow("this second", "expired", (now) => ({ exp: now })),
  claimsRow("in the past", "expired", (now) => ({ exp: now - AWHILE })),
  claimsRow("none", "malformed_claims", { exp: undefined }),
  claimsRow("a number as a text", "malformed_claims", (now) => ({ exp: `${now + AWHILE}` })),
  claimsRow("a date as a text", "malformed_claims", { exp: "2999-01-01T00:00:00Z" }),
  written("milliseconds, which is far ahead", "accepted", "exp", "1800000000000"),
  written("with an exponent", "accepted", "exp", "9e9"),
  written("the largest number", "accepted", "exp", "1.7976931348623157e308"),
  written("beyond all numbers", "malformed_claims", "exp", "1e400"),
  written("below all numbers", "malformed_claims", "exp", "-1e400"),
  written("a thousand digits", "malformed_claims", "exp", "9".repeat(1000)),
  written("1.5", "expired", "exp", "1.5"),
  written("zero", "expired", "exp", "0"),
  written("less than zero", "expired", "exp", "-1"),
  written("minus zero", "expired", "exp", "-0"),
  ...["null", "true", '""', "[]", "[9000000000]", "{}", '{"valueOf":9000000000}'].map((value) =>
    written(value, "malformed_claims", "exp", value)
  ),
], { fetches: 2 });

testTokens(
  "4.1.5, 4.1.6: nbf and iat are numbers and not ahead",
  ["nbf", "iat"].flatMap((name) => [
    claimsRow(`${name}: none`, "accepted", { [name]: undefined }),
    claimsRow(`${name}: in the past`, "accepted", (now) => ({ [name]: now - AWHILE })),
    claimsRow(`${name}: with a fraction`, "accepted", (now) => ({ [name]: now - 0.5 })),
    claimsRow(`${name}: ahead`, "not_yet_valid", (now) => ({ [name]: now + AWHILE })),
    claimsRow(`${name}: a number as a text`, "malformed_claims", { [name]: "0" }),
    written(`${name}: zero`, "accepted", name, "0"),
    written(`${name}: less than zero`, "accepted", name, "-1"),
    written(`${name}: in milliseconds`, "not_yet_valid", name, "1800000000000"),
    written(`${name}: the largest number`, "not_yet_valid", name, "1.7976931348623157e308"),
    written(`${name}: below all numbers`, "malformed_claims", name, "-1e400"),
    written(`${name}: beyond all numbers`, "malformed_claims", name, "1e400"),
    written(`${name}: null`, "malformed_claims", name, "null"),
    written(`${name}: a list`, "malformed_claims", name, "[0]"),
    written(`${name}: false`, "malformed_claims", name, "false"),
  ]),
  { fetches: 2 },
);

testTokens("4.1.4 to 4.1.6: LEEWAY is allowed for, and no more", [
  claimsRow("exp past within", "accepted", (now) => ({ exp: now - AWHILE / 2 })),
  claimsRow("exp past beyond", "expired", (now) => ({ exp: now - AWHILE })),
  claimsRow("nbf ahead within", "accepted", (now) => ({ nbf: now + AWHILE / 2 })),
  claimsRow("nbf ahead beyond", "not_yet_valid", (now) => ({ nbf: now + 2 * AWHILE })),
  claimsRow("iat ahead within", "accepted", (now) => ({ iat: now + AWHILE / 2 })),
  claimsRow("iat ahead beyond", "not_yet_valid", (now) => ({ iat: now + 2 * AWHILE })),
], { settings: { LEEWAY: String(AWHILE) }, fetches: 2 });

Deno.test("4.1.7: the same token may be used again", async () => {
  await using stack = await startStack();
  const token = await stack.token({ jti: "once" });
  for (let i = 0; i < 3; i++) assertEquals((await stack.call(`Bearer ${token}`)).status, 200);
  assertEquals(stack.provider.count(), 2);
});

testTokens("5.1, 5.2: typ is that of an access token, cty is not looked at; what is inside is", [
  ...["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", undefined].map((
    typ,
  ): Row => [`typ ${typ}`, "accepted", (stack) => stack.token({}, { typ })]),
  // RFC 8725, section 3.11.
  ...["dpop+jwt", "logout+jwt", "id_token+jwt", "application/jwt+x", " JWT", "", 1, null].map((
    typ,
  ): Row => [`typ ${JSON.stringify(typ)}`, "wrong_type", (stack) => stack.token({}, { typ })]),
  ["cty JWT over claims", "accepted", (stack) => stack.token({}, { cty: "JWT" })],
  [
    "cty JWT over a good token",
    "not_a_jwt",
    async (stack) => signedText('{"alg":"RS256","kid":"one","cty":"JWT"}', await stack.token()),
  ],
  [
    "cty JWT over a good token in quotes",
    "not_a_jwt",
    async (stack) => signedText(HEADER, JSON.stringify(await stack.token())),
  ],
  [
    "a good token inside an unsigned one",
    "not_a_jwt",
    async (stack) =>
      `${base64url('{"alg":"none","cty":"JWT"}')}.${base64url(await stack.token())}.`,
  ],
  [
    "a good token inside one of HS256",
    "algorithm_not_allowed",
    async (stack) => signHsToken("x", { ...stack.claims(), jwt: await stack.token() }),
  ],
], { fetches: 2 });
