import { algorithm, ALGORITHMS } from "../../src/jws/algorithms.ts";
import { assertEquals } from "../support/assert.ts";

const SOURCES = {
  RS256: "key set",
  RS384: "key set",
  RS512: "key set",
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

const UNKNOWN = [
  "none",
  "None",
  "NONE",
  "",
  "rs256",
  "hs256",
  "RS256 ",
  "RS1",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "ES256K",
  "EdDSA",
  "Ed25519",
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
