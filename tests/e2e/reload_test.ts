/** Changed settings and certificates are taken over while the service serves. */
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { LISTENER_GRACE_MS } from "../../src/limits.ts";
import { freePort } from "../support/free_port.ts";
import { startLoad } from "../support/load.ts";
import { makeAuthority, type TestAuthority } from "../support/pfx.ts";
import { startProvider } from "../support/provider.ts";
import { eventually, pause, type Service, startService } from "./harness.ts";

/** Requests on connections of their own: enough that every worker of three gets some. */
const MANY = 24;

/** Writes the settings file and asks for a reload. */
async function reloadWith(service: Service, toml: string, msg = IN_USE): Promise<void> {
  await Deno.writeTextFile(`${service.dir}/settings.toml`, toml);
  const before = times(service, msg);
  service.process.signal("SIGHUP");
  await eventually(`"${msg}"`, () => times(service, msg) > before, service.process);
}

const READING = "reloading configuration";
const IN_USE = "configuration reloaded";
const REFUSED = "reload failed, keeping current configuration";

function times(service: Service, msg: string): number {
  return service.log().filter((line) => line.msg === msg).length;
}

/** The statuses of many requests at once, each on a connection of its own. */
async function statuses(service: Service, token: string, url = service.url()): Promise<number[]> {
  const all = await Promise.all(Array.from({ length: MANY }, async () => {
    using client = Deno.createHttpClient({});
    const headers = { authorization: `Bearer ${token}`, connection: "close" };
    const response = await fetch(url, { headers, client });
    await response.body?.cancel();
    return response.status;
  }));
  return [...new Set(all)];
}

for (const workers of ["1", "2"]) {
  Deno.test(`Three reloads under load break no request and refuse none, with NUM_WORKERS=${workers}.`, async () => {
    await using service = await startService({ settings: { NUM_WORKERS: workers }, toml: "" });
    const token = await service.token();
    await using load = startLoad({ url: service.url(), token, keepAlive: 6, fresh: 6 });
    await load.more(100);
    for (const leeway of [1, 2, 3]) {
      await reloadWith(service, `leeway = ${leeway}\n`);
      await load.more(200);
    }
    const counts = await load.stop();
    assertEquals(Object.keys(counts), ["ok"], load.failures().join("\n"));
    assertEquals(await service.metric('ooproxy_reloads_total{result="ok"}'), 3);
    assertEquals(await service.metric("ooproxy_worker_restarts_total"), 0);
  });

  Deno.test(`A changed AUDIENCE holds in every worker at once, with NUM_WORKERS=${workers}.`, async () => {
    await using service = await startService({
      settings: { NUM_WORKERS: workers },
      toml: `audience = '"test-audience"'\n`,
    });
    const token = await service.token();
    assertEquals(await statuses(service, token), [200]);
    await reloadWith(service, `audience = '"another"'\n`);
    assertEquals(await statuses(service, token), [401]);
    assertEquals(await statuses(service, await service.token({ aud: "another" })), [200]);
    // The provider has not been asked again: it is the same one.
    assertEquals(service.provider.count("jwks"), 1);
  });

  Deno.test(`A changed LISTEN_URL is served, the old address no longer, with NUM_WORKERS=${workers}.`, async () => {
    const [first, second] = [freePort(), freePort()];
    await using service = await startService({
      settings: { NUM_WORKERS: workers, LISTEN_URL: undefined },
      toml: `listen_url = "127.0.0.1:${first}"\n`,
    });
    const token = await service.token();
    await reloadWith(service, `listen_url = "127.0.0.1:${second}"\n`);
    assertEquals(await statuses(service, token, `http://127.0.0.1:${second}/`), [200]);
    await service.logged("listening", { url: `http://127.0.0.1:${second}` });
    await eventually("the old port's end", () => isFree(first));
  });
}

Deno.test("Wrong settings on reload: every problem is logged, the old ones stay in use.", async () => {
  await using service = await startService({ toml: "" });
  const token = await service.token();
  await reloadWith(service, 'leeway = "x"\nnum_workers = -1\nkey_cooldown = 3\n', REFUSED);
  const text = await eventually("three problems", () => {
    const problems = service.log().filter(({ msg }) => msg === REFUSED);
    return problems.length >= 3 && problems.map(({ problem }) => String(problem)).join("\n");
  });
  for (const name of ["LEEWAY", "NUM_WORKERS", "key_cooldown"]) assertIncludes(text, name);
  assertEquals(await statuses(service, token), [200]);
  assertEquals(await service.metric('ooproxy_reloads_total{result="refused"}'), 1);
  await reloadWith(service, "leeway = 4\n");
  assertEquals(await statuses(service, token), [200]);
});

Deno.test("What needs a restart is said, and nothing changes.", async () => {
  await using service = await startService({
    settings: { NUM_WORKERS: undefined, ADMIN_URL: undefined },
    toml: 'num_workers = 2\nadmin_url = "127.0.0.1:0"\n',
  });
  await reloadWith(service, 'num_workers = 1\nadmin_url = "off"\n', REFUSED);
  await service.logged(REFUSED, { problem: "ADMIN_URL changed: needs a restart" });
  await service.logged(REFUSED, {
    problem: "NUM_WORKERS changed from or to 1: needs a restart",
  });
  assertEquals((await service.admin("/readyz")).status, 200);
});

Deno.test("An address that is taken is not taken over, in no worker.", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = freePort();
  const toml = `listen_url = "127.0.0.1:${port}"\naudience = '"test-audience"'\n`;
  await using service = await startService({ settings: { LISTEN_URL: undefined }, toml });
  const changed = toml.replace(String(port), String(taken.addr.port)).replace("test-", "");
  await reloadWith(service, changed, REFUSED);
  assertEquals(await statuses(service, await service.token()), [200]);
});

Deno.test("A reload that a worker refuses changes nothing: not the log, not the trust, not the keys in memory.", async () => {
  await using other = startProvider({ keys: [] });
  const kept = { LISTEN_URL: undefined, PROVIDER_URL: undefined };
  const first = freePort();
  const toml = (port: number, rest: string) => `listen_url = "127.0.0.1:${port}"\n${rest}`;
  await using running = await startService({
    settings: kept,
    tomlFor: ({ url }) => toml(first, `provider_url = "${url}"\n`),
  });
  const token = await running.token();
  assertEquals(await statuses(running, token), [200]);
  const fetched = running.provider.count("jwks");
  // Workers that stand still take the settings only when the address is no longer free.
  for (const pid of running.workers()) Deno.kill(pid, "SIGSTOP");
  const wanted = freePort();
  const changed = toml(wanted, `provider_url = "${other.url}"\nlog_level = "debug"\n`);
  await Deno.writeTextFile(`${running.dir}/settings.toml`, changed);
  running.process.signal("SIGHUP");
  await running.logged(READING);
  await pause(300);
  using _taken = Deno.listen({ hostname: "127.0.0.1", port: wanted });
  for (const pid of running.workers()) Deno.kill(pid, "SIGCONT");
  await running.logged(REFUSED);
  running.provider.status(500);
  assertEquals(await statuses(running, token), [200]);
  assertEquals(await statuses(running, await running.token({ jti: "another" })), [200]);
  assertEquals([running.provider.count("jwks"), other.count()], [fetched, 0]);
  assertEquals(running.log().filter(({ level }) => level === "debug"), []);
});

Deno.test("NUM_WORKERS goes from 2 to 3 and back under load without a failure, and no count is lost.", async () => {
  await using service = await startService({
    settings: { NUM_WORKERS: undefined },
    toml: "num_workers = 2\n",
  });
  const token = await service.token();
  await using load = startLoad({ url: service.url(), token, keepAlive: 6, fresh: 2, backoffMs: 2 });
  await load.more(50);
  await reloadWith(service, "num_workers = 3\n");
  await eventually("three workers", async () => await service.metric("ooproxy_workers") === 3);
  await load.more(200);
  assertEquals(service.workers().length, 3);
  await reloadWith(service, "num_workers = 2\n");
  await eventually("two workers", () => service.workers().length === 2);
  await load.more(50);
  const { ok = 0, ...others } = await load.stop();
  // A worker that goes closes its listener: what has just connected to it may be closed unheard, and
  // what is about to is reset.
  const { closed = 0, cut = 0, refused = 0, ...bad } = others;
  assertEquals(bad, {}, load.failures().join("\n"));
  assert(closed + cut + refused <= 8, load.failures().join("\n"));
  const counted = await service.metric('ooproxy_requests_total{decision="allowed",status="2xx"}');
  assertEquals(counted, ok);
  assertEquals(await service.metric("ooproxy_worker_restarts_total"), 0);
});

Deno.test("A request that runs on is finished with the settings it began with.", async () => {
  const held = Promise.withResolvers<void>();
  await using service = await startService({
    toml: "",
    upstream: (_request, { target }) => {
      if (target !== "/slow") return new Response(`echo ${target}`);
      const body = new ReadableStream({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode("first "));
          await held.promise;
          controller.enqueue(new TextEncoder().encode("last"));
          controller.close();
        },
      });
      return new Response(body);
    },
  });
  const running = service.get("/slow");
  await eventually("the request", () => service.upstream.requests.length === 1);
  await reloadWith(service, `audience = '"another"'\nupstream_url = "http://127.0.0.1:9"\n`);
  await pause(100);
  held.resolve();
  assertEquals((await running).text, "first last");
});

Deno.test("A worker that dies during a reload comes up with the new settings.", async () => {
  await using service = await startService({ toml: "" });
  const token = await service.token();
  for (const pid of service.workers()) Deno.kill(pid, "SIGKILL");
  await reloadWith(service, `audience = '"another"'\n`);
  await eventually("both", async () => await service.metric("ooproxy_workers") === 2);
  assertEquals(await statuses(service, token), [401]);
});

/** Most new connections closed unheard in three changes: three times what was seen under load. */
const CLOSED_UNHEARD = 40;

Deno.test("Three changes of the certificate under load break no request that was taken.", async () => {
  await using authority = await makeAuthority();
  await certificates(authority);
  await using service = await startService({ settings: tlsSettings(authority) });
  const [, url = ""] = service.urls();
  await using load = startLoad({
    url,
    token: await service.token(),
    keepAlive: 4,
    fresh: 6,
    caCert: await authority.certificate("root"),
  });
  await load.more(50);
  for (const name of ["two", "one", "two"]) {
    await use(authority, name);
    const before = times(service, IN_USE);
    service.process.signal("SIGHUP");
    await eventually("the reload", () => times(service, IN_USE) > before);
    await load.more(50);
  }
  // The listeners of the old certificates go some seconds later.
  await pause(LISTENER_GRACE_MS + 1000);
  const { cut = 0, refused = 0, ok = 0, ...others } = await load.stop();
  // No request that was taken breaks, and no client that keeps its connection notices. Connections made
  // in the very moments before the old listener closes are closed unheard or reset: they are few.
  assertEquals(others, {}, load.failures().join("\n"));
  const lost = cut + refused;
  assert(ok > 0 && lost <= CLOSED_UNHEARD, `${lost} of ${ok}: ${load.failures().join("\n")}`);
  assertEquals(await subject(authority, service), "two");
});

for (const workers of ["1", "2"]) {
  Deno.test(`WATCH_FILES takes over settings, certificate and secret by itself, with NUM_WORKERS=${workers}.`, async () => {
    await using authority = await makeAuthority();
    const root = await authority.certificate("root");
    await certificates(authority);
    const toml = "watch_files = true\n";
    await using service = await startService({
      settings: { NUM_WORKERS: workers, ...tlsSettings(authority) },
      toml,
    });
    const token = await service.token();
    assertEquals(await subject(authority, service), "one");
    await Deno.writeTextFile(`${service.dir}/settings.toml`, `${toml}audience = '"another"'\n`);
    await eventually("401", async () => (await statuses(service, token))[0] === 401);
    await use(authority, "two");
    await eventually(
      "the other certificate",
      async () => await subject(authority, service) === "two",
    );
    assert(root.length > 0);
    // A file that is unreadable for a while changes nothing.
    await Deno.writeTextFile(`${service.dir}/settings.toml`, "watch_files = ");
    await service.logged(REFUSED);
    assertEquals(await statuses(service, token), [401]);
  });
}

Deno.test("A wrong certificate password on reload changes nothing and is not logged.", async () => {
  await using authority = await makeAuthority();
  await certificates(authority);
  await Deno.writeTextFile(`${authority.dir}/password`, "secret");
  await using service = await startService({
    settings: {
      ...tlsSettings(authority),
      CERT_PASSWORD: undefined,
      CERT_PASSWORD_FILE: `${authority.dir}/password`,
    },
    toml: "",
  });
  await Deno.writeTextFile(`${authority.dir}/password`, "wrong-password-91");
  await reloadWith(service, "", REFUSED);
  assertIncludes(String((await service.logged(REFUSED)).problem), "password");
  assert(!service.process.output().includes("wrong-password-91"));
  assertEquals(await subject(authority, service), "one");
  assertEquals(await statuses(service, await service.token()), [200]);
});

function tlsSettings(authority: TestAuthority): Record<string, string> {
  return {
    LISTEN_SSL_URL: "127.0.0.1:0",
    CERT_FILE: `${authority.dir}/used.pfx`,
    CERT_PASSWORD: "secret",
  };
}

/** Two certificates, the first of them in use. */
async function certificates(authority: TestAuthority): Promise<void> {
  await Promise.all(["one", "two"].map((name) => authority.leaf(name, "P-256")));
  for (const name of ["one", "two"]) await authority.pfx(name, { others: ["inner", "outer"] });
  await use(authority, "one");
}

/** Puts one of the certificates in the place of the one in use, in one step. */
async function use(authority: TestAuthority, name: string): Promise<void> {
  await Deno.copyFile(`${authority.dir}/${name}.pfx`, `${authority.dir}/next.pfx`);
  await Deno.rename(`${authority.dir}/next.pfx`, `${authority.dir}/used.pfx`);
}

/** The name on the certificate that a new connection gets. */
async function subject(authority: TestAuthority, service: Service): Promise<string> {
  const { host } = new URL(service.urls().find((url) => url.startsWith("https:")) ?? "");
  const shown = await authority.openssl(["s_client", "-connect", host, "-CAfile", "root.crt"]);
  return /subject=.*CN ?= ?(\w+)/.exec(shown)?.[1] ?? shown;
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch {
    return false;
  }
}
