import type { Claims } from "../../src/auth/claims.ts";
import { scopesOf } from "../../src/auth/scopes.ts";
import { assertEquals } from "../support/assert.ts";

const ROWS: readonly (readonly [sentence: string, claims: Claims, scopes: readonly string[]])[] = [
  ["a token without them has none", {}, []],
  ["scope is a text with blanks", { scope: "read write" }, ["read", "write"]],
  ["scope may be a list", { scope: ["read", "write"] }, ["read", "write"]],
  ["scp may be a list", { scp: ["read", "write"] }, ["read", "write"]],
  ["scp may be a text with blanks", { scp: "read write" }, ["read", "write"]],
  ["scopes may be a list", { scopes: ["read"] }, ["read"]],
  ["scopes may be a text", { scopes: "read write" }, ["read", "write"]],
  ["all three count together", { scope: "a b", scp: ["b", "c"], scopes: "d" }, [
    "a",
    "b",
    "c",
    "d",
  ]],
  ["blanks more make none", { scope: "  a  b " }, ["a", "b"]],
  ["an empty text has none", { scope: "" }, []],
  ["an empty list has none", { scp: [] }, []],
  ["an empty member is none", { scp: ["", "a"] }, ["a"]],
  ["what is no text says nothing", { scope: 1, scp: null, scopes: { read: true } }, []],
  ["a member that is no text says nothing", { scp: [1, null, ["a"], {}, true, "b"] }, ["b"]],
  ["a member is one scope, which no blank divides", { scp: ["a b"] }, ["a b"]],
  ["only a blank divides", { scope: "a,b\tc\nd\u00a0e" }, ["a,b\tc\nd\u00a0e"]],
  ["case counts", { scope: "a A" }, ["a", "A"]],
  ["other claims say nothing", { roles: ["a"], Scope: "a", permissions: ["b"] }, []],
  ["names of Object.prototype are scopes as others", { scope: "__proto__ constructor" }, [
    "__proto__",
    "constructor",
  ]],
];

for (const [sentence, claims, scopes] of ROWS) {
  Deno.test(`scopes: ${sentence}`, () => assertEquals([...scopesOf(claims)], [...scopes]));
}

Deno.test("scopes: an inherited claim says nothing", () => {
  assertEquals([...scopesOf(Object.create({ scope: "a" }))], []);
  assertEquals([...scopesOf(JSON.parse('{"__proto__":{"scope":"a"}}'))], []);
});
