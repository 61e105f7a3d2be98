/** How the proxy comes by its keys, with a real provider over real connections. */
import { assertRefused, startStack } from "../support/stack.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { publicJwk, rsaKey, signToken } from "../support/tokens.ts";

/** The shortest cool-down that can be set, so that tests wait no longer than needed. */
const QUICK = { KEY_COOLDOWN_SECS: "1" };

Deno.test("keys: nothing is fetched before the first request with a well-formed token", async () => {
  await using stack = await startStack();
  await stack.call(undefined);
  await stack.call("Basic dXNlcg==");
  await stack.call("Bearer abc");
  await stack.call(`Bearer ${await stack.token({ exp: 1 })}`);
  assertEquals(stack.provider.count(), 0);
  assertEquals((await stack.call(`Bearer ${await stack.token()}`)).status, 200);
  const { path: first } = stack.provider.requests[0] ?? {};
  const { path: second } = stack.provider.requests[1] ?? {};
  assertEquals([first, second], ["/.well-known/openid-configuration", "/jwks"]);
  assertEquals(stack.provider.count(), 2);
});

Deno.test("keys: 40 cold requests at once cost one fetch", async () => {
  await using stack = await startStack();
  stack.provider.delay(50, "jwks");
  const token = await stack.token();
  const responses = await Promise.all(
    Array.from({ length: 40 }, () => stack.call(`Bearer ${token}`)),
  );
  assertEquals(responses.filter(({ status }) => status === 200).length, 40);
  assertEquals([stack.provider.count("discovery"), stack.provider.count("jwks")], [1, 1]);
});

Deno.test("keys: one trailing slash of PROVIDER_URL is tolerated", async () => {
  await using stack = await startStack();
  const { url } = stack.provider;
  await using slashed = await startStack({ PROVIDER_URL: `${url}/` });
  const response = await slashed.call(`Bearer ${await stack.token()}`);
  assertEquals(response.status, 200);
  assertEquals(stack.provider.requests[0]?.path, "/.well-known/openid-configuration");
});

Deno.test("keys: a provider may live under a path", async () => {
  await using stack = await startStack({}, {
    keys: [publicJwk(await rsaKey(), { kid: "one" })],
    path: "/realms/test",
  });
  assertEquals((await stack.call(`Bearer ${await stack.token()}`)).status, 200);
});

Deno.test("keys: a key rotated in right after a fetch works, the old one no longer", async () => {
  await using stack = await startStack(QUICK);
  const old = await stack.token();
  assertEquals((await stack.call(`Bearer ${old}`)).status, 200);
  stack.provider.rotate([publicJwk(await rsaKey(1), { kid: "two" })]);
  const fresh = await signToken(await rsaKey(1), stack.claims(), { kid: "two" });
  const began = performance.now();
  assertEquals((await stack.call(`Bearer ${fresh}`)).status, 200);
  const waited = performance.now() - began;
  assert(waited < 3_000, `waited ${waited} ms`);
  assertEquals(stack.provider.count("jwks"), 2);
  const [refused, accepted] = await Promise.all([
    stack.call(`Bearer ${old}`),
    stack.call(`Bearer ${fresh}`),
  ]);
  assertRefused(refused, 401, "invalid_token");
  assertEquals(accepted.status, 200);
});

Deno.test("keys: random key ids cost two more fetches at once and keep no known key from working", async () => {
  await using stack = await startStack({ KEY_COOLDOWN_SECS: "60" });
  const good = await stack.token();
  assertEquals((await stack.call(`Bearer ${good}`)).status, 200);
  const random = await Promise.all(
    Array.from({ length: 20 }, (_, i) => stack.token({}, { kid: `random ${i}` })),
  );
  const waiting = Promise.all(random.map((token) => stack.call(`Bearer ${token}`)));
  assertEquals((await stack.call(`Bearer ${good}`)).status, 200);
  const responses = await waiting;
  const refused = responses.filter(({ status }) => status === 503);
  for (const response of refused) {
    assertRefused(response, 503, "temporarily_unavailable", "none");
    const secs = Number(response.headers.get("retry-after"));
    assert(secs > 50 && secs <= 60, `Retry-After ${secs}`);
  }
  for (const response of responses.filter((response) => !refused.includes(response))) {
    assertRefused(response, 401, "invalid_token");
  }
  assertEquals(stack.provider.count("jwks"), 3);
});

Deno.test("keys: the proxy starts while the provider is down, says 503, and recovers", async () => {
  await using stack = await startStack(QUICK);
  await stack.provider.refuse();
  const token = await stack.token();
  const down = await stack.call(`Bearer ${token}`);
  assertRefused(down, 503, "temporarily_unavailable", "none");
  const secs = Number(down.headers.get("retry-after"));
  assertEquals(secs, 1);
  assertRefused(await stack.call(undefined), 401, "missing_token", "plain");
  stack.provider.comeBack();
  await new Promise((resolve) => setTimeout(resolve, secs * 1000));
  assertEquals((await stack.call(`Bearer ${token}`)).status, 200);
  const messages = stack.proxy.log.lines.map((line) => line.message);
  assert(messages.includes("JWKS fetch succeeded again"));
});

Deno.test("keys: cached keys stay in use when the provider goes down", async () => {
  await using stack = await startStack({ ...QUICK, KEY_EXPIRY_SECS: "1" });
  const token = await stack.token();
  assertEquals((await stack.call(`Bearer ${token}`)).status, 200);
  await stack.provider.refuse();
  await new Promise((resolve) => setTimeout(resolve, 1300));
  assertEquals((await stack.call(`Bearer ${token}`)).status, 200);
  assert(stack.proxy.log.text().includes("using cached keys"));
  stack.provider.comeBack();
});

Deno.test("keys: they are fetched again when KEY_EXPIRY_SECS has passed, without a request", async () => {
  await using stack = await startStack({ ...QUICK, KEY_EXPIRY_SECS: "1" });
  assertEquals((await stack.call(`Bearer ${await stack.token()}`)).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 1300));
  assertEquals([stack.provider.count("discovery"), stack.provider.count("jwks")], [2, 2]);
});

Deno.test("keys: odd keys spoil none of the others", async () => {
  const key = await rsaKey();
  await using stack = await startStack({}, {
    keys: [
      null as never,
      "key" as never,
      { kty: "EC", crv: "P-256", x: "AA", y: "AA", kid: "one" },
      { kty: "XYZ", kid: "one" },
      publicJwk(await rsaKey(1), { kid: "one", use: "enc" }),
      publicJwk(key, { kid: "one" }),
    ],
  });
  assertEquals((await stack.call(`Bearer ${await stack.token()}`)).status, 200);
});

const BROKEN: readonly (readonly [sentence: string, play: "html" | "brokenJson" | "status"])[] = [
  ["responds with a page", "html"],
  ["responds with broken JSON", "brokenJson"],
  ["responds with status 500", "status"],
];

for (const where of ["discovery", "jwks"] as const) {
  for (const [sentence, play] of BROKEN) {
    Deno.test(`keys: a provider that ${sentence} at ${where} means 503`, async () => {
      await using stack = await startStack();
      if (play === "status") stack.provider.status(500, where);
      else stack.provider[play](where);
      const response = await stack.call(`Bearer ${await stack.token()}`);
      assertRefused(response, 503, "temporarily_unavailable", "none");
      assert(Number(response.headers.get("retry-after")) > 0);
      assertEquals(stack.upstream.requests.length, 0);
    });
  }

  Deno.test(`keys: a redirect at ${where} is not followed and means 503`, async () => {
    await using stack = await startStack();
    stack.provider.redirectTo(`${stack.upstream.url}/elsewhere`, where);
    const response = await stack.call(`Bearer ${await stack.token()}`);
    assertRefused(response, 503, "temporarily_unavailable", "none");
    assertEquals(stack.upstream.requests.length, 0);
  });

  Deno.test(`keys: too large a body at ${where} means 503`, async () => {
    await using stack = await startStack();
    stack.provider.bigBody(2_000_000, where);
    const response = await stack.call(`Bearer ${await stack.token()}`);
    assertRefused(response, 503, "temporarily_unavailable", "none");
  });
}

Deno.test("keys: a proxy whose provider hangs can still be closed, without anything left behind", async () => {
  const stack = await startStack();
  stack.provider.hang();
  const asked = stack.call(`Bearer ${await stack.token()}`);
  while (stack.provider.count() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  stack.provider.recover();
  assertEquals((await asked).status, 200);
  await stack[Symbol.asyncDispose]();
});
