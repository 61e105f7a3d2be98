/** RFC 8725, best current practices for JSON Web Tokens: its advice, through the whole proxy. */
import { Buffer } from "node:buffer";
import { createPublicKey } from "node:crypto";
import { assertRefused, type Stack, startStack } from "../support/stack.ts";
import { assertEquals } from "../support/assert.ts";
import { assertOutcome, type Outcome, type Row, testTokens } from "../support/token_rows.ts";
import {
  type Jwk,
  keySigner,
  type Members,
  noSigner,
  pairFor,
  publicJwk,
  rawToken,
  rsaKey,
  secretSigner,
  type Signer,
  signHsToken,
  signToken,
} from "../support/tokens.ts";
import { eventually } from "../support/waiting.ts";

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
    await assertOutcome(without, `Bearer ${refused}`, "algorithm_not_allowed");
    assertEquals(without.provider.count(), 0);
  });
}

Deno.test("3.1: a signature with the secret is accepted where the provider has no keys at all", async () => {
  await using stack = await startStack({ CLIENT_SECRET: SECRET }, { keys: [] });
  const token = await signHsToken(SECRET, stack.claims());
  assertEquals((await stack.call(`Bearer ${token}`)).status, 200);
});

/** Key sets that hold no key to check a signature with. */
const UNUSABLE: readonly (readonly [name: string, keys: () => Promise<readonly Jwk[]>])[] = [
  ["that is empty", () => Promise.resolve([])],
  ["with a weak key alone", async () => [publicJwk(await rsaKey(0, 1024), { kid: "one" })]],
];

for (const [name, keys] of UNUSABLE) {
  Deno.test(`3.1: a key set ${name} is the provider's fault: RS256 gets a 503 until there is a key, HS256 goes on`, async () => {
    const settings = { CLIENT_SECRET: SECRET, KEY_COOLDOWN_SECS: "1" };
    await using stack = await startStack(settings, { keys: await keys() });
    const token = await stack.token();
    const refused = await stack.call(`Bearer ${token}`);
    assertRefused(refused, 503, "temporarily_unavailable", "none");
    assertEquals(Number(refused.headers.get("retry-after")) > 0, true);
    assertEquals(stack.proxy.access.at(-1)?.reason, "keys_unavailable");
    const bySecret = `Bearer ${await signHsToken(SECRET, stack.claims())}`;
    await assertOutcome(stack, bySecret, "accepted");

    stack.provider.rotate([publicJwk(await rsaKey(), { kid: "one" })]);
    await eventually("the key", async () => (await stack.call(`Bearer ${token}`)).status === 200);
    await assertOutcome(stack, `Bearer ${token}`, "accepted");
    await assertOutcome(stack, bySecret, "accepted");
  });
}

const PUBLIC_JWK = publicJwk(await rsaKey(), { kid: "one" });
const PUBLIC_KEY = createPublicKey({ key: PUBLIC_JWK, format: "jwk" });

/** Every way in which the provider's public key, which anyone may know, can be written down. */
const SPELLINGS: readonly (readonly [name: string, secret: Uint8Array<ArrayBuffer>])[] = [
  ...(["spki", "pkcs1"] as const).flatMap((type) => {
    const pem = String(PUBLIC_KEY.export({ type, format: "pem" }));
    const der = PUBLIC_KEY.export({ type, format: "der" });
    return [
      [`PEM (${type})`, pem],
      [`PEM (${type}) without its last line end`, pem.trimEnd()],
      [`PEM (${type}) with CR LF`, pem.replaceAll("\n", "\r\n")],
      [`PEM (${type}) without its frame`, pem.replace(/-----[^-]+-----\n/g, "")],
      [`PEM (${type}) on one line`, pem.replaceAll("\n", "")],
      [`DER (${type})`, der],
      [`DER (${type}) in hexadecimal digits`, der.toString("hex")],
    ] as const;
  }),
  ["JWK as published", JSON.stringify(PUBLIC_JWK)],
  ["JWK of its thumbprint", JSON.stringify({ e: PUBLIC_JWK.e, kty: "RSA", n: PUBLIC_JWK.n })],
  ["JWK set", JSON.stringify({ keys: [PUBLIC_JWK] })],
  ["JWK that was turned into [object Object]", String(PUBLIC_JWK)],
  ["modulus", Buffer.from(String(PUBLIC_JWK.n), "base64url")],
  ["modulus as text", String(PUBLIC_JWK.n)],
].map(([name, secret]) => [String(name), Uint8Array.from(Buffer.from(secret as string))]);

/** HS* tokens that are signed with the public key. */
const CONFUSED = (outcome: Outcome): readonly Row[] =>
  SPELLINGS.flatMap(([name, secret]) =>
    ["HS256", "HS384", "HS512"].map((alg): Row => [
      `${alg} with the key as ${name}`,
      outcome,
      (stack) => signHsToken(secret, stack.claims(), { alg, kid: "one" }),
    ])
  );

testTokens(
  "3.1: the public key is never taken for a shared secret, where there is none",
  CONFUSED("algorithm_not_allowed"),
  { fetches: 0 },
);
testTokens(
  "3.1: the public key is never taken for a shared secret, where there is another",
  CONFUSED("bad_signature"),
  { settings: { CLIENT_SECRET: SECRET }, fetches: 2 },
);

for (const alg of ["RS256", "RS384", "RS512"]) {
  Deno.test(`3.1: the secret never signs an ${alg} token`, async () => {
    await using stack = await startStack({ CLIENT_SECRET: SECRET });
    const signer = secretSigner(SECRET, `HS${alg.slice(2)}`);
    const header = JSON.stringify({ alg, kid: "one" });
    const token = await rawToken(header, JSON.stringify(stack.claims()), signer);
    await assertOutcome(stack, `Bearer ${token}`, "bad_signature");
  });
}

Deno.test("3.1: a key is used with its own algorithm only", async () => {
  const key = await rsaKey();
  await using stack = await startStack({}, {
    keys: [publicJwk(key, { kid: "one", alg: "RS512" }), publicJwk(key, { kid: "two" })],
  });
  assertEquals((await stack.call(`Bearer ${await stack.token({}, { alg: "RS512" })}`)).status, 200);
  await assertOutcome(stack, `Bearer ${await stack.token()}`, "unknown_key");
});

for (const alg of ["PS256", "ES256", "EdDSA"]) {
  Deno.test(`3.1: a good signature by ${alg}, which is not on the list, is refused`, async () => {
    const key = alg === "PS256" ? await rsaKey() : await pairFor(alg as "ES256" | "EdDSA");
    await using stack = await startStack({ ALGORITHMS: '["RS256"]' }, {
      keys: [publicJwk(key, { kid: "k" })],
    });
    const token = await signToken(key, stack.claims(), { alg, kid: "k" });
    await assertOutcome(stack, `Bearer ${token}`, "algorithm_not_allowed");
    assertEquals(stack.provider.count(), 0);
  });
}

/** Spellings of `none`, some of which another program may take for it. */
const NONES = [
  ...["none", "None", "NONE", "nOnE", "nonE", " none", "none ", "none\0", "\tnone", "none\n"],
  ...["n\u0585ne", "n\u200bone", "\ufb00", "null", "undefined", "false", "plain", "unsecured", ""],
];

/** What may stand where the signature belongs, and what becomes of it. */
const UNSIGNED: readonly (readonly [name: string, outcome: Outcome, make: Signer])[] = [
  ["nothing", "not_a_jwt", noSigner],
  ["one byte", "algorithm_not_allowed", () => Promise.resolve(new Uint8Array(1))],
  ["a right RS256 signature", "algorithm_not_allowed", keySigner(await rsaKey())],
  ["a right HS256 code", "algorithm_not_allowed", secretSigner(SECRET)],
];

testTokens(
  "3.2: none is refused in every spelling, signed or not",
  NONES.flatMap((alg) =>
    UNSIGNED.map(([name, outcome, signer]): Row => [
      `${JSON.stringify(alg)} with ${name}`,
      outcome,
      (stack) =>
        rawToken(JSON.stringify({ alg, kid: "one" }), JSON.stringify(stack.claims()), signer),
    ])
  ),
  { settings: { CLIENT_SECRET: SECRET }, fetches: 0 },
);

Deno.test("3.3: a signature that is not right is refused", async () => {
  await using stack = await startStack();
  const one = await stack.token();
  const two = await stack.token({ sub: "admin" });
  const [header = "", payload = ""] = two.split(".");
  const mixed = `${header}.${payload}.${one.split(".")[2]}`;
  await assertOutcome(stack, `Bearer ${mixed}`, "bad_signature");
  for (const alg of ["RS256", "RS384", "RS512"]) {
    const foreign = await foreignToken(stack, { kid: "one", alg });
    await assertOutcome(stack, `Bearer ${foreign}`, "bad_signature");
  }
});

Deno.test("3.5: a key of 1024 bits is not used, its good neighbour is", async () => {
  const weak = await rsaKey(0, 1024);
  await using stack = await startStack({}, {
    keys: [publicJwk(weak, { kid: "weak" }), publicJwk(await rsaKey(), { kid: "one" })],
  });
  assertEquals((await stack.call(`Bearer ${await stack.token()}`)).status, 200);
  assertEquals(stack.proxy.log.text().includes("only 1024 bits"), true);
  const token = await signToken(weak, stack.claims());
  await assertOutcome(stack, `Bearer ${token}`, "bad_signature");
});

Deno.test("3.7: a payload that is not UTF-8 is refused though well signed", async () => {
  await using stack = await startStack();
  const text = JSON.stringify(stack.claims({ sub: "" }));
  const bytes = new TextEncoder().encode(text.replace('"sub":""', '"sub":"?"'));
  bytes[bytes.indexOf("?".charCodeAt(0))] = 0xff;
  const token = await rawToken('{"alg":"RS256","kid":"one"}', bytes, keySigner(await rsaKey()));
  await assertOutcome(stack, `Bearer ${token}`, "not_a_jwt");
});

Deno.test("3.8: iss has to be the provider's own name, not merely lead to it", async () => {
  await using stack = await startStack();
  const { url } = stack.provider;
  for (const iss of [`${url}/`, `${url}/.`, `${url}?`, url.replace("127.0.0.1", "localhost")]) {
    await assertOutcome(stack, `Bearer ${await stack.token({ iss })}`, "wrong_issuer");
  }
});

Deno.test("3.8: where the document has a trailing slash, iss has to have it too", async () => {
  await using stack = await startStack();
  stack.provider.setIssuer(`${stack.provider.url}/`);
  const right = await stack.token({ iss: `${stack.provider.url}/` });
  assertEquals((await stack.call(`Bearer ${right}`)).status, 200);
  await assertOutcome(stack, `Bearer ${await stack.token()}`, "wrong_issuer");
});

Deno.test("3.8: a document of another issuer is not trusted: 503, and one line says what to set", async () => {
  await using stack = await startStack();
  stack.provider.setIssuer("https://public.test");
  for (const iss of [stack.provider.url, stack.provider.url]) {
    const response = await stack.call(`Bearer ${await stack.token({ iss })}`);
    assertRefused(response, 503, "temporarily_unavailable", "none");
    assertEquals(Number(response.headers.get("retry-after")) > 0, true);
  }
  const lines = stack.proxy.log.lines.filter((line) => line.level === "error");
  assertEquals(lines.length, 1);
  assertEquals(String(lines[0]?.fields.hint).includes("ISSUER="), true);
});

Deno.test("3.8: ISSUER names the provider where its address is an internal one", async () => {
  const issuer = "https://public.test/realm";
  await using stack = await startStack({ ISSUER: issuer });
  stack.provider.setIssuer(issuer);
  assertEquals((await stack.call(`Bearer ${await stack.token({ iss: issuer })}`)).status, 200);
  await assertOutcome(stack, `Bearer ${await stack.token()}`, "wrong_issuer");
});

Deno.test("3.9: a token for another service is refused", async () => {
  await using stack = await startStack({ AUDIENCE: '"me"' });
  const token = await stack.token({ aud: "another" });
  await assertOutcome(stack, `Bearer ${token}`, "wrong_audience");
});

Deno.test("3.10: addresses inside a token are never asked for keys", async () => {
  await using stack = await startStack();
  const before = stack.upstream.requests.length;
  const evil = `${stack.upstream.url}/evil`;
  const jwk = publicJwk(await rsaKey(1), { kid: "one" });
  for (const header of [{ jku: evil }, { x5u: evil }, { jwk }, { x5c: ["MII"] }]) {
    const token = await foreignToken(stack, { kid: "one", ...header });
    await assertOutcome(stack, `Bearer ${token}`, "bad_signature");
  }
  assertEquals([stack.upstream.requests.length, stack.provider.count()], [before, 2]);
});

for (const kid of ["../../etc/passwd", "' OR 1=1 --", "http://evil.test/", "\u0000", "__proto__"]) {
  Deno.test(`3.10: the kid ${JSON.stringify(kid)} is a name and nothing else`, async () => {
    await using stack = await startStack();
    const token = await stack.token({}, { kid });
    await assertOutcome(stack, `Bearer ${token}`, "unknown_key");
    assertEquals(stack.provider.count(), 2);
  });
}
