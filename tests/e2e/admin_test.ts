/** What operators and their tools see of the running service. */
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { makeAuthority } from "../support/pfx.ts";
import { openRaw } from "../support/raw.ts";
import { breakSignature } from "../support/tokens.ts";
import { eventually, pause, seriesOf, startService, total } from "./harness.ts";

Deno.test("Readiness follows the keys: not needed yet, held, and held while the provider is down.", async () => {
  await using service = await startService();
  const verbose = await service.admin("/readyz?verbose");
  assertEquals(verbose.status, 200);
  assertEquals(
    verbose.text,
    "[+]workers 2 of 2 accept requests\n[+]keys not needed yet\n[+]shutdown not shutting down\nreadyz check passed\n",
  );
  assertEquals((await service.admin("/readyz")).text, "ok\n");
  assertEquals((await service.admin("/livez?verbose")).text.split("\n")[1], "livez check passed");

  await service.get();
  assertIncludes((await service.admin("/readyz?verbose")).text, "[+]keys 1 held, fetched ");

  await service.provider.refuse();
  await pause(1000);
  const stranger = await service.token({}, { kid: "unknown" });
  const refused = await service.get("/", { headers: { authorization: `Bearer ${stranger}` } });
  assert(refused.status === 401 || refused.status === 503, `${refused.status}`);
  await service.logged("JWKS refresh failed, using cached keys");
  assertEquals((await service.admin("/readyz")).status, 200);
  assertEquals((await service.get("/on")).text, "echo /on");
  assertEquals(
    await service.metric('ooproxy_key_fetches_total{provider="default",result="unreachable"}'),
    1,
  );
  service.provider.comeBack();
});

Deno.test("A provider that is down before the first keys makes the service unready until it is back.", async () => {
  await using service = await startService();
  await service.provider.refuse();
  assertEquals((await service.admin("/readyz")).status, 200);
  assertEquals((await service.get()).status, 503);
  const unready = await service.admin("/readyz");
  assertEquals(unready.status, 503);
  assertEquals(
    unready.text,
    "[-]keys none: JWKS fetch failed\nreadyz check failed\n",
  );
  assertEquals((await service.admin("/livez")).status, 200);
  service.provider.comeBack();
  await eventually("a response", async () => (await service.get()).status === 200);
  assertEquals((await service.admin("/readyz")).status, 200);
});

Deno.test("The admin listener serves only GET and HEAD on its three paths.", async () => {
  await using service = await startService();
  assertEquals((await service.admin("/")).status, 404);
  assertEquals((await service.admin("/metrics/")).status, 404);
  const post = await fetch(`${service.adminUrl()}/livez`, { method: "POST" });
  await post.body?.cancel();
  assertEquals([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
  const head = await fetch(`${service.adminUrl()}/readyz`, { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
  await using socket = await openRaw(Number(new URL(service.adminUrl()).port));
  await socket.send("GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n");
  assertEquals((await socket.readResponse()).status, 400);
  // The public port knows nothing of them: they are paths of the upstream.
  const url = `${service.url()}/metrics`;
  const response = await fetch(url);
  await response.body?.cancel();
  assertEquals(response.status, 401);
  assertEquals((await service.get("/livez")).text, "echo /livez");
  // Everything said on standard error is a log line.
  assert(service.log().length > 0);
});

Deno.test("ADMIN_URL=off closes the admin listener.", async () => {
  await using service = await startService({ settings: { ADMIN_URL: "off" } });
  assertEquals((await service.get("/x")).text, "echo /x");
  assertEquals(service.log().some(({ msg }) => msg === "admin"), false);
});

Deno.test("Metrics are exact sums over four workers, within bounded labels.", async () => {
  await using service = await startService({
    settings: { NUM_WORKERS: "4", AUDIENCE: '"test-audience"' },
    upstream: (_request, { target }) =>
      target === "/missing" ? new Response("no", { status: 404 }) : new Response(`echo ${target}`),
  });
  const good = await service.token();
  const expired = await service.token({ exp: 1_000_000 });
  const foreign = await service.token({ aud: "another" });
  const names = new Set(seriesOf((await service.admin("/metrics")).text).keys());
  const plan = [
    { path: "/fine", token: good, status: 200, times: 60 },
    { path: "/missing", token: good, status: 404, times: 20 },
    { path: "/fine", token: expired, status: 401, times: 15 },
    { path: "/fine", token: foreign, status: 401, times: 10 },
    { path: "/fine", token: breakSignature(good), status: 401, times: 10 },
    { path: "/fine", token: "no jwt", status: 400, times: 5 },
  ];
  for (const { path, token, status, times } of plan) {
    const statuses = await Promise.all(Array.from({ length: times }, async () => {
      using client = Deno.createHttpClient({});
      const headers = { authorization: `Bearer ${token}`, connection: "close" };
      const response = await fetch(service.url() + path, { headers, client });
      await response.body?.cancel();
      return response.status;
    }));
    assertEquals(statuses, Array(times).fill(status));
  }
  const all = plan.reduce((sum, { times }) => sum + times, 0);
  // A client may have its whole response a moment before it is counted.
  const text = await eventually("every request", async () => {
    const scrape = (await service.admin("/metrics")).text;
    return total(scrape, "ooproxy_requests_total") >= all && scrape;
  });
  const series = seriesOf(text);
  assertEquals(total(text, "ooproxy_requests_total"), all);
  assertEquals(series.get('ooproxy_requests_total{decision="allowed",status="2xx"}'), 60);
  assertEquals(series.get('ooproxy_requests_total{decision="allowed",status="4xx"}'), 20);
  assertEquals(series.get('ooproxy_requests_total{decision="refused",status="4xx"}'), 40);
  assertEquals(series.get('ooproxy_refusals_total{reason="expired"}'), 15);
  assertEquals(series.get('ooproxy_refusals_total{reason="wrong_audience"}'), 10);
  assertEquals(series.get('ooproxy_refusals_total{reason="bad_signature"}'), 10);
  assertEquals(series.get('ooproxy_refusals_total{reason="malformed_credentials"}'), 5);
  assertEquals(series.get("ooproxy_request_duration_seconds_count"), all);
  assertEquals(series.get('ooproxy_request_duration_seconds_bucket{le="+Inf"}'), all);
  assertEquals(series.get("ooproxy_upstream_duration_seconds_count"), 80);
  assertEquals(series.get("ooproxy_requests_in_flight"), 0);
  assertEquals(series.get("ooproxy_workers"), 4);
  assertEquals(series.get('ooproxy_keys{provider="default"}'), 1);
  assertEquals(series.get('ooproxy_key_fetches_total{provider="default",result="ok"}'), 1);
  assertIncludes(text, `ooproxy_build_info{version="`);
  // No request adds a series; only the keys do.
  const fresh = [...series.keys()].filter((name) => !names.has(name));
  assertEquals(fresh.toSorted(), [
    'ooproxy_keys_age_seconds{provider="default"}',
    'ooproxy_provider_clock_skew_seconds{provider="default"}',
  ]);
});

Deno.test("promtool accepts the metrics, and the certificate's expiry is one of them.", async () => {
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256");
  await authority.pfx("leaf");
  await using service = await startService({
    settings: {
      LISTEN_SSL_URL: "127.0.0.1:0",
      CERT_FILE: `${authority.dir}/leaf.pfx`,
      CERT_PASSWORD: "secret",
    },
  });
  await service.get();
  const scrape = await service.admin("/metrics");
  assertEquals(scrape.type, "text/plain; version=0.0.4; charset=utf-8");
  const shown = await authority.openssl(["x509", "-in", "leaf.crt", "-noout", "-enddate"]);
  assertEquals(
    seriesOf(scrape.text).get("ooproxy_certificate_expiry_timestamp_seconds"),
    Date.parse(shown.trim().replace("notAfter=", "")) / 1000,
  );
  const verdict = await promtool(scrape.text);
  if (verdict === undefined) {
    Deno.stderr.writeSync(new TextEncoder().encode(
      "not checked: promtool is not installed (Debian: apt-get install prometheus)\n",
    ));
    return;
  }
  assertEquals(verdict, "");
});

/** What `promtool check metrics` has to say: nothing, where all is well. */
async function promtool(metrics: string): Promise<string | undefined> {
  try {
    const process = new Deno.Command("promtool", {
      args: ["check", "metrics"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = process.stdin.getWriter();
    await writer.write(new TextEncoder().encode(metrics));
    await writer.close();
    const { success, stdout, stderr } = await process.output();
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    return success ? said.trim() : `failed: ${said}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
