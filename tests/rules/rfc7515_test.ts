/**
 * RFC 7515, JSON Web Signature: the form of a token and its header, through the whole proxy. Every row
 * says for which reason it is refused; nothing of it reaches the upstream.
 */
import { MAX_KID_LENGTH } from "../../src/limits.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { assertEquals } from "../support/assert.ts";
import {
  assertOutcome,
  HEADER,
  headerRow,
  type Row,
  signedText,
  testTokens,
  testValues,
} from "../support/token_rows.ts";
import { base64url, publicJwk, rsaKey, signToken } from "../support/tokens.ts";
import { httpUpstream } from "../support/upstream.ts";

const ascii = (text: string) => new TextEncoder().encode(text);

function bytes(...parts: readonly (string | number)[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((p) => typeof p === "string" ? [...ascii(p)] : [p]));
}

/** A row: the parts of a good token, put together in another way. */
function reshaped(
  sentence: string,
  outcome: Row[1],
  shape: (header: string, payload: string, signature: string) => string,
): Row {
  return [sentence, outcome, async (stack) => {
    // 28 bytes: one more than a multiple of three, so that the last character has unused bits.
    const token = await signedText(`${HEADER} `, JSON.stringify(stack.claims({ pad: "" })));
    const [header = "", payload = "", signature = ""] = token.split(".");
    return shape(header, payload, signature);
  }];
}

/** The last character with its lowest, unused bit set: it decodes to the same bytes. */
function strayBits(part: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet.indexOf(part.slice(-1));
  return part.slice(0, -1) + alphabet.charAt(last | 1);
}

testTokens("7.1: a compact JWS has three whole parts", [
  reshaped("as it should be", "accepted", (h, p, s) => `${h}.${p}.${s}`),
  reshaped("the header alone", "not_a_jwt", (h) => h),
  reshaped("without dots", "not_a_jwt", (h, p, s) => h + p + s),
  reshaped("two parts", "not_a_jwt", (h, p) => `${h}.${p}`),
  reshaped("the payload left out with its dot", "not_a_jwt", (h, _p, s) => `${h}.${s}`),
  reshaped("the header left out with its dot", "not_a_jwt", (_h, p, s) => `${p}.${s}`),
  reshaped("four parts", "not_a_jwt", (h, p, s) => `${h}.${p}.${s}.${s}`),
  reshaped("five parts, as a JWE has", "not_a_jwt", (h, p, s) => `${h}.${p}.${s}.${p}.${s}`),
  reshaped("five parts, all but three empty", "not_a_jwt", (h, p, s) => `${h}..${p}..${s}`),
  reshaped("six parts", "not_a_jwt", (h, p, s) => `${h}.${p}.${s}.${h}.${p}.${s}`),
  reshaped("two dots alone", "not_a_jwt", () => ".."),
  reshaped("sixteen thousand dots", "not_a_jwt", () => ".".repeat(16_000)),
  reshaped("an empty header", "not_a_jwt", (_h, p, s) => `.${p}.${s}`),
  reshaped("an empty payload", "not_a_jwt", (h, _p, s) => `${h}..${s}`),
  reshaped("an empty signature", "not_a_jwt", (h, p) => `${h}.${p}.`),
  reshaped("a dot in front", "not_a_jwt", (h, p, s) => `.${h}.${p}.${s}`),
  reshaped("a dot behind", "not_a_jwt", (h, p, s) => `${h}.${p}.${s}.`),
  reshaped("its parts in another order", "not_a_jwt", (h, p, s) => `${s}.${p}.${h}`),
  reshaped("encoded twice", "not_a_jwt", (h, p, s) => base64url(`${h}.${p}.${s}`)),
  reshaped("twice, one behind the other", "not_a_jwt", (h, p, s) => `${h}.${p}.${s}${h}.${p}.${s}`),
], { fetches: 2 });

testValues("7.2: the JSON serialization is none that a header carries", [
  [
    "flattened",
    "repeated_credentials", // its commas
    async (stack) => {
      const [header, payload, signature] = (await stack.token()).split(".");
      return `Bearer ${JSON.stringify({ protected: header, payload, signature })}`;
    },
  ],
  ["with one member", "malformed_credentials", () => 'Bearer {"payload":"e30"}'],
], { fetches: 0 });

testTokens("2: base64url is canonical and without padding, so that a token has one spelling", [
  reshaped("padding after the header", "malformed_credentials", (h, p, s) => `${h}==.${p}.${s}`),
  reshaped("padding after the payload", "malformed_credentials", (h, p, s) => `${h}.${p}=.${s}`),
  reshaped("padding after the signature", "not_a_jwt", (h, p, s) => `${h}.${p}.${s}==`),
  reshaped("one padding character too few", "not_a_jwt", (h, p, s) => `${h}.${p}.${s}=`),
  reshaped("one padding character too many", "not_a_jwt", (h, p, s) => `${h}.${p}.${s}===`),
  reshaped("unused bits in the header", "not_a_jwt", (h, p, s) => `${strayBits(h)}.${p}.${s}`),
  reshaped("unused bits in the signature", "not_a_jwt", (h, p, s) => `${h}.${p}.${strayBits(s)}`),
  reshaped("a character too many", "not_a_jwt", (h, p, s) => `${h}.${p}.${s}AAA`),
  reshaped("the other alphabet's plus", "not_a_jwt", (h, p, s) => `${h}.${p}.+${s.slice(1)}`),
  reshaped("the other alphabet's slash", "not_a_jwt", (h, p, s) => `${h}.${p}./${s.slice(1)}`),
  reshaped("a tilde", "not_a_jwt", (h, p, s) => `${h}.${p}.~${s.slice(1)}`),
  reshaped("a blank", "malformed_credentials", (h, p, s) => `${h}.${p} .${s}`),
  reshaped("a tab", "malformed_credentials", (h, p, s) => `${h}\t.${p}.${s}`),
  reshaped("a no-break space", "malformed_credentials", (h, p, s) => `${h}.${p}\xa0.${s}`),
  reshaped("a percent sign", "malformed_credentials", (h, p, s) => `${h}%2e${p}.${s}`),
  reshaped("quotes around", "malformed_credentials", (h, p, s) => `"${h}.${p}.${s}"`),
  reshaped("all in lower case", "not_a_jwt", (h, p, s) => `${h}.${p}.${s}`.toLowerCase()),
], { fetches: 0 });

testTokens("3: the header is one JSON object in UTF-8", [
  headerRow("a header as short as can be", "accepted", '{"alg":"RS256"}'),
  headerRow("blanks and line ends between", "accepted", '\r\n{ "alg"\t: "RS256" }\n'),
  headerRow("names written with escapes", "accepted", '{"\\u0061lg":"RS\\u003256"}'),
  headerRow(
    "unknown members",
    "accepted",
    '{"alg":"RS256","x":{"y":[null]},"zip":"DEF"}',
  ),
  headerRow("another name's __proto__", "accepted", '{"alg":"RS256","__proto__":{"crit":[]}}'),
  headerRow(
    "5,000 levels",
    "accepted",
    `{"alg":"RS256","x":${"[".repeat(5000)}${"]".repeat(5000)}}`,
  ),
  headerRow("10,000 levels that are never closed", "not_a_jwt", `{"x":${"[".repeat(10_000)}`),
  headerRow("a list", "not_a_jwt", '["RS256"]'),
  headerRow("null", "not_a_jwt", "null"),
  headerRow("a text", "not_a_jwt", '"RS256"'),
  headerRow("a number", "not_a_jwt", "1"),
  headerRow("a single quote", "not_a_jwt", "{'alg':'RS256'}"),
  headerRow("a comma at the end", "not_a_jwt", '{"alg":"RS256",}'),
  headerRow("a comment", "not_a_jwt", '{"alg":"RS256"/**/}'),
  headerRow("two objects", "not_a_jwt", '{"alg":"RS256"}{}'),
  headerRow("half an object", "not_a_jwt", '{"alg":"RS256"'),
  headerRow("a NUL behind", "not_a_jwt", '{"alg":"RS256"}\0'),
  headerRow("a byte order mark", "not_a_jwt", bytes(0xef, 0xbb, 0xbf, HEADER)),
  headerRow("UTF-16", "not_a_jwt", bytes(...[...HEADER].flatMap((c) => [c, 0]))),
  headerRow("a byte that is no UTF-8", "not_a_jwt", bytes('{"alg":"RS256","x":"', 0xff, '"}')),
  headerRow("a long form of a quote", "not_a_jwt", bytes('{"alg":"RS256","x":', 0xc0, 0xa2, '"}')),
  headerRow("half a pair", "not_a_jwt", bytes('{"alg":"RS256","x":"', 0xed, 0xa0, 0x80, '"}')),
], { fetches: 2 });

/**
 * RFC 7515, section 4, leaves the choice between refusing and taking the last. The upstream gets the
 * same token and may choose otherwise, so it is refused: then what was checked is all that it says.
 */
testTokens("4: a header that names a member twice is refused, whichever would win", [
  headerRow("alg, first none", "not_a_jwt", '{"alg":"none","alg":"RS256"}'),
  headerRow("alg, then none", "not_a_jwt", '{"alg":"RS256","alg":"none"}'),
  headerRow("alg, the same twice", "not_a_jwt", '{"alg":"RS256","alg":"RS256"}'),
  headerRow("alg, once with an escape", "not_a_jwt", '{"alg":"RS256","\\u0061lg":"RS256"}'),
  headerRow("kid", "not_a_jwt", '{"alg":"RS256","kid":"two","kid":"one"}'),
  headerRow("an unknown member", "not_a_jwt", '{"alg":"RS256","x":["x"],"x":0}'),
  headerRow("__proto__", "not_a_jwt", '{"alg":"RS256","__proto__":1,"__proto__":2}'),
  headerRow("deep inside", "not_a_jwt", '{"alg":"RS256","x":[{"y":{"z":1,"z":1}}]}'),
  headerRow(
    "only in a text that looks so",
    "accepted",
    '{"alg":"RS256","x":"{\\"a\\":1,\\"a\\":1}"}',
  ),
  headerRow("only in different objects", "accepted", '{"alg":"RS256","x":[{"a":1},{"a":1}]}'),
  headerRow("only but for the case", "accepted", '{"alg":"RS256","ALG":"none"}'),
], { fetches: 2 });

testTokens("4.1.1: alg is there and a text", [
  headerRow("without alg", "not_a_jwt", "{}"),
  headerRow("under another case", "not_a_jwt", '{"ALG":"RS256"}'),
  headerRow("under a name with a blank", "not_a_jwt", '{"alg ":"RS256"}'),
  headerRow("only in __proto__", "not_a_jwt", '{"__proto__":{"alg":"RS256"}}'),
  ...["256", "null", "true", '["RS256"]', '{"toString":"RS256"}'].map((alg) =>
    headerRow(`alg ${alg}`, "not_a_jwt", `{"alg":${alg}}`)
  ),
], { fetches: 0 });

testTokens("4.1.11: crit of every shape is refused, since no extension is understood", [
  ...[
    "[]",
    '["exp"]',
    '["alg"]',
    '["b64"]',
    '["x"]',
    '["x","x"]',
    "[1]",
    "[[]]",
    "[null]",
    "null",
    '"exp"',
    '""',
    "{}",
    "0",
    "true",
    "false",
  ].map((crit) =>
    headerRow(`crit ${crit}`, "not_a_jwt", `{"alg":"RS256","exp":1,"x":1,"crit":${crit}}`)
  ),
  ...["false", "true", '"false"', "null", "0"].map((b64) =>
    headerRow(`b64 ${b64} of RFC 7797`, "not_a_jwt", `{"alg":"RS256","b64":${b64}}`)
  ),
  headerRow("b64 with its crit", "not_a_jwt", '{"alg":"RS256","b64":false,"crit":["b64"]}'),
  [
    "an unencoded payload",
    "not_a_jwt",
    (stack) => `${base64url('{"alg":"RS256","b64":false}')}.${stack.claims().sub}.c2ln`,
  ],
  headerRow("enc, as in a JWE", "not_a_jwt", '{"alg":"RS256","enc":"A128GCM"}'),
], { fetches: 0 });

const KIDS: readonly (readonly [sentence: string, kid: unknown])[] = [
  ["a path out of any folder", "../../../../dev/null"],
  ["SQL", "x' UNION SELECT 'secret' -- "],
  ["a command", "|/usr/bin/id"],
  ["an address", "http://127.0.0.1:1/key"],
  ["__proto__", "__proto__"],
  ["constructor", "constructor"],
  ["toString", "toString"],
  ["an empty text", ""],
  ["a NUL behind the right one", "one\0"],
  ["a blank behind the right one", "one "],
  ["the right one in capitals", "ONE"],
  ["a Cyrillic letter in the right one", "\u043ene"],
  ["a line end and a header", "one\r\nX-Evil: 1"],
  ["half a pair of code units", "\ud800"],
  ["as long as the limit", "k".repeat(MAX_KID_LENGTH)],
];

testTokens(
  "4.1.4: a kid is a name and nothing else",
  KIDS.map(([sentence, kid]): Row => [
    sentence,
    "unknown_key",
    (stack) => stack.token({}, { kid }),
  ]),
  { apart: true, fetches: 2 },
);

testTokens("4.1.4: a kid is a short text", [
  ...["1", "null", "true", "[]", '["one"]', "{}", '{"toString":"one"}'].map((kid) =>
    headerRow(`the kid ${kid}`, "not_a_jwt", `{"alg":"RS256","kid":${kid}}`)
  ),
  ...[MAX_KID_LENGTH + 1, 10_000].map((length) =>
    headerRow(
      `a kid of ${length} characters`,
      "not_a_jwt",
      `{"alg":"RS256","kid":"${"k".repeat(length)}"}`,
    )
  ),
], { fetches: 0 });

Deno.test("4.1.2 to 4.1.8: keys in a token, or where it says that they are, are never used or fetched", async (t) => {
  const attacker = await rsaKey(1);
  const jwk = publicJwk(attacker, { kid: "one", alg: "RS256" });
  await using trap = httpUpstream(() => Response.json({ keys: [jwk] }));
  const jku = `${trap.url}/jwks`;
  const members: readonly (readonly [string, (stack: Stack) => Record<string, unknown>])[] = [
    ["jwk", () => ({ jwk })],
    ["jku", () => ({ jku })],
    ["jku that begins like the provider", ({ provider }) => ({ jku: `${provider.url}@${jku}` })],
    ["x5u", () => ({ x5u: jku })],
    ["x5c", () => ({ x5c: ["MIIB", base64url(JSON.stringify(jwk))] })],
    ["x5t", () => ({ x5t: "AAAA", "x5t#S256": "AAAA" })],
    ["all of them", () => ({ jwk, jku, x5u: jku, x5c: [jku] })],
    ["unexpected shapes", () => ({ jwk: null, jku: 1, x5u: [jku], x5c: "" })],
  ];
  await using stack = await startStack();
  for (const [name, header] of members) {
    await t.step(`${name}, signed with the key that it leads to: bad_signature`, async () => {
      const extra = { kid: "one", ...header(stack) };
      const token = await signToken(attacker, stack.claims(), extra);
      await assertOutcome(stack, `Bearer ${token}`, "bad_signature");
    });
    await t.step(`${name}, without kid: bad_signature`, async () => {
      const token = await signToken(attacker, stack.claims(), header(stack));
      await assertOutcome(stack, `Bearer ${token}`, "bad_signature");
    });
    await t.step(`${name}, signed by the provider: accepted, not followed`, async () => {
      await assertOutcome(stack, `Bearer ${await stack.token({}, header(stack))}`, "accepted");
    });
  }
  assertEquals([trap.requests.length, stack.provider.count()], [0, 2]);
});
