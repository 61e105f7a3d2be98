import { assert, assertEquals, assertIncludes, assertRejects } from "./assert.ts";
import { startProvider } from "./provider.ts";
import {
  breakSignature,
  defaultClaims,
  pairFor,
  publicJwk,
  rsaKey,
  signHsToken,
  signToken,
} from "./tokens.ts";
import { createLocalJWKSet, jwtVerify } from "jose";

async function get(url: string, limitMs = 2000): Promise<{ status: number; text: string }> {
  const response = await fetch(url, { signal: AbortSignal.timeout(limitMs), redirect: "manual" });
  return { status: response.status, text: await response.text() };
}

Deno.test("a token of each kind verifies against its own key and no longer once altered", async () => {
  const now = Date.now();
  const cases = [
    { key: await rsaKey(), algs: ["RS256", "RS512", "PS256", "PS384"] },
    { key: await pairFor("ES256"), algs: ["ES256"] },
    { key: await pairFor("ES384"), algs: ["ES384"] },
    { key: await pairFor("ES512"), algs: ["ES512"] },
    { key: await pairFor("EdDSA"), algs: ["EdDSA", "Ed25519"] },
  ];
  await Promise.all(cases.flatMap(({ key, algs }) =>
    algs.map(async (alg) => {
      const token = await signToken(key, defaultClaims(now), { alg, kid: "k" });
      const keys = createLocalJWKSet({ keys: [publicJwk(key, { kid: "k" })] } as never);
      const verified = await jwtVerify(token, keys);
      assertEquals(verified.payload.sub, "test-client");
      await assertRejects(() => jwtVerify(breakSignature(token), keys), /signature/);
    })
  ));
  const secret = new TextEncoder().encode("shared secret of some length, 32+");
  const token = await signHsToken(secret, defaultClaims(now), { alg: "HS256" });
  assertEquals((await jwtVerify(token, secret)).payload.aud, "test-audience");
});

Deno.test("the provider serves both documents and counts the requests", async () => {
  await using provider = startProvider({ keys: [{ kid: "one" }], path: "/realms/x" });
  const discovery = JSON.parse((await get(provider.discoveryUrl)).text);
  assertEquals(discovery, { issuer: provider.url, jwks_uri: provider.jwksUrl });
  assertEquals((await get(provider.jwksUrl)).text, '{"keys":[{"kid":"one"}]}');
  provider.rotate([]);
  assertEquals((await get(provider.jwksUrl)).text, '{"keys":[]}');
  assertEquals([provider.count("discovery"), provider.count("jwks"), provider.count()], [1, 2, 3]);
});

Deno.test("the provider plays its faults and recovers", async () => {
  await using provider = startProvider();
  provider.status(500);
  assertEquals((await get(provider.jwksUrl)).status, 500);
  provider.html("discovery");
  assertIncludes((await get(provider.discoveryUrl)).text, "<title>");
  provider.bigBody(200_000, "jwks");
  assert(JSON.parse((await get(provider.jwksUrl)).text).filler.length >= 200_000);
  provider.redirectTo("http://127.0.0.1:1/", "jwks");
  assertEquals((await get(provider.jwksUrl)).status, 302);
  provider.drip(1, "jwks");
  assertEquals((await get(provider.jwksUrl)).text, '{"keys":[]}');
  provider.delay(20, "jwks");
  assertEquals((await get(provider.jwksUrl)).text, '{"keys":[]}');
  provider.setJwks("not json");
  provider.recover();
  assertEquals((await get(provider.jwksUrl)).text, "not json");
});

Deno.test("a hanging provider is silent, and responds to what it held back once it recovers", async () => {
  await using provider = startProvider();
  provider.hang("jwks");
  await assertRejects(() => get(provider.jwksUrl, 50));
  const held = get(provider.jwksUrl);
  await get(provider.discoveryUrl);
  provider.recover();
  assertEquals((await held).status, 200);
});

Deno.test("a provider that drips or hangs can be left behind", async () => {
  await using provider = startProvider();
  provider.drip(50);
  await assertRejects(() => get(provider.jwksUrl, 120));
  provider.hang();
  await assertRejects(() => get(provider.jwksUrl, 50));
});

Deno.test("a provider that refuses comes back on the same port", async () => {
  await using provider = startProvider();
  assertEquals((await get(provider.jwksUrl)).status, 200);
  await provider.refuse();
  await assertRejects(() => get(provider.jwksUrl));
  provider.comeBack();
  assertEquals((await get(provider.jwksUrl)).status, 200);
});
