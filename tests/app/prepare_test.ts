import { systemClock as clock } from "../../src/ops/clock.ts";
import { keySettings, prepare, workerSettings } from "../../src/app/prepare.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { MemoryLog } from "../support/log.ts";
import { makeAuthority } from "../support/pfx.ts";
import { settings } from "../support/settings.ts";

const deps = () => ({ clock, log: new MemoryLog() });

Deno.test("Port 0 becomes a free port, and stays the same one over a reload.", async () => {
  const first = await prepare(settings(), undefined, deps());
  assert(first.ok);
  const port = first.value.worker.config.listen.listenUrl?.port ?? 0;
  assert(port > 0);
  const again = await prepare(settings({ LEEWAY: "1" }), first.value, deps());
  assert(again.ok);
  assertEquals(again.value.worker.config.listen.listenUrl, { hostname: "127.0.0.1", port });
  assertEquals(again.value.worker.config.token.leeway, 1);
});

Deno.test("An address that another program has is the machine's fault, not the settings'.", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${taken.addr.port}`;
  const prepared = await prepare(settings({ LISTEN_URL: address }), undefined, deps());
  assert(!prepared.ok);
  assertEquals(prepared.failure.exitCode, 1);
  assertIncludes(prepared.failure.text, `LISTEN_URL: cannot listen on http://${address}`);
});

Deno.test("Addresses that are served already are not asked for again on reload.", async () => {
  using mine = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const config = settings({ LISTEN_URL: `127.0.0.1:${mine.addr.port}` });
  const before = {
    config,
    worker: workerSettings(config),
    keys: keySettings(config),
    certificateExpiresAt: undefined,
  };
  const prepared = await prepare(config, before, deps());
  assert(prepared.ok);
});

Deno.test("The certificate is opened and its expiry known; a wrong password is the settings' fault.", async () => {
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256");
  await authority.pfx("leaf");
  const tls = { LISTEN_SSL_URL: "127.0.0.1:0", CERT_FILE: `${authority.dir}/leaf.pfx` };
  const good = await prepare(settings({ ...tls, CERT_PASSWORD: "secret" }), undefined, deps());
  assert(good.ok);
  assertIncludes(good.value.worker.identity?.keyPem ?? "", "PRIVATE KEY");
  const daysLeft = ((good.value.certificateExpiresAt ?? 0) - Date.now()) / 86_400_000;
  assert(daysLeft > 28 && daysLeft < 31);
  const { log } = { log: new MemoryLog() };
  const wrong = await prepare(settings({ ...tls, CERT_PASSWORD: "hunter2" }), undefined, {
    clock,
    log,
  });
  assert(!wrong.ok);
  assertEquals(wrong.failure.exitCode, 64);
  assertEquals(`${wrong.failure.text}${log.text()}`.includes("hunter2"), false);
});

Deno.test("An audience that the pod's own token has is the API server's, and refused.", async () => {
  const dir = await Deno.makeTempDir();
  const part = (value: unknown) => btoa(JSON.stringify(value)).replaceAll("=", "");
  await Deno.writeTextFile(`${dir}/token`, `${part({})}.${part({ aud: ["k3s", "x"] })}.c2ln\n`);
  const env = {
    PROVIDER_TYPE: "kubernetes",
    PROVIDER_URL: "https://127.0.0.1:9",
    PROVIDER_CA_FILE: "",
    PROVIDER_TOKEN_FILE: `${dir}/token`,
  };
  await using authority = await makeAuthority();
  const ca = { PROVIDER_CA_FILE: `${authority.dir}/root.crt` };
  const outcome = async (audience: string, more: Readonly<Record<string, string>> = {}) =>
    await prepare(settings({ ...env, ...ca, AUDIENCE: audience, ...more }), undefined, deps());
  const refused = await outcome('["myapi", "k3s"]');
  assert(!refused.ok);
  assertIncludes(refused.failure.text, 'AUDIENCE: "k3s" is the API server\'s own audience');
  assertEquals((await outcome('["myapi"]')).ok, true);
  const before = await outcome('["myapi"]', {
    PREVIOUS_AUDIENCE: '"k3s"',
    PREVIOUS_AUDIENCE_ACCEPT_UNTIL: "2100-01-01T00:00:00Z",
  });
  assert(!before.ok);
  assertIncludes(before.failure.text, 'PREVIOUS_AUDIENCE: "k3s" is the API server\'s own audience');
  await Deno.remove(dir, { recursive: true });
});
