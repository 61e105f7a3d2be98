import { isJwtLike } from "../../src/auth/jwt_like.ts";
import { assertEquals } from "../support/assert.ts";

const part = (text: string) =>
  btoa(text).replaceAll("=", "").replaceAll("+", "-").replaceAll("/", "_");

const TOKENS: readonly (readonly [what: string, token: string, is: boolean])[] = [
  ["a JWT", `${part('{"alg":"RS256"}')}.${part("{}")}.c2ln`, true],
  ["a JWT with white space in front of its header", `${part(' \n{"alg":"RS256"}')}.e30.c2ln`, true],
  ["a JWT whose header is damaged", `${part('{"alg":')}.e30.c2ln`, true],
  ["a JWT without a signature", `${part('{"alg":"none"}')}.e30.`, true],
  ["an encrypted token", `${part('{"alg":"dir"}')}.a.b.c.d`, true],
  ["random text", "tGzv3JOkF0XG5Qx2TlKWIA", false],
  ["a text with two dots", "ya29.a0AfH6.SMBx", false],
  ["a header alone", part('{"alg":"RS256"}'), false],
  ["a header and claims", `${part('{"alg":"RS256"}')}.e30`, false],
  ["a list as header", `${part("[1]")}.e30.c2ln`, false],
];

for (const [what, token, is] of TOKENS) {
  Deno.test(`That ${what} is a JWT or wants to be one: ${is}.`, () => {
    assertEquals(isJwtLike(token), is);
  });
}
