import { clientIdOf, makeIdentities, subjectOf } from "../../src/auth/identity.ts";
import { SCOPE_CLAIMS } from "../../src/auth/scopes.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("identity: it keeps who calls, when, and the claims that are asked for", () => {
  const toIdentity = makeIdentities("main", ["aud", ...SCOPE_CLAIMS]);
  const claims = { sub: "s", client_id: "c", azp: "d", aud: "a", scope: "r w", exp: 9, iat: 3 };
  assertEquals(toIdentity({ ...claims, nbf: 4, tid: "t" }), {
    provider: "main",
    subject: "s",
    clientId: "c",
    scopes: new Set(["r", "w"]),
    claims: { aud: "a", scope: "r w" },
    validFrom: 4,
    validUntil: 9,
  });
});

Deno.test("identity: what it was verified with is named where it is accepted for a while only", () => {
  const toIdentity = makeIdentities("main", []);
  assert(!("deprecated" in toIdentity({ exp: 1 })));
  assertEquals(toIdentity({ exp: 1 }, "provider").deprecated, "provider");
  assertEquals(toIdentity({ exp: 1 }, "secret").deprecated, "secret");
});

Deno.test("identity: without exp there is no end, and one that is no number is over", () => {
  const toIdentity = makeIdentities("main", []);
  assertEquals(toIdentity({}).validUntil, Infinity);
  for (const exp of ["9", null, [9]]) assertEquals(toIdentity({ exp }).validUntil, 0);
});

Deno.test("identity: the later of nbf and iat is its begin, where there is one", () => {
  const toIdentity = makeIdentities("main", []);
  assertEquals(toIdentity({ nbf: 1, iat: 2 }).validFrom, 2);
  assertEquals(toIdentity({ nbf: 1 }).validFrom, 1);
  assertEquals(toIdentity({}).validFrom, undefined);
});

Deno.test("identity: subject and client are texts or nothing", () => {
  assertEquals([subjectOf({ sub: "s" }), subjectOf({ sub: 1 }), subjectOf({})], [
    "s",
    undefined,
    undefined,
  ]);
  assertEquals(clientIdOf({ client_id: "c", azp: "d" }), "c");
  assertEquals(clientIdOf({ client_id: ["c"], azp: "d" }), "d");
  assertEquals(clientIdOf({ client_id: 1, azp: null }), undefined);
});

Deno.test("identity: equal claims are one object in all identities of a provider, and so are scopes", () => {
  const toIdentity = makeIdentities("main", SCOPE_CLAIMS);
  const one = toIdentity({ sub: "1", scope: "r", exp: 1 });
  const two = toIdentity({ sub: "2", scope: "r", exp: 2 });
  assert(one.claims === two.claims && one.scopes === two.scopes);
});
