import { algorithm } from "../../src/auth/algorithms.ts";
import { assertEquals } from "../support/assert.ts";

const FAMILIES = {
  RS256: "rsa",
  RS384: "rsa",
  RS512: "rsa",
  HS256: "hmac",
  HS384: "hmac",
  HS512: "hmac",
} as const;

for (const [name, family] of Object.entries(FAMILIES)) {
  Deno.test(`algorithms: ${name} takes a key of the family ${family}`, () => {
    assertEquals(algorithm(name), { name, family });
  });
}

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
