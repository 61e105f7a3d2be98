/** A failing provider, seen through the whole proxy: good tokens are still accepted. */
import { startStack } from "../support/stack.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { makeAuthority } from "../support/pfx.ts";
import { startProcess } from "../support/process.ts";
import { startProvider, type TestProvider } from "../support/provider.ts";
import { servedCertificate } from "../support/served_certificate.ts";
import { publicJwk, rsaKey } from "../support/tokens.ts";
import { eventually, kid, startService } from "./harness.ts";

/** The keys are asked for again after a second, without anybody needing them. */
const QUICK = { KEY_COOLDOWN_SECS: "1", KEY_EXPIRY_SECS: "1" };

const FAULTS: readonly (readonly [
  sentence: string,
  play: (provider: TestProvider) => void | Promise<void>,
])[] = [
  ["refuses connections", (provider) => provider.refuse()],
  ["responds with status 500", (provider) => provider.status(500)],
  ["responds with a page", (provider) => provider.html("jwks")],
  ["redirects", (provider) => provider.redirectTo("https://evil.test/", "discovery")],
  ["responds with 100 MB", (provider) => provider.bigBody(100_000_000)],
  ["publishes no key", (provider) => provider.rotate([])],
  ["names another issuer", (provider) => provider.setIssuer("https://evil.test")],
];

Deno.test("Whatever a provider does wrong, a good token is accepted with the cached keys.", async (t) => {
  const seen = await Promise.all(FAULTS.map(async ([, play]) => {
    await using stack = await startStack(QUICK);
    const { log } = stack.proxy;
    const call = async (jti: string) =>
      (await stack.call(`Bearer ${await stack.token({ jti })}`)).status;
    const first = await call("first");
    await play(stack.provider);
    await eventually("a fetch that failed", () => log.lines.some(({ level }) => level === "warn"));
    return { statuses: [first, await call("second")], log };
  }));
  for (const [index, [sentence]] of FAULTS.entries()) {
    await t.step(`a provider that ${sentence}`, () => {
      const { statuses, log } = seen[index] ?? {};
      assertEquals(statuses, [200, 200]);
      assertIncludes(log?.text() ?? "", "using cached keys");
      assert(
        log?.lines.every(({ level, fields }) => level !== "warn" || fields.hint !== undefined),
      );
    });
  }
});

Deno.test("PROVIDER_CA_FILE makes a provider trusted, and is read again when it changes.", async () => {
  await using authority = await makeAuthority();
  await using other = await makeAuthority();
  await using provider = startProvider({
    keys: [publicJwk(await rsaKey(), { kid: kid() })],
    tls: await servedCertificate(authority),
  });
  const file = `${authority.dir}/trusted.pem`;
  await Deno.writeTextFile(file, await other.certificate("root"));
  await using service = await startService({
    settings: {
      NUM_WORKERS: "1",
      PROVIDER_URL: provider.url,
      PROVIDER_CA_FILE: file,
      WATCH_FILES: "true",
    },
  });
  const token = await service.token({ iss: provider.url });
  const status = async () =>
    (await service.get("/", { headers: { authorization: `Bearer ${token}` } })).status;
  assertEquals(await status(), 503);
  const { error, hint } = await service.logged(
    "JWKS fetch failed, no cached keys, responding 503",
  );
  assertEquals(error, "shows a certificate of an authority that is not trusted");
  assertIncludes(String(hint), "PROVIDER_CA_FILE");

  await Deno.writeTextFile(file, await authority.certificate("root"));
  await service.logged("configuration reloaded");
  await eventually("keys", async () => await status() === 200, service.process);

  await Deno.writeTextFile(file, "garbage");
  service.process.signal("SIGHUP");
  const { problem } = await service.logged(
    "reload failed, keeping current configuration",
  );
  assertEquals(problem, `PROVIDER_CA_FILE "${file}": holds no certificate in PEM`);
  assertEquals(await status(), 200);
});

Deno.test("A PROVIDER_CA_FILE that cannot be used ends the start with one line and exit code 64.", async () => {
  const dir = await Deno.makeTempDir({ prefix: "ooproxy_ca_" });
  const damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const cases = [
    ["missing", undefined, "cannot be read (no such file)"],
    ["empty", "", "holds no certificate in PEM"],
    ["damaged", damaged, "holds a certificate that is damaged"],
  ] as const;
  try {
    await Promise.all(cases.map(async ([name, text, said]) => {
      if (text !== undefined) await Deno.writeTextFile(`${dir}/${name}`, text);
      await using program = startProcess({
        cwd: dir,
        env: {
          LISTEN_URL: "127.0.0.1:0",
          ADMIN_URL: "off",
          PROVIDER_URL: "https://127.0.0.1:9",
          PROVIDER_CA_FILE: `${dir}/${name}`,
          UPSTREAM_URL: "http://127.0.0.1:9",
        },
      });
      assertEquals((await program.ended()).code, 64, program.output());
      const lines = program.stderr.filter((line) => line.startsWith("error: "));
      assertEquals(lines, [`error: PROVIDER_CA_FILE "${dir}/${name}": ${said}`]);
    }));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("With JWKS_URI and ISSUER keys come from there alone, and a wrong clock there is shown.", async () => {
  await using keys = startProvider({ keys: [publicJwk(await rsaKey(), { kid: kid() })] });
  keys.setClock(-60_000);
  const issuer = "https://public.test";
  await using service = await startService({
    settings: { JWKS_URI: keys.jwksUrl, ISSUER: issuer },
  });
  const scrape = async () => (await service.admin("/metrics")).text;
  assertExcludes(await scrape(), "ooproxy_provider_clock_skew_seconds");
  const headers = { authorization: `Bearer ${await service.token({ iss: issuer })}` };
  assertEquals((await service.get("/", { headers })).status, 200);
  assertEquals([service.provider.count(), keys.count("discovery"), keys.count("jwks")], [0, 0, 1]);
  const skew = await service.metric('ooproxy_provider_clock_skew_seconds{provider="default"}');
  assert(skew <= -50 && skew >= -60, `${skew} s`);
  assertIncludes(await scrape(), "# TYPE ooproxy_provider_clock_skew_seconds gauge\n");
  const { secs } = await service.logged(
    "provider clock behind, tokens may expire early",
  );
  assertEquals(secs, Math.round(-skew));
});
