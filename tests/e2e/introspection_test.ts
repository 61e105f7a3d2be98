/** Opaque tokens of a real provider, through the whole proxy. */
import { MAX_INTROSPECTIONS_AT_ONCE } from "../../src/limits.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import {
  type OpaqueTestProvider,
  PROXY_SECRET,
  startOpaqueProvider,
} from "../support/opaque_provider.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { httpUpstream } from "../support/upstream.ts";
import { eventually } from "../support/waiting.ts";

interface Scene extends AsyncDisposable {
  readonly provider: OpaqueTestProvider;
  readonly proxy: TestProxy;
  /** How many requests reached the upstream. */
  reached(): number;
  /** Status and reason of a call with a token. */
  call(token: string): Promise<readonly [status: number, reason: string | undefined]>;
}

async function startScene(settings: Readonly<Record<string, string>> = {}): Promise<Scene> {
  const provider = await startOpaqueProvider();
  const upstream = httpUpstream();
  const proxy = await startTestProxy({
    PROVIDER_URL: provider.url,
    UPSTREAM_URL: upstream.url,
    AUDIENCE: '"myapi"',
    INTROSPECTION: "on",
    INTROSPECTION_CLIENT_ID: "proxy",
    INTROSPECTION_CLIENT_SECRET: PROXY_SECRET,
    ...settings,
  });
  return {
    provider,
    proxy,
    reached: () => upstream.requests.length,
    async call(token) {
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(proxy.url, { headers });
      await response.text();
      return [response.status, proxy.access.at(-1)?.reason];
    },
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await upstream.close();
      await provider[Symbol.asyncDispose]();
    },
  };
}

Deno.test("An opaque token is introspected once, and its caller is known.", async () => {
  await using scene = await startScene();
  const token = await scene.provider.token();
  for (let i = 0; i < 3; i++) assertEquals(await scene.call(token), [200, undefined]);
  assertEquals([scene.provider.introspections, scene.reached()], [1, 3]);
  assertEquals(scene.proxy.access.at(-1)?.clientId, "caller");
});

for (
  const [method, settings] of [
    ["client_secret_post", { INTROSPECTION_CLIENT_ID: "proxy-post" }],
    ["private_key_jwt", { INTROSPECTION_CLIENT_ID: "proxy-key" }],
  ] as const
) {
  Deno.test(`The proxy authenticates by ${method} where it is told to.`, async () => {
    await using provider = await startOpaqueProvider();
    const upstream = httpUpstream();
    const proxy = await startTestProxy({
      PROVIDER_URL: provider.url,
      UPSTREAM_URL: upstream.url,
      INTROSPECTION: `${provider.url}/token/introspection`,
      INTROSPECTION_AUTH: method,
      ...settings,
      ...(method === "private_key_jwt"
        ? { INTROSPECTION_KEY: JSON.stringify(provider.proxyKey) }
        : { INTROSPECTION_CLIENT_SECRET: PROXY_SECRET }),
    });
    const headers = { authorization: `Bearer ${await provider.token()}` };
    const response = await fetch(proxy.url, { headers });
    await response.text();
    assertEquals([response.status, proxy.log.text()], [200, proxy.log.text()]);
    await proxy.close();
    await upstream.close();
  });
}

Deno.test("Credentials that the provider refuses are 503 with a hint, never 401; nothing secret is logged.", async () => {
  await using scene = await startScene({ INTROSPECTION_CLIENT_SECRET: "wrong-secret" });
  const token = await scene.provider.token();
  for (let i = 0; i < 3; i++) {
    assertEquals(await scene.call(token), [503, "introspection_unavailable"]);
  }
  const lines = scene.proxy.log.lines.filter(({ message }) => message.startsWith("introspection"));
  assertEquals(lines.length, 1);
  assertIncludes(JSON.stringify(lines), "INTROSPECTION_CLIENT_ID");
  assertExcludes(JSON.stringify([scene.proxy.log.lines, scene.proxy.access]), token);
  assertExcludes(scene.proxy.log.text(), "wrong-secret");
});

Deno.test("Junk and revoked tokens are inactive: 401, remembered for a while.", async () => {
  await using scene = await startScene();
  for (let i = 0; i < 3; i++) assertEquals(await scene.call("junk"), [401, "inactive_token"]);
  assertEquals(scene.provider.introspections, 1);
  const token = await scene.provider.token();
  await scene.provider.revoke(token);
  assertEquals(await scene.call(token), [401, "inactive_token"]);
  assertEquals(scene.reached(), 0);
});

Deno.test("A revoked token passes no longer than INTROSPECTION_CACHE_SECS; with 0 each request asks.", async () => {
  await using scene = await startScene({ INTROSPECTION_CACHE_SECS: "0" });
  const token = await scene.provider.token();
  for (let i = 0; i < 2; i++) assertEquals(await scene.call(token), [200, undefined]);
  assertEquals(scene.provider.introspections, 2);
  await scene.provider.revoke(token);
  assertEquals(await scene.call(token), [401, "inactive_token"]);
});

Deno.test("What the response says goes through the same requirements: audience, scope, client.", async () => {
  for (
    const [settings, outcome] of [
      [{ AUDIENCE: '"other"' }, [401, "wrong_audience"]],
      [{ REQUIRED_SCOPES: "read" }, [200, undefined]],
      [{ REQUIRED_SCOPES: "write" }, [403, "insufficient_scope"]],
      [{ CLIENTS: '["caller"]' }, [200, undefined]],
      [{ CLIENTS: '["nobody"]' }, [401, "wrong_client"]],
    ] as const
  ) {
    await using scene = await startScene(settings);
    const token = await scene.provider.token("read");
    assertEquals(await scene.call(token), outcome, JSON.stringify(settings));
    assertEquals(await scene.call(token), outcome, "the same from the cache");
    assertEquals(scene.provider.introspections, 1);
  }
});

Deno.test("A JWT that fails is never introspected.", async () => {
  await using scene = await startScene();
  const part = (value: unknown) => btoa(JSON.stringify(value)).replaceAll("=", "");
  const forged = `${part({ alg: "RS256", kid: "x" })}.${
    part({ iss: scene.provider.url, exp: 9e9 })
  }.c2ln`;
  const [status] = await scene.call(forged);
  assertEquals(status, 401);
  assertEquals((await scene.call("e30.e30"))[1], "inactive_token");
  assertEquals(scene.provider.introspections, 1);
});

Deno.test("A provider that is down: 503 for new tokens, cached ones pass; then it recovers.", async () => {
  await using scene = await startScene();
  const [known, fresh] = [await scene.provider.token(), await scene.provider.token()];
  assertEquals(await scene.call(known), [200, undefined]);
  await scene.provider.stop();
  assertEquals(await scene.call(fresh), [503, "introspection_unavailable"]);
  assertEquals(await scene.call(known), [200, undefined]);
  await scene.provider.comeBack();
  await eventually("recovery", async () => (await scene.call(fresh))[0] === 200 ? true : undefined);
});

Deno.test("Many requests with one token ask once; with many tokens so many at once and no more.", async () => {
  await using scene = await startScene();
  const { provider } = scene;
  provider.delay(50);
  const token = await provider.token();
  const same = await Promise.all(Array.from({ length: 40 }, () => scene.call(token)));
  assert(same.every(([status]) => status === 200));
  assertEquals(provider.introspections, 1);
  const tokens = await Promise.all(Array.from({ length: 40 }, () => provider.token()));
  const outcomes = await Promise.all(tokens.map((token) => scene.call(token)));
  assert(outcomes.every(([status]) => status === 200));
  assertEquals(provider.introspections, 41);
  assert(provider.mostAtOnce <= MAX_INTROSPECTIONS_AT_ONCE, `${provider.mostAtOnce} at once`);
});

Deno.test("Two providers of opaque tokens are told apart by TOKEN_PREFIX; each is shown its own alone.", async () => {
  const asked: Record<string, string[]> = { a: [], b: [] };
  const endpoint = (name: string) =>
    Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
      asked[name]?.push(`${(await request.formData()).get("token")}`);
      return active({ client_id: `caller-${name}` });
    });
  await using a = endpoint("a");
  await using b = endpoint("b");
  await using upstream = httpUpstream();
  const provider = (name: string, { addr }: Deno.HttpServer<Deno.NetAddr>, prefix: object) => ({
    name,
    url: `http://127.0.0.1:${addr.port}`,
    audience: '"myapi"',
    introspection: `http://127.0.0.1:${addr.port}/introspect`,
    introspection_client_id: "proxy",
    introspection_client_secret: `secret-${name}`,
    ...prefix,
  });
  const call = async (proxy: TestProxy, token: string) => {
    const response = await fetch(proxy.url, { headers: { authorization: `Bearer ${token}` } });
    await response.text();
    const { reason, clientId } = proxy.access.at(-1) ?? {};
    return [response.status, reason ?? clientId];
  };
  const start = (prefixOfB: object) =>
    startTestProxy({
      UPSTREAM_URL: upstream.url,
      PROVIDER_URL: "",
      PROVIDERS: JSON.stringify([
        provider("a", a, { token_prefix: "gha_" }),
        provider("b", b, prefixOfB),
      ]),
    });
  {
    await using proxy = await start({ token_prefix: "ghb_" });
    assertEquals(await call(proxy, "gha_1"), [200, "caller-a"]);
    assertEquals(await call(proxy, "ghb_1"), [200, "caller-b"]);
    assertEquals(await call(proxy, "other"), [401, "not_a_jwt"]);
    assertEquals(asked, { a: ["gha_1"], b: ["ghb_1"] });
  }
  await using proxy = await start({});
  assertEquals(await call(proxy, "gha_2"), [200, "caller-a"]);
  assertEquals(await call(proxy, "other"), [200, "caller-b"]);
  assertEquals(asked, { a: ["gha_1", "gha_2"], b: ["ghb_1", "other"] });
});

/** Wrong responses of an endpoint: what it says, and what becomes of the request. */
const WRONG: readonly (readonly [what: string, make: () => Response, outcome: string])[] = [
  ["active as a text", () => Response.json({ active: "true" }), "introspection_unavailable"],
  ["no active at all", () => Response.json({ sub: "x" }), "introspection_unavailable"],
  ["status 500", () => new Response("no", { status: 500 }), "introspection_unavailable"],
  ["HTML", () => new Response("<p>sign in"), "introspection_unavailable"],
  ["a redirect", () => Response.redirect("http://127.0.0.1:9/"), "introspection_unavailable"],
  [
    "a body that is too large",
    () => new Response(" ".repeat(600_000)),
    "introspection_unavailable",
  ],
  ["another issuer", () => active({ iss: "https://other.example" }), "wrong_issuer"],
  ["an exp that is over", () => active({ exp: 1_000_000 }), "expired"],
  ["an exp that is a text", () => active({ exp: "9999999999" }), "malformed_claims"],
  ["an nbf that lies ahead", () => active({ nbf: 9_999_999_999 }), "not_yet_valid"],
  ["a token bound to a key", () => active({ cnf: { jkt: "x" } }), "sender_constrained"],
  ["a DPoP token", () => active({ token_type: "DPoP" }), "sender_constrained"],
  ["no exp", () => active({ exp: undefined }), "accepted"],
];

function active(claims: Readonly<Record<string, unknown>>): Response {
  return Response.json({ active: true, exp: 9_999_999_999, aud: "myapi", ...claims });
}

Deno.test("Responses that are not what they should be.", async (t) => {
  let make = () => active({});
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => make(),
  );
  const url = `http://127.0.0.1:${server.addr.port}/introspect`;
  for (const [what, response, outcome] of WRONG) {
    await t.step(`${what}: ${outcome}`, async () => {
      make = response;
      await using scene = await startScene({ INTROSPECTION: url });
      const [status, reason] = await scene.call("opaque");
      assertEquals(status === 200 ? "accepted" : reason, outcome);
    });
  }
});
