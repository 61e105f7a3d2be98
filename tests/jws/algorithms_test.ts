import { algorithm, ALGORITHMS } from "../../src/jws/algorithms.ts";
import { assertEquals } from "../support/assert.ts";

const SOURCES = {
  RS256: "key set",
  RS384: "key set",
  RS512: "key set",
  PS256: "key set",
  PS384: "key set",
  PS512: "key set",
  ES256: "key set",
  ES384: "key set",
  ES512: "key set",
  EdDSA: "key set",
  Ed25519: "key set",
  HS256: "client secret",
  HS384: "client secret",
  HS512: "client secret",
} as const;

for (const [name, keysFrom] of Object.entries(SOURCES)) {
  Deno.test(`algorithms: ${name} takes its key from the ${keysFrom} alone`, () => {
    const row = algorithm(name);
    assertEquals([row?.name, row?.keysFrom], [name, keysFrom]);
  });
}

Deno.test("algorithms: no name stands twice in the table", () => {
  assertEquals(new Set(ALGORITHMS.map(({ name }) => name)).size, ALGORITHMS.length);
});

Deno.test("algorithms: the table has the ones that are tested here and no other", () => {
  assertEquals(ALGORITHMS.map(({ name }) => name), Object.keys(SOURCES));
});

const UNKNOWN = [
  "none",
  "None",
  "NONE",
  "",
  "rs256",
  "hs256",
  "RS256 ",
  "RS1",
  "ps256",
  "PS1",
  "PS256 ",
  "es256",
  "ES256K",
  "ES521",
  "ESB256",
  "eddsa",
  "EDDSA",
  "ed25519",
  "Ed448",
  "Ed25519ph",
  "ML-DSA-44",
  "RSA-OAEP",
  "A128KW",
  "dir",
  "PBES2-HS256+A128KW",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
];

for (const name of UNKNOWN) {
  Deno.test(`algorithms: ${JSON.stringify(name)} is not accepted`, () => {
    assertEquals(algorithm(name), undefined);
  });
}
