/** The settings of the provider that go together. */
import { assertEquals, assertIncludes } from "../support/assert.ts";
import { problemsWithEnv, withEnv } from "./support.ts";

const REFUSED: readonly (readonly [sentence: string, text: string])[] = [
  ["a path alone", "/jwks"],
  ["another scheme", "file:///etc/passwd"],
  ["a user and a password", "https://me:hunter2@id.example.com/jwks"],
  ["a fragment", "https://id.example.com/jwks#keys"],
  ["a blank", "https://id.example.com/jw ks"],
  ["a blank in the query", "https://id.example.com/jwks?p=a b"],
  ["a line end in the query", "https://id.example.com/jwks?p=a\nb"],
];

for (const [sentence, text] of REFUSED) {
  Deno.test(`JWKS_URI with ${sentence} is refused.`, () => {
    const problems = problemsWithEnv({ JWKS_URI: text });
    assertEquals(problems.map(({ setting }) => setting), ["JWKS_URI"]);
    assertEquals(JSON.stringify(problems).includes("hunter2"), false);
  });
}

const [PLAIN, TLS] = ["http://id.example.com", "https://id.example.com"];

/** The settings that are reported as plain http. */
const WARNED: readonly (readonly [env: Record<string, string>, named: readonly string[]])[] = [
  [{ PROVIDER_URL: TLS, JWKS_URI: `${TLS}/jwks` }, []],
  [{ PROVIDER_URL: TLS, JWKS_URI: `${PLAIN}/jwks` }, ["JWKS_URI"]],
  [{ PROVIDER_URL: TLS, JWKS_URI: "http://127.0.0.1/jwks" }, []],
  [{ PROVIDER_URL: PLAIN, JWKS_URI: `${TLS}/jwks` }, ["PROVIDER_URL"]],
  [{ PROVIDER_URL: PLAIN, JWKS_URI: `${PLAIN}/jwks` }, ["PROVIDER_URL", "JWKS_URI"]],
  [{ PROVIDER_URL: PLAIN, ISSUER: TLS }, ["PROVIDER_URL"]],
  [{ PROVIDER_URL: PLAIN, ISSUER: TLS, JWKS_URI: `${TLS}/jwks` }, []],
];

for (const [env, named] of WARNED) {
  Deno.test(`Of ${JSON.stringify(env)} the warnings name ${named.join(" and ") || "none"}.`, () => {
    const warnings = withEnv(env).warnings.filter((text) => text.includes("plain http"));
    assertEquals(warnings.map((text) => text.split(" ")[0] ?? ""), [...named]);
    for (const text of warnings) assertIncludes(text, "can replace the provider's keys");
  });
}
