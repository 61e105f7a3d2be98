import { type KeysOwner, readKeyCache, writeKeyCache } from "../../src/oidc/key_cache_file.ts";
import { readKeySet } from "../../src/oidc/key_set.ts";
import type { RestoredKeys } from "../../src/oidc/provider_keys.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { lookalikeKey } from "../support/tokens.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const MAX_AGE_MS = 1000;
const OWNER: KeysOwner = {
  providerUrl: "https://id.test",
  jwksUri: "https://keys.test/jwks",
  expectedIssuer: "https://id.test",
  keysOptional: false,
};

function stored(): RestoredKeys {
  const document = { keys: [lookalikeKey("one", 1, { alg: "RS256" }), lookalikeKey(undefined, 2)] };
  const keySet = readKeySet(document);
  assert(keySet.ok);
  return { issuer: "https://id.test/", keys: keySet.value.keys, fetchedAt: NOW - 500 };
}

/** What is read back from a document of which some members are others. */
function read(members: Record<string, unknown> = {}, owner = OWNER) {
  const document = { ...JSON.parse(writeKeyCache(OWNER, stored())), ...members };
  return readKeyCache(JSON.stringify(document), owner, NOW, MAX_AGE_MS);
}

Deno.test("key cache: what was written is read again", () => {
  assertEquals(read(), { ok: true, value: stored() });
  const { jwksUri: _none, ...owner } = OWNER;
  const text = writeKeyCache(owner, stored());
  assertEquals(readKeyCache(text, owner, NOW, MAX_AGE_MS), { ok: true, value: stored() });
});

Deno.test("key cache: the introspection endpoint is read again, where there is one", () => {
  const endpoint = "https://id.test/introspect";
  const keys = { ...stored(), introspectionEndpoint: endpoint };
  const text = writeKeyCache(OWNER, keys);
  assertEquals(readKeyCache(text, OWNER, NOW, MAX_AGE_MS), { ok: true, value: keys });
});

const REFUSED:
  readonly (readonly [sentence: string, members: Record<string, unknown>, why: string])[] = [
    ["another format", { format: "ooproxy key cache 2" }, "another version"],
    ["no format", { format: undefined }, "damaged"],
    ["a member more", { more: 1 }, "damaged"],
    ["another provider", { provider_url: "https://evil.test" }, "another PROVIDER_URL"],
    ["another address of the key set", { jwks_uri: null }, "JWKS_URI"],
    ["another issuer", { issuer: "https://evil.test" }, "another issuer"],
    ["an issuer that is no text", { issuer: 1 }, "another issuer"],
    ["a time that is no text", { fetched_at: NOW }, "damaged"],
    ["a time that is none", { fetched_at: "yesterday" }, "damaged"],
    ["a time to come", { fetched_at: "2026-01-01T00:00:00.001Z" }, "the future"],
    ["a time too long ago", { fetched_at: "2025-12-31T23:59:59.000Z" }, "older than KEY_STALE"],
    ["no list of keys", { keys: {} }, "no list of keys"],
    ["no key", { keys: [] }, "holds no key"],
    ["a weak key", { keys: [lookalikeKey("weak", 1, { e: "Aw" })] }, "not usable"],
    ["a private key", { keys: [lookalikeKey("private", 1, { d: "AQAB" })] }, "not usable"],
    ["a shared secret", { keys: [{ kty: "oct", k: "AQAB" }] }, "not usable"],
    ["an introspection endpoint that is no text", { introspection_endpoint: 1 }, "damaged"],
    ["null among its keys", { keys: [lookalikeKey("one"), null] }, "not usable"],
  ];

for (const [sentence, members, why] of REFUSED) {
  Deno.test(`key cache: a document with ${sentence} is refused`, () => {
    const outcome = read(members);
    assert(!outcome.ok);
    assertIncludes(outcome.failure, why);
  });
}

for (const text of ["", "{", "null", "[]", "1", '{"keys":[]}', '{"__proto__":{}}']) {
  Deno.test(`key cache: the text ${JSON.stringify(text)} is damaged`, () => {
    assertEquals(readKeyCache(text, OWNER, NOW, MAX_AGE_MS), {
      ok: false,
      failure: "it is damaged, or no key cache",
    });
  });
}

Deno.test("key cache: every piece of a document that was cut off is refused", () => {
  const text = writeKeyCache(OWNER, stored()).trimEnd();
  for (let length = 0; length < text.length; length += 7) {
    assertEquals(readKeyCache(text.slice(0, length), OWNER, NOW, MAX_AGE_MS).ok, false);
  }
});

Deno.test("key cache: no key will do where tokens may be signed with a secret", () => {
  const outcome = read({ keys: [] }, { ...OWNER, keysOptional: true });
  assertEquals(outcome.ok && outcome.value.keys, []);
});
