import { makeKeptClaims } from "../../src/auth/kept_claims.ts";
import { SCOPE_CLAIMS } from "../../src/auth/scopes.ts";
import { MAX_SHARED_CLAIMS } from "../../src/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("Only the named claims are kept, and one that is absent is no member.", () => {
  const keptClaims = makeKeptClaims(["aud", "scope"]);
  assertEquals(keptClaims({ aud: ["a", "b"], sub: "s" }).claims, { aud: ["a", "b"] });
  assert(!Object.hasOwn(keptClaims({ sub: "s" }).claims, "aud"));
  assertEquals(keptClaims({ aud: null, scope: 1 }).claims, { aud: null, scope: 1 });
});

Deno.test("Equal claims are one object, others are not.", () => {
  const keptClaims = makeKeptClaims(["aud"]);
  const kept = keptClaims({ aud: ["a", "b"], sub: "one" });
  assert(keptClaims({ aud: ["a", "b"], sub: "two" }) === kept);
  for (const aud of [["b", "a"], ["a"], "a", null]) assert(keptClaims({ aud }) !== kept);
  assert(keptClaims({}) !== keptClaims({ aud: null }));
});

Deno.test("No more sets of claims are shared than the limit says.", () => {
  const keptClaims = makeKeptClaims(["aud"]);
  const first = keptClaims({ aud: "0" });
  for (let i = 1; i < MAX_SHARED_CLAIMS; i++) keptClaims({ aud: `${i}` });
  assert(keptClaims({ aud: "0" }) === first);
  keptClaims({ aud: "one more" });
  assert(keptClaims({ aud: "0" }) !== first);
});

Deno.test("Equal claims share their scopes too; other scopes are another set.", () => {
  const keptClaims = makeKeptClaims(SCOPE_CLAIMS);
  const kept = keptClaims({ scope: "a b", scp: ["c"], sub: "one" });
  assertEquals([...kept.scopes], ["a", "b", "c"]);
  assert(keptClaims({ scope: "a b", scp: ["c"], sub: "two" }).scopes === kept.scopes);
  assertEquals([...keptClaims({ scope: "a" }).scopes], ["a"]);
});

Deno.test("Scopes are read only where all claims that may hold them are kept.", () => {
  for (const names of [[], ["aud"], ["scope"], ["scope", "scp"]]) {
    assertEquals([...makeKeptClaims(names)({ scope: "a", scp: "b" }).scopes], []);
  }
});
