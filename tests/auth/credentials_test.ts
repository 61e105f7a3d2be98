import { readCredentials } from "../../src/auth/credentials.ts";
import type { Reason } from "../../src/failure.ts";
import { assertEquals } from "../support/assert.ts";

/** The token's characters by RFC 6750, section 2.1. */
const ALL_MARKS = "az.AZ.09-._~+/";

const ACCEPTED: readonly (readonly [sentence: string, value: string, token: string])[] = [
  ["the scheme is Bearer", "Bearer abc.def.ghi", "abc.def.ghi"],
  ["a token may hold every mark that is allowed", `Bearer ${ALL_MARKS}`, ALL_MARKS],
  ["a token of one character is a token", "Bearer a", "a"],
];

for (const [sentence, value, token] of ACCEPTED) {
  Deno.test(`credentials: ${sentence}`, () => {
    assertEquals(readCredentials(value), { ok: true, value: { scheme: "Bearer", token } });
  });
}

/** What a client library tidies away, or HTTP trims; the rest is in `rules/rfc6750_test.ts`. */
const REFUSED: readonly (readonly [sentence: string, value: string, reason: Reason])[] = [
  ["the scheme with blanks alone is malformed", "Bearer   ", "malformed_credentials"],
  ["a blank after the token is malformed", "Bearer abc ", "malformed_credentials"],
  ["a tab before the token is malformed", "Bearer \tabc", "malformed_credentials"],
  ["a NUL is malformed", "Bearer a\0b", "malformed_credentials"],
  ["two joined without a blank are repeated", "Bearer abc,Bearer def", "repeated_credentials"],
  ["Bearer then Basic is repeated", "Bearer abc, Basic dXNlcg==", "repeated_credentials"],
  ["Basic then Bearer is repeated", "Basic dXNlcg==, Bearer abc", "repeated_credentials"],
  ["case does not hide a repeated scheme", "bearer abc, BEARER def", "repeated_credentials"],
  ["an empty Bearer after another is repeated", "Basic abc, Bearer", "repeated_credentials"],
  ["two tokens with a comma are repeated", "Bearer abc, def", "repeated_credentials"],
];

for (const [sentence, value, reason] of REFUSED) {
  Deno.test(`credentials: ${sentence}`, () => {
    const result = readCredentials(value);
    assertEquals(result.ok ? "accepted" : result.failure.reason, reason);
  });
}
