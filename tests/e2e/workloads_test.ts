/** Tokens of workloads: JWT-SVIDs of a trust domain, and the service accounts of a cluster. */
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { makeAuthority } from "../support/pfx.ts";
import { startProvider } from "../support/provider.ts";
import { startTestProxy } from "../support/proxy.ts";
import { httpUpstream } from "../support/upstream.ts";
import { type Members, publicJwk, rsaKey, signToken } from "../support/tokens.ts";
import { startService } from "./harness.ts";

const now = () => Math.floor(Date.now() / 1000);

/** Claims of a JWT-SVID (JWT-SVID, section 3): no iss. */
function svid(overrides: Members = {}): Members {
  return { sub: "spiffe://example.org/billing", aud: ["myapi"], exp: now() + 300, ...overrides };
}

Deno.test("JWT-SVIDs of one trust domain are accepted, by keys for JWT-SVIDs alone.", async () => {
  const [svidKey, otherKey] = [await rsaKey(0), await rsaKey(1)];
  await using bundle = startProvider({
    keys: [
      publicJwk(svidKey, { kid: "svid", use: "jwt-svid" }),
      publicJwk(otherKey, { kid: "x509", use: "x509-svid" }),
      publicJwk(otherKey, { kid: "plain" }),
    ],
  });
  await using upstream = httpUpstream();
  await using proxy = await startTestProxy({
    PROVIDER_TYPE: "spiffe",
    TRUST_DOMAIN: "example.org",
    JWKS_URI: bundle.jwksUrl,
    AUDIENCE: '"myapi"',
    AUDIENCE_MATCH: "any",
    SUBJECTS: '["spiffe://example.org/*"]',
    UPSTREAM_URL: upstream.url,
  });
  const outcome = async (claims: Members, header: Members = { kid: "svid" }, key = svidKey) => {
    const token = await signToken(key, claims, { typ: undefined, ...header });
    const response = await fetch(proxy.url, { headers: { authorization: `Bearer ${token}` } });
    await response.text();
    return response.status === 200 ? "accepted" : proxy.access.at(-1)?.reason;
  };
  assertEquals(await outcome(svid()), "accepted");
  assertEquals(await outcome(svid(), { kid: "svid", typ: "JOSE" }), "accepted");
  assertEquals(await outcome(svid({ iss: "https://anything.example" })), "accepted");
  assertEquals(await outcome(svid({ sub: "spiffe://example.com/billing" })), "wrong_issuer");
  assertEquals(await outcome(svid({ sub: "spiffe://example.org.evil/x" })), "wrong_issuer");
  assertEquals(await outcome(svid({ sub: "billing" })), "wrong_issuer");
  assertEquals(await outcome(svid({ sub: "spiffe://example.org/a/b" })), "wrong_subject");
  assertEquals(await outcome(svid({ aud: ["other"] })), "wrong_audience");
  assertEquals(await outcome(svid({ aud: undefined })), "wrong_audience");
  assertEquals(await outcome(svid({ exp: undefined })), "malformed_claims");
  assertEquals(await outcome(svid(), { kid: "x509" }, otherKey), "unknown_key");
  assertEquals(await outcome(svid(), { kid: "plain" }, otherKey), "unknown_key");
  assertEquals(bundle.count("discovery"), 0);
  assertEquals(
    proxy.log.lines.filter(({ level }) => level === "warn").map(({ fields }) => fields.why),
    [],
  );
});

Deno.test("The API server's keys are fetched with the pod's token, read anew, and shown to that host alone.", async () => {
  await using authority = await makeAuthority();
  await authority.leaf("api-server", "P-256", "root");
  const key = await rsaKey();
  await using server = startProvider({
    keys: [publicJwk(key, { kid: "sa" })],
    tls: {
      cert: await authority.certificate("api-server"),
      key: await Deno.readTextFile(`${authority.dir}/api-server.key`),
    },
  });
  const tokenFile = `${authority.dir}/token`;
  await Deno.writeTextFile(tokenFile, "first-pod-token\n");
  let accepted = "first-pod-token";
  server.respond(
    (request) =>
      request.headers.get("authorization") === `Bearer ${accepted}`
        ? Response.json({ keys: [publicJwk(key, { kid: accepted })] })
        : new Response("unauthorized", { status: 401 }),
    "jwks",
  );
  await using service = await startService({
    settings: {
      PROVIDER_TYPE: "kubernetes",
      PROVIDER_URL: server.url,
      JWKS_URI: server.jwksUrl,
      ISSUER: "https://kubernetes.default.svc.cluster.local",
      PROVIDER_CA_FILE: `${authority.dir}/root.crt`,
      PROVIDER_TOKEN_FILE: tokenFile,
      AUDIENCE: '["myapi"]',
      SUBJECTS: '["system:serviceaccount:team-a:*"]',
      KEY_COOLDOWN_SECS: "1",
    },
  });
  const status = async (kid: string, claims: Members = {}) => {
    const token = await signToken(key, {
      iss: "https://kubernetes.default.svc.cluster.local",
      aud: ["myapi"],
      sub: "system:serviceaccount:team-a:nightly",
      exp: now() + 300,
      iat: now(),
      ...claims,
    }, { kid });
    const { status } = await service.get("/", { headers: { authorization: `Bearer ${token}` } });
    return status;
  };
  assertEquals(await status("first-pod-token"), 200);
  assertEquals(await status("first-pod-token", { sub: "system:serviceaccount:team-b:x" }), 401);
  assertEquals(await status("first-pod-token", { sub: "system:serviceaccount:team-a:" }), 401);
  // The legacy kind: no exp, another issuer.
  assertEquals(await status("first-pod-token", { exp: undefined }), 401);
  assertEquals(await status("first-pod-token", { iss: "kubernetes/serviceaccount" }), 401);
  // The kubelet exchanges the token; the next fetch shows the new one.
  accepted = "second-pod-token";
  await Deno.writeTextFile(tokenFile, "second-pod-token");
  assertEquals(await status("second-pod-token"), 200);
  const log = JSON.stringify(service.log());
  for (const secret of ["first-pod-token", "second-pod-token"]) {
    assertExcludes(log.replaceAll(`"kid":"${secret}"`, ""), secret);
  }
  assert(server.requests.every(({ path }) => path === "/jwks"));
});

Deno.test("A token file that is missing, no regular file, too long or without a token is an error of its own kind, without its content.", async () => {
  await using upstream = httpUpstream();
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${dir}/bad`, "two words of hush");
  await Deno.writeTextFile(`${dir}/long`, "hush".repeat(5000));
  // Nobody ever writes into it.
  assert((await new Deno.Command("mkfifo", { args: [`${dir}/pipe`] }).output()).success);
  const files = {
    missing: "cannot be read (NotFound)",
    pipe: "is no regular file",
    long: "holds more than a token",
    bad: "holds no token",
  };
  for (const [file, why] of Object.entries(files)) {
    await using proxy = await startTestProxy({
      PROVIDER_TYPE: "kubernetes",
      PROVIDER_URL: "https://127.0.0.1:9",
      PROVIDER_TOKEN_FILE: `${dir}/${file}`,
      AUDIENCE: '["myapi"]',
      ISSUER: "https://issuer.example",
      UPSTREAM_URL: upstream.url,
    });
    const token = await signToken(await rsaKey(), {
      iss: "https://issuer.example",
      aud: ["myapi"],
      exp: now() + 60,
    });
    const response = await fetch(proxy.url, { headers: { authorization: `Bearer ${token}` } });
    await response.text();
    assertEquals(response.status, 503);
    assertIncludes(proxy.log.text(), `PROVIDER_TOKEN_FILE ${why}`);
    assertExcludes(proxy.log.text(), "hush");
  }
  await Deno.remove(dir, { recursive: true });
});
