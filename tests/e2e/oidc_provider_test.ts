/** JWTs of a real OpenID provider, by every kind of key, with resource indicators and scopes. */
import { type DemoAlgorithm, startDemoProvider } from "../../src/demo/provider.ts";
import { assertEquals, assertIncludes } from "../support/assert.ts";
import { startTestProxy } from "../support/proxy.ts";
import { httpUpstream } from "../support/upstream.ts";

const ALGORITHMS: readonly DemoAlgorithm[] = ["RS256", "RS384", "RS512", "PS256", "ES256", "EdDSA"];

for (const algorithm of ALGORITHMS) {
  Deno.test(`A real provider's ${algorithm} tokens are verified, their audience, client and scopes too.`, async () => {
    const provider = await startDemoProvider({ algorithm, audience: "myapi" });
    await using upstream = httpUpstream();
    await using proxy = await startTestProxy({
      PROVIDER_URL: provider.url,
      UPSTREAM_URL: upstream.url,
      ALGORITHMS: JSON.stringify([algorithm]),
      AUDIENCE: '["myapi"]',
      AUDIENCE_MATCH: "all",
      CLIENTS: JSON.stringify([provider.clientId]),
      REQUIRED_SCOPES: "read",
      TOKEN_PROFILE: "rfc9068",
    });
    const call = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(proxy.url, { headers });
      await response.text();
      return response;
    };
    const read = await provider.token({ scope: "read" });
    for (let i = 0; i < 2; i++) assertEquals((await call(read)).status, 200);
    assertEquals((await call(await provider.token({ scope: "read write" }))).status, 200);
    const refused = await call(await provider.token({ scope: "write" }));
    assertEquals(refused.status, 403);
    assertIncludes(refused.headers.get("www-authenticate") ?? "", 'scope="read"');
    assertEquals(upstream.requests.length, 3);
    await provider.close();
  });
}
