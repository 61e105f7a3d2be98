import { createRemoteJWKSet, jwtVerify } from "jose";
import { type DemoAlgorithm, startDemoProvider } from "../../src/demo/provider.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { projectFile, startProcess } from "../support/process.ts";

async function json(url: string, init: RequestInit = {}): Promise<Record<string, unknown>> {
  return await (await fetch(url, init)).json();
}

Deno.test("the demo provider names itself by the port it got, and its token says the same", async () => {
  const provider = await startDemoProvider({ accessTokenTtlSecs: 60 });
  try {
    const discovery = await json(`${provider.url}/.well-known/openid-configuration`);
    assertEquals(discovery.issuer, provider.issuer);
    const keys = createRemoteJWKSet(new URL(String(discovery.jwks_uri)));
    const { payload, protectedHeader } = await jwtVerify(await provider.token(), keys, {
      issuer: provider.issuer,
      audience: provider.audience,
    });
    assertEquals([protectedHeader.alg, payload.sub], ["RS256", "demo-client"]);
    assertEquals((payload.exp ?? 0) - (payload.iat ?? 0), 60);
  } finally {
    await provider.close();
  }
});

for (const algorithm of ["RS512", "PS256", "ES256", "EdDSA"] satisfies DemoAlgorithm[]) {
  Deno.test(`the demo provider signs with ${algorithm} when asked to`, async () => {
    const provider = await startDemoProvider({ algorithm, audience: "other" });
    try {
      const keys = createRemoteJWKSet(new URL(`${provider.url}/jwks`));
      const { payload, protectedHeader } = await jwtVerify(await provider.token(), keys);
      assertEquals([protectedHeader.alg, payload.aud], [algorithm, "other"]);
    } finally {
      await provider.close();
    }
  });
}

Deno.test("the demo provider takes the secret as form fields and gives the scope asked for", async () => {
  const provider = await startDemoProvider();
  try {
    const form = {
      grant_type: "client_credentials",
      client_id: provider.clientId,
      client_secret: provider.clientSecret,
      scope: "read",
    };
    const body = await json(provider.tokenUrl, {
      method: "POST",
      body: new URLSearchParams(form),
    });
    assertEquals([body.token_type, body.scope, body.expires_in], ["Bearer", "read", 3600]);
  } finally {
    await provider.close();
  }
});

Deno.test("the demo provider knows several clients and refuses a wrong secret", async () => {
  const clients = [
    { clientId: "one", clientSecret: "first secret: %+/" },
    { clientId: "two", clientSecret: "second" },
  ];
  const provider = await startDemoProvider({ clients });
  try {
    const tokens = await Promise.all(clients.map((client) => provider.token({ client })));
    const subjects = tokens.map((token) => JSON.parse(atob(token.split(".")[1] ?? "")).sub);
    assertEquals(subjects, ["one", "two"]);
    const wrong = { clientId: "one", clientSecret: "wrong" };
    await assertRejects(() => provider.token({ client: wrong }), /401 invalid_client/);
  } finally {
    await provider.close();
  }
});

Deno.test("a demo provider on a port in use rejects with EADDRINUSE", async () => {
  const provider = await startDemoProvider();
  try {
    const port = Number(new URL(provider.url).port);
    await assertRejects(() => startDemoProvider({ port }), { code: "EADDRINUSE" });
  } finally {
    await provider.close();
  }
});

Deno.test("the demo provider prints nothing and runs with network and environment access alone", async () => {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const provider = JSON.stringify(`file://${projectFile("src/demo/provider.ts")}`);
    await Deno.writeTextFile(
      script,
      `import { startDemoProvider } from ${provider};
       const provider = await startDemoProvider();
       await provider.token();
       await provider.close();`,
    );
    const denoFlags = [
      "--config",
      projectFile("deno.json"),
      "--allow-net=127.0.0.1",
      "--allow-env",
    ];
    await using process = startProcess({ script, denoFlags });
    const { code } = await process.ended(20_000);
    assertEquals([code, process.output()], [0, ""]);
  } finally {
    await Deno.remove(script);
  }
});
