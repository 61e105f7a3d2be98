import { decodeJwt } from "../../src/auth/decode_jwt.ts";
import { MAX_TOKEN_LENGTH } from "../../src/limits.ts";
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

Deno.test("decode JWT: a good token gives algorithm, key id and claims", () => {
  assertEquals(decodeJwt(GOOD), {
    ok: true,
    value: { alg: "RS256", kid: "k1", typ: "JWT", claims: { sub: "someone" } },
  });
});

Deno.test("decode JWT: a token without kid has none", () => {
  const form = decodeJwt(token('{"alg":"HS256"}'));
  assertEquals(form.ok && form.value.kid, undefined);
});

/** What never comes this far over the wire, or only as another text: the rest is in `rules/rfc7515_test.ts`. */
const REFUSED: readonly (readonly [sentence: string, token: string])[] = [
  ["an empty text", ""],
  ["padding after the header", `${H}==.${P}.${S}`],
  ["padding after the payload", `${H}.${P}=.${S}`],
  ["a single character as the signature", `${H}.${P}.c`],
  ["a space inside a part", `${H} .${P}.${S}`],
  ["a line end at the end", `${GOOD}\n`],
  ["a space in front", ` ${GOOD}`],
  ["a percent sign", `${H}.${P}.c2%6en`],
  ["a letter beyond ASCII", `${H}.${P}.c2l\u00fc`],
];

for (const [sentence, text] of REFUSED) {
  Deno.test(`decode JWT: not a JWT: ${sentence}`, () => {
    const form = decodeJwt(text);
    assertEquals(form.ok ? "accepted" : form.failure.reason, "not_a_jwt");
  });
}

Deno.test("decode JWT: a token over the length limit is refused before it is looked at", () => {
  const form = decodeJwt("a".repeat(MAX_TOKEN_LENGTH + 1));
  assertEquals(form.ok ? "accepted" : form.failure.reason, "token_too_long");
});

Deno.test("decode JWT: a broken token does not disturb the next one", () => {
  assert(!decodeJwt(token(bytes(...ascii('{"alg":"'), 0xe2, 0x82))).ok);
  assert(decodeJwt(GOOD).ok);
});

Deno.test("decode JWT: a claim named __proto__ changes nothing but itself", () => {
  const form = decodeJwt(token(HEADER, '{"__proto__":{"sub":"admin","exp":9e9}}'));
  assert(form.ok);
  assertEquals([form.value.claims.sub, form.value.claims.exp], [undefined, undefined]);
});

Deno.test("decode JWT: the declared type is passed on as it is, of whatever type", () => {
  for (const typ of ["JWT", "at+jwt", "", null, 1, ["JWT"]]) {
    const form = decodeJwt(token(JSON.stringify({ alg: "HS256", typ })));
    assertEquals(form.ok && form.value.typ, typ);
  }
});
