/** RFC 8725, best current practices for JSON Web Tokens: its advice, through the whole proxy. */
import { assertRefused, type Stack, startStack } from "../auth/stack.ts";
import { assertEquals } from "../support/assert.ts";
import {
  base64url,
  keySigner,
  type Members,
  pairFor,
  publicJwk,
  rawToken,
  rsaKey,
  secretSigner,
  signHsToken,
  signToken,
} from "../support/tokens.ts";

const SECRET = "a secret of the client, 32 bytes and more";

/** Claims of another key's token that would pass. */
async function foreignToken(stack: Stack, header: Members): Promise<string> {
  return await signToken(await rsaKey(1), stack.claims(), header);
}

for (const alg of ["RS256", "RS384", "RS512"]) {
  Deno.test(`3.1: ${alg} is accepted with a key of the provider`, async () => {
    await using stack = await startStack();
    assertEquals((await stack.call(`Bearer ${await stack.token({}, { alg })}`)).status, 200);
  });
}

for (const alg of ["HS256", "HS384", "HS512"]) {
  Deno.test(`3.1: ${alg} is accepted with the client secret, refused without it`, async () => {
    await using stack = await startStack({ CLIENT_SECRET: SECRET });
    const token = await signHsToken(SECRET, stack.claims(), { alg });
    assertEquals((await stack.call(`Bearer ${token}`)).status, 200);
    await using without = await startStack();
    const refused = await signHsToken(SECRET, without.claims(), { alg });
    assertRefused(await without.call(`Bearer ${refused}`), 401, "invalid_token");
    assertEquals(without.provider.count(), 0);
  });
}

Deno.test("3.1: a signature with the secret is accepted where the provider has no keys at all", async () => {
  await using stack = await startStack({ CLIENT_SECRET: SECRET }, { keys: [] });
  const token = await signHsToken(SECRET, stack.claims());
  assertEquals((await stack.call(`Bearer ${token}`)).status, 200);
});

Deno.test("3.1: the public key is never taken for a shared secret", async () => {
  const key = await rsaKey();
  const imported = await crypto.subtle.importKey(
    "jwk",
    key.publicJwk,
    { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
    true,
    ["verify"],
  );
  const der = new Uint8Array(await crypto.subtle.exportKey("spki", imported));
  const body = der.toBase64().replace(/.{64}/g, "$&\n");
  const pem = `-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----\n`;
  await using plain = await startStack();
  await using secretive = await startStack({ CLIENT_SECRET: SECRET });
  for (const stack of [plain, secretive]) {
    for (const secret of [pem, pem.trim(), der, JSON.stringify(publicJwk(key, { kid: "one" }))]) {
      const token = await signHsToken(secret, stack.claims(), { kid: "one" });
      assertRefused(await stack.call(`Bearer ${token}`), 401, "invalid_token");
    }
  }
});

Deno.test("3.1: the secret never vouches for an RS256 token", async () => {
  await using stack = await startStack({ CLIENT_SECRET: SECRET });
  const header = '{"alg":"RS256","kid":"one"}';
  const token = await rawToken(header, JSON.stringify(stack.claims()), secretSigner(SECRET));
  assertRefused(await stack.call(`Bearer ${token}`), 401, "invalid_token");
});

Deno.test("3.1: a key is used with its own algorithm only", async () => {
  const key = await rsaKey();
  await using stack = await startStack({}, {
    keys: [publicJwk(key, { kid: "one", alg: "RS512" }), publicJwk(key, { kid: "two" })],
  });
  assertEquals((await stack.call(`Bearer ${await stack.token({}, { alg: "RS512" })}`)).status, 200);
  assertRefused(await stack.call(`Bearer ${await stack.token()}`), 401, "invalid_token");
});

for (const alg of ["PS256", "ES256", "EdDSA"]) {
  Deno.test(`3.1: a good signature by ${alg}, which is not on the list, is refused`, async () => {
    const key = alg === "PS256" ? await rsaKey() : await pairFor(alg as "ES256" | "EdDSA");
    await using stack = await startStack({}, { keys: [publicJwk(key, { kid: "k" })] });
    const token = await signToken(key, stack.claims(), { alg, kid: "k" });
    assertRefused(await stack.call(`Bearer ${token}`), 401, "invalid_token");
    assertEquals(stack.provider.count(), 0);
  });
}

for (const alg of ["none", "None", "NONE", "nOnE", "", "__proto__", "constructor"]) {
  Deno.test(`3.2: the algorithm ${JSON.stringify(alg)} is refused, unseen by the provider`, async () => {
    await using stack = await startStack({ CLIENT_SECRET: SECRET });
    const token = await stack.token({}, { alg: "RS256" });
    const [, payload = "", signature = ""] = token.split(".");
    const header = base64url(JSON.stringify({ alg, kid: "one" }));
    const refused = await stack.call(`Bearer ${header}.${payload}.${signature}`);
    assertRefused(refused, 401, "invalid_token");
    assertEquals(stack.provider.count(), 0);
  });
}

Deno.test("3.3: a signature that is not right is refused", async () => {
  await using stack = await startStack();
  const one = await stack.token();
  const two = await stack.token({ sub: "admin" });
  const [header = "", payload = ""] = two.split(".");
  const mixed = `${header}.${payload}.${one.split(".")[2]}`;
  assertRefused(await stack.call(`Bearer ${mixed}`), 401, "invalid_token");
  const foreign = await foreignToken(stack, { kid: "one" });
  assertRefused(await stack.call(`Bearer ${foreign}`), 401, "invalid_token");
});

Deno.test("3.5: a key of 1024 bits is not used, its good neighbour is", async () => {
  const weak = await rsaKey(0, 1024);
  await using stack = await startStack({}, {
    keys: [publicJwk(weak, { kid: "weak" }), publicJwk(await rsaKey(), { kid: "one" })],
  });
  assertEquals((await stack.call(`Bearer ${await stack.token()}`)).status, 200);
  assertEquals(stack.proxy.log.text().includes("only 1024 bits"), true);
  const token = await signToken(weak, stack.claims());
  assertRefused(await stack.call(`Bearer ${token}`), 401, "invalid_token");
});

Deno.test("3.7: a payload that is not UTF-8 is refused though well signed", async () => {
  await using stack = await startStack();
  const text = JSON.stringify(stack.claims({ sub: "" }));
  const bytes = new TextEncoder().encode(text.replace('"sub":""', '"sub":"?"'));
  bytes[bytes.indexOf("?".charCodeAt(0))] = 0xff;
  const token = await rawToken('{"alg":"RS256","kid":"one"}', bytes, keySigner(await rsaKey()));
  assertRefused(await stack.call(`Bearer ${token}`), 401, "invalid_token");
});

Deno.test("3.8: iss has to be the provider's own name, not merely lead to it", async () => {
  await using stack = await startStack();
  const { url } = stack.provider;
  for (const iss of [`${url}/`, `${url}/.`, `${url}?`, url.replace("127.0.0.1", "localhost")]) {
    assertRefused(await stack.call(`Bearer ${await stack.token({ iss })}`), 401, "invalid_token");
  }
});

Deno.test("3.8: where the document has a trailing slash, iss has to have it too", async () => {
  await using stack = await startStack();
  stack.provider.setIssuer(`${stack.provider.url}/`);
  const right = await stack.token({ iss: `${stack.provider.url}/` });
  assertEquals((await stack.call(`Bearer ${right}`)).status, 200);
  assertRefused(await stack.call(`Bearer ${await stack.token()}`), 401, "invalid_token");
});

Deno.test("3.8: a document of another issuer is not trusted: 503, and one line says what to set", async () => {
  await using stack = await startStack();
  stack.provider.setIssuer("https://public.test");
  for (const iss of [stack.provider.url, stack.provider.url]) {
    const answer = await stack.call(`Bearer ${await stack.token({ iss })}`);
    assertRefused(answer, 503, "temporarily_unavailable", "none");
    assertEquals(Number(answer.headers.get("retry-after")) > 0, true);
  }
  const lines = stack.proxy.log.lines.filter((line) => line.level === "error");
  assertEquals(lines.length, 1);
  assertEquals(String(lines[0]?.fields.todo).includes("ISSUER="), true);
});

Deno.test("3.8: ISSUER names the provider where its address is an internal one", async () => {
  const issuer = "https://public.test/realm";
  await using stack = await startStack({ ISSUER: issuer });
  stack.provider.setIssuer(issuer);
  assertEquals((await stack.call(`Bearer ${await stack.token({ iss: issuer })}`)).status, 200);
  assertRefused(await stack.call(`Bearer ${await stack.token()}`), 401, "invalid_token");
});

Deno.test("3.9: a token for another service is refused", async () => {
  await using stack = await startStack({ AUDIENCE: '"me"' });
  const token = await stack.token({ aud: "another" });
  assertRefused(await stack.call(`Bearer ${token}`), 401, "invalid_token");
});

Deno.test("3.10: addresses inside a token are never asked for keys", async () => {
  await using stack = await startStack();
  const before = stack.upstream.requests.length;
  const evil = `${stack.upstream.url}/evil`;
  const jwk = publicJwk(await rsaKey(1), { kid: "one" });
  for (const header of [{ jku: evil }, { x5u: evil }, { jwk }, { x5c: ["MII"] }]) {
    const token = await foreignToken(stack, { kid: "one", ...header });
    assertRefused(await stack.call(`Bearer ${token}`), 401, "invalid_token");
  }
  assertEquals([stack.upstream.requests.length, stack.provider.count()], [before, 2]);
});

for (const kid of ["../../etc/passwd", "' OR 1=1 --", "http://evil.test/", "\u0000", "__proto__"]) {
  Deno.test(`3.10: the kid ${JSON.stringify(kid)} is a name and nothing else`, async () => {
    await using stack = await startStack();
    const token = await stack.token({}, { kid });
    assertRefused(await stack.call(`Bearer ${token}`), 401, "invalid_token");
    assertEquals(stack.provider.count(), 2);
  });
}
