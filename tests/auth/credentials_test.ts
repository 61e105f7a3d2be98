import { readCredentials } from "../../src/auth/credentials.ts";
import type { Reason } from "../../src/failure.ts";
import { MAX_TOKEN_LENGTH } from "../../src/limits.ts";
import { assertEquals } from "../support/assert.ts";

/** The token's characters by RFC 6750, section 2.1. */
const ALL_MARKS = "az.AZ.09-._~+/";

const ACCEPTED: readonly (readonly [sentence: string, value: string, token: string])[] = [
  ["the scheme is Bearer", "Bearer abc.def.ghi", "abc.def.ghi"],
  ["the scheme may be in lower case", "bearer abc", "abc"],
  ["the scheme may be in upper case", "BEARER abc", "abc"],
  ["the scheme may be in mixed case", "bEaReR abc", "abc"],
  ["several spaces may stand before the token", "Bearer    abc", "abc"],
  ["a token may hold every mark that is allowed", `Bearer ${ALL_MARKS}`, ALL_MARKS],
  ["equal signs may end a token", "Bearer abc==", "abc=="],
  ["a token of one character is a token", "Bearer a", "a"],
  [
    "a token may be as long as the limit",
    `Bearer ${"a".repeat(MAX_TOKEN_LENGTH)}`,
    "a".repeat(MAX_TOKEN_LENGTH),
  ],
];

for (const [sentence, value, token] of ACCEPTED) {
  Deno.test(`bearer: ${sentence}`, () => {
    assertEquals(readCredentials(value), { ok: true, value: { scheme: "Bearer", token } });
  });
}

const REFUSED: readonly (readonly [sentence: string, value: string | null, reason: Reason])[] = [
  ["no header is a missing token", null, "missing_token"],
  ["an empty header is a missing token", "", "missing_token"],
  ["Basic is another scheme", "Basic dXNlcjpwYXNz", "other_scheme"],
  ["DPoP is another scheme", "DPoP abc", "other_scheme"],
  ["a scheme that only begins with Bearer is another one", "BearerX abc", "other_scheme"],
  ["a token without a scheme is another scheme", "abc.def.ghi", "other_scheme"],
  ["a colon after the scheme makes it another one", "Bearer: abc", "other_scheme"],
  ["a tab is not the space after the scheme", "Bearer\tabc", "other_scheme"],
  [
    "Digest with commas of its own is another scheme",
    'Digest username="a", realm="b"',
    "other_scheme",
  ],
  ["the scheme alone is malformed", "Bearer", "malformed_credentials"],
  ["the scheme with blanks alone is malformed", "Bearer   ", "malformed_credentials"],
  ["two tokens with a blank between them are malformed", "Bearer abc def", "malformed_credentials"],
  ["a blank after the token is malformed", "Bearer abc ", "malformed_credentials"],
  ["a tab before the token is malformed", "Bearer \tabc", "malformed_credentials"],
  ["a token in quotes is malformed", 'Bearer "abc"', "malformed_credentials"],
  ["an equal sign inside a token is malformed", "Bearer ab=c", "malformed_credentials"],
  ["equal signs alone are malformed", "Bearer ==", "malformed_credentials"],
  ["a colon in the token is malformed", "Bearer a:b", "malformed_credentials"],
  ["a percent sign in the token is malformed", "Bearer a%2eb", "malformed_credentials"],
  ["a letter beyond ASCII is malformed", "Bearer ab\u00e9", "malformed_credentials"],
  ["a NUL is malformed", "Bearer a\0b", "malformed_credentials"],
  ["a second scheme word is malformed", "Bearer Bearer abc", "malformed_credentials"],
  ["two equal headers are repeated credentials", "Bearer abc, Bearer abc", "repeated_credentials"],
  ["two different headers are repeated", "Bearer abc, Bearer def", "repeated_credentials"],
  ["two joined without a blank are repeated", "Bearer abc,Bearer def", "repeated_credentials"],
  ["Bearer then Basic is repeated", "Bearer abc, Basic dXNlcg==", "repeated_credentials"],
  ["Basic then Bearer is repeated", "Basic dXNlcg==, Bearer abc", "repeated_credentials"],
  ["case does not hide a repeated scheme", "bearer abc, BEARER def", "repeated_credentials"],
  ["an empty header before the token is repeated", ", Bearer abc", "repeated_credentials"],
  ["an empty header after the token is repeated", "Bearer abc, ", "repeated_credentials"],
  ["an empty Bearer after another is repeated", "Basic abc, Bearer", "repeated_credentials"],
  ["two tokens with a comma are repeated", "Bearer abc, def", "repeated_credentials"],
  ["a comma inside the token is refused", "Bearer ab,c", "repeated_credentials"],
  [
    "a token one character over the limit is too long",
    `Bearer ${"a".repeat(MAX_TOKEN_LENGTH + 1)}`,
    "token_too_long",
  ],
];

for (const [sentence, value, reason] of REFUSED) {
  Deno.test(`bearer: ${sentence}`, () => {
    const result = readCredentials(value);
    assertEquals(result.ok ? "accepted" : result.failure.reason, reason);
  });
}
