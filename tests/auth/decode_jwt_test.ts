import { decodeJwt } from "../../src/auth/decode_jwt.ts";
import { MAX_KID_LENGTH, MAX_TOKEN_LENGTH } from "../../src/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { base64url } from "../support/tokens.ts";

const HEADER = '{"alg":"RS256","kid":"k1","typ":"JWT"}';
const PAYLOAD = '{"sub":"someone"}';

/** A token of these texts or bytes; the signature need not be right here. */
function token(header: string | Uint8Array, payload: string | Uint8Array = PAYLOAD): string {
  return `${base64url(header)}.${base64url(payload)}.c2ln`;
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

const ascii = (text: string) => [...text].map((character) => character.charCodeAt(0));

const GOOD = token(HEADER);
const [H = "", P = "", S = ""] = GOOD.split(".");

Deno.test("token form: a good token gives algorithm, key id and claims", () => {
  assertEquals(decodeJwt(GOOD), {
    ok: true,
    value: { alg: "RS256", kid: "k1", claims: { sub: "someone" } },
  });
});

Deno.test("token form: a token without kid has none", () => {
  const form = decodeJwt(token('{"alg":"HS256"}'));
  assertEquals(form.ok && form.value.kid, undefined);
});

const ACCEPTED: readonly (readonly [sentence: string, token: string])[] = [
  ["blanks inside the JSON do not matter", token(' {"alg" : "RS256"}\n', " { } ")],
  ["an empty payload object is an object", token(HEADER, "{}")],
  ["an empty kid is a kid", token('{"alg":"RS256","kid":""}')],
  [
    "a kid may be as long as the limit",
    token(JSON.stringify({ alg: "RS256", kid: "k".repeat(MAX_KID_LENGTH) })),
  ],
  ["a kid may be a word that objects inherit", token('{"alg":"RS256","kid":"__proto__"}')],
  ["a kid may be the word constructor", token('{"alg":"RS256","kid":"constructor"}')],
  ["an algorithm that objects inherit is just an unknown name", token('{"alg":"__proto__"}')],
  ["the algorithm constructor is just an unknown name", token('{"alg":"constructor"}')],
  ["claims in other scripts are kept", token(HEADER, '{"sub":"\u540d\u524d \u{1f511}"}')],
  ["jwk, jku, x5u and x5c are ignored", token('{"alg":"RS256","jwk":{},"jku":"http://evil/"}')],
];

for (const [sentence, text] of ACCEPTED) {
  Deno.test(`token form: ${sentence}`, () => assert(decodeJwt(text).ok));
}

const REFUSED: readonly (readonly [sentence: string, token: string])[] = [
  ["an empty text", ""],
  ["one part", H],
  ["two parts", `${H}.${P}`],
  ["four parts", `${GOOD}.c2ln`],
  ["the five parts of an encrypted token", `${H}.${P}.${S}.${S}.${S}`],
  ["dots alone", ".."],
  ["many dots", ".".repeat(MAX_TOKEN_LENGTH)],
  ["an empty header", `.${P}.${S}`],
  ["an empty payload", `${H}..${S}`],
  ["an empty signature", `${H}.${P}.`],
  ["a dot in front", `.${GOOD}`],
  ["a dot behind", `${GOOD}.`],
  ["padding after the header", `${H}==.${P}.${S}`],
  ["padding after the payload", `${H}.${P}=.${S}`],
  ["padding after the signature", `${H}.${P}.c2k=`],
  ["unused bits set in the signature", `${H}.${P}.c2l`],
  ["a single character as the signature", `${H}.${P}.c`],
  ["a space inside a part", `${H} .${P}.${S}`],
  ["a line end at the end", `${GOOD}\n`],
  ["a space in front", ` ${GOOD}`],
  ["plus and slash of the other base64", `${H}.${P}.+/+/`],
  ["a percent sign", `${H}.${P}.c2%6en`],
  ["a letter beyond ASCII", `${H}.${P}.c2l\u00fc`],
  ["a byte order mark before the header", token(bytes(0xef, 0xbb, 0xbf, ...ascii(HEADER)))],
  ["a byte order mark before the payload", token(HEADER, bytes(0xef, 0xbb, 0xbf, 0x7b, 0x7d))],
  ["invalid UTF-8 in the header", token(bytes(...ascii('{"alg":"RS256","x":"'), 0xff, 0x22, 0x7d))],
  [
    "invalid UTF-8 in the payload",
    token(HEADER, bytes(...ascii('{"sub":"'), 0xc0, 0x80, 0x22, 0x7d)),
  ],
  ["UTF-16", token(HEADER, bytes(0x7b, 0, 0x7d, 0))],
  ["a header that is a list", token('["RS256"]')],
  ["a header that is null", token("null")],
  ["a header that is a text", token('"RS256"')],
  ["a header that is no JSON", token("{alg:RS256}")],
  ["a payload that is a list", token(HEADER, "[]")],
  ["a payload that is null", token(HEADER, "null")],
  ["a payload that is a number", token(HEADER, "12")],
  ["a payload that is a text", token(HEADER, '"someone"')],
  ["a payload that is no JSON", token(HEADER, "not json")],
  ["a payload with something after the object", token(HEADER, "{}{}")],
  ["a header without alg", token('{"typ":"JWT"}')],
  ["an alg that is a number", token('{"alg":256}')],
  ["an alg that is null", token('{"alg":null}')],
  ["an alg that is a list", token('{"alg":["RS256"]}')],
  ["an alg hidden in __proto__", token('{"__proto__":{"alg":"RS256"}}')],
  ["crit with an unknown extension", token('{"alg":"RS256","crit":["x"],"x":1}')],
  ["crit with a known name", token('{"alg":"RS256","crit":["exp"],"exp":1}')],
  ["an empty crit", token('{"alg":"RS256","crit":[]}')],
  ["crit that is null", token('{"alg":"RS256","crit":null}')],
  ["b64 that is false", token('{"alg":"RS256","b64":false,"crit":["b64"]}')],
  ["b64 that is true", token('{"alg":"RS256","b64":true}')],
  ["enc in the header", token('{"alg":"RS256","enc":"A128GCM"}')],
  ["a kid that is a number", token('{"alg":"RS256","kid":1}')],
  ["a kid that is null", token('{"alg":"RS256","kid":null}')],
  ["a kid that is a list", token('{"alg":"RS256","kid":["k1"]}')],
  ["a kid that is an object", token('{"alg":"RS256","kid":{}}')],
  [
    "a kid longer than the limit",
    token(JSON.stringify({ alg: "RS256", kid: "k".repeat(MAX_KID_LENGTH + 1) })),
  ],
  ["JSON nested deeper than anybody needs", token(HEADER, "[".repeat(8_000))],
];

for (const [sentence, text] of REFUSED) {
  Deno.test(`token form: not a JWT: ${sentence}`, () => {
    const form = decodeJwt(text);
    assertEquals(form.ok ? "accepted" : form.failure.reason, "not_a_jwt");
  });
}

Deno.test("token form: a token over the length limit is refused before it is looked at", () => {
  const form = decodeJwt("a".repeat(MAX_TOKEN_LENGTH + 1));
  assertEquals(form.ok ? "accepted" : form.failure.reason, "token_too_long");
});

Deno.test("token form: a broken token does not disturb the next one", () => {
  assert(!decodeJwt(token(bytes(...ascii('{"alg":"'), 0xe2, 0x82))).ok);
  assert(decodeJwt(GOOD).ok);
});

Deno.test("token form: a claim named __proto__ changes nothing but itself", () => {
  const form = decodeJwt(token(HEADER, '{"__proto__":{"sub":"admin","exp":9e9}}'));
  assert(form.ok);
  assertEquals([form.value.claims.sub, form.value.claims.exp], [undefined, undefined]);
});
