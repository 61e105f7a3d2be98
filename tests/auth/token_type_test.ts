import type { Claims } from "../../src/auth/claims.ts";
import { checkTokenType, type TokenTypeRules } from "../../src/auth/token_type.ts";
import { failure, type Reason } from "../../src/failure.ts";
import { assertEquals, assertIncludes } from "../support/assert.ts";

const ANY: TokenTypeRules = { profile: "any", acceptIdTokens: false, acceptBound: false };
const RFC9068: TokenTypeRules = { ...ANY, profile: "rfc9068" };

/** Everything that RFC 9068, section 2.2 requires. */
const WHOLE: Claims = {
  iss: "https://id.example.com",
  exp: 2_000_000_000,
  aud: "api",
  sub: "someone",
  client_id: "client",
  iat: 1_900_000_000,
  jti: "1",
};

const TYPES: readonly (readonly [typ: unknown, any: boolean, rfc9068: boolean])[] = [
  [undefined, true, false],
  ["JWT", true, false],
  ["jwt", true, false],
  ["Jwt", true, false],
  ["at+jwt", true, true],
  ["AT+JWT", true, true],
  ["application/at+jwt", true, true],
  ["Application/AT+jwt", true, true],
  ["", false, false],
  ["application/jwt", false, false],
  ["JOSE", false, false],
  ["id_token", false, false],
  ["ID", false, false],
  ["logout+jwt", false, false],
  ["dpop+jwt", false, false],
  ["secevent+jwt", false, false],
  ["token-introspection+jwt", false, false],
  ["jwt ", false, false],
  [" at+jwt", false, false],
  ["at+jwt;v=1", false, false],
  [null, false, false],
  [1, false, false],
  [true, false, false],
  [["JWT"], false, false],
  [["at+jwt"], false, false],
  [{ typ: "JWT" }, false, false],
];

for (const [typ, any, rfc9068] of TYPES) {
  for (const [rules, good] of [[ANY, any], [RFC9068, rfc9068]] as const) {
    const does = good ? "is accepted" : "is refused";
    Deno.test(`token type: ${JSON.stringify(typ)} ${does} by the profile ${rules.profile}`, () => {
      const failed = checkTokenType(typ, WHOLE, rules);
      assertEquals(failed?.reason, good ? undefined : "wrong_type");
      assertEquals(failed?.detail?.includes("typ"), good ? undefined : true);
    });
  }
}

Deno.test("token type: others can be accepted besides, though not with the profile", () => {
  const also = { alsoAcceptedTypes: ["JOSE"] };
  assertEquals(checkTokenType("JOSE", {}, { ...ANY, ...also }), undefined);
  assertEquals(checkTokenType("jose", {}, { ...ANY, ...also }), undefined);
  assertEquals(checkTokenType("JWT", {}, { ...ANY, ...also }), undefined);
  assertEquals(checkTokenType("JOSE+json", {}, { ...ANY, ...also })?.reason, "wrong_type");
  assertEquals(checkTokenType("JOSE", WHOLE, { ...RFC9068, ...also })?.reason, "wrong_type");
});

const ID_TOKENS: readonly (readonly [claims: Claims, named: string])[] = [
  [{ nonce: "n" }, "nonce"],
  [{ nonce: null }, "nonce"],
  [{ at_hash: "h" }, "at_hash"],
  [{ c_hash: "h" }, "c_hash"],
  [{ typ: "ID" }, "typ is ID"],
  [{ token_use: "id" }, "token_use is id"],
];

for (const [claims, named] of ID_TOKENS) {
  Deno.test(`token type: ${JSON.stringify(claims)} tells an ID token`, () => {
    for (const typ of [undefined, "JWT", "at+jwt"]) {
      const failed = checkTokenType(typ, claims, ANY);
      assertEquals(failed?.reason, "wrong_type");
      assertIncludes(failed?.detail ?? "", named);
      assertEquals(checkTokenType(typ, claims, { ...ANY, acceptIdTokens: true }), undefined);
    }
  });
}

const NO_ID_TOKENS: readonly Claims[] = [
  { typ: "Bearer" },
  { typ: "id" },
  { token_use: "access" },
  { typ: ["ID"] },
  JSON.parse('{"__proto__":{"nonce":"n"}}'),
];

for (const claims of NO_ID_TOKENS) {
  Deno.test(`token type: ${JSON.stringify(claims)} tells no ID token`, () => {
    assertEquals(checkTokenType("JWT", claims, ANY), undefined);
  });
}

Deno.test("token type: no switch lets a declared type of an ID token pass", () => {
  const weak = { ...ANY, acceptIdTokens: true, acceptBound: true };
  assertEquals(checkTokenType("id_token", {}, weak)?.reason, "wrong_type");
  assertEquals(checkTokenType("ID", {}, weak)?.reason, "wrong_type");
});

Deno.test("token type: a token that is bound to a key is refused, whatever it is bound to", () => {
  for (const cnf of [{ jkt: "k" }, { "x5t#S256": "t" }, {}, null, "", 0]) {
    assertEquals(checkTokenType("JWT", { cnf }, ANY), failure("sender_constrained", "it has cnf"));
    assertEquals(checkTokenType("JWT", { cnf }, { ...ANY, acceptBound: true }), undefined);
  }
  assertEquals(checkTokenType("JWT", JSON.parse('{"__proto__":{"cnf":{}}}'), ANY), undefined);
});

const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  iss: ["", 1, null, ["https://id.example.com"]],
  exp: ["2000000000", null, true],
  aud: ["", [], [""], ["a", 1], null, 1, {}],
  sub: ["", 1, null],
  client_id: ["", 1, null, ["client"]],
  iat: ["1900000000", null],
  jti: ["", 1, null],
};

for (const [name, values] of Object.entries(WRONG)) {
  Deno.test(`token type: the profile rfc9068 requires a well-formed ${name}`, () => {
    const { [name]: _, ...missing } = WHOLE;
    for (const claims of [missing, ...values.map((value) => ({ ...WHOLE, [name]: value }))]) {
      const failed = checkTokenType("at+jwt", claims, RFC9068);
      assertEquals(failed?.reason, "malformed_claims");
      assertIncludes(failed?.detail ?? "", name);
      assertEquals(checkTokenType("at+jwt", claims, ANY), undefined);
    }
  });
}

Deno.test("token type: a token that follows the profile rfc9068 whole is accepted by it", () => {
  assertEquals(checkTokenType("at+jwt", WHOLE, RFC9068), undefined);
  const several = { ...WHOLE, aud: ["api", "other"], scope: "read" };
  assertEquals(checkTokenType("at+jwt", several, RFC9068), undefined);
});

Deno.test("token type: the profile takes nothing away from the other checks", () => {
  const rows: readonly (readonly [Claims, Reason])[] = [
    [{ ...WHOLE, nonce: "n" }, "wrong_type"],
    [{ ...WHOLE, cnf: {} }, "sender_constrained"],
  ];
  for (const [claims, reason] of rows) {
    assertEquals(checkTokenType("at+jwt", claims, RFC9068)?.reason, reason);
  }
});
