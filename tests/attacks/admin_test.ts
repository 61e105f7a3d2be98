/**
 * DNS rebinding: a page in a browser of the network gives its own name the address of the admin listener,
 * and then reads from it as if it were the page's own server. The name in `Host` gives such a request away.
 */
import { assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { rawRequest } from "../support/raw.ts";
import { type Service, startService } from "../e2e/harness.ts";

/** What the admin listener responds to one head, given without its end. */
async function ask(service: Service, head: string): Promise<{ status: number; body: string }> {
  const { port } = new URL(service.adminUrl());
  const sent = `${head}\r\n\r\n`;
  const { status, body } = await rawRequest(Number(port), sent, { until: "response" });
  return { status, body };
}

const statusFor = async (service: Service, host: string) =>
  (await ask(service, `GET /metrics HTTP/1.1\r\nHost: ${host}`)).status;

const EVIL = [
  "evil.example",
  "evil.example:9110",
  "evil.example.",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "evil",
  "evil/@localhost",
  "localhost@evil.example",
];

const OWN = [
  "127.0.0.1",
  "127.0.0.1:9110",
  "10.1.2.3:9110",
  "[::1]",
  "[fd00::1]:9110",
  "localhost",
  "LocalHost:9110",
  "localhost.:9110",
];

Deno.test("The admin listener tells nothing to a request under another host's name, unless that is allowed.", async () => {
  await using service = await startService({
    settings: { NUM_WORKERS: "1" },
    toml: 'admin_allowed_hosts = "proxy, ooproxy.internal"\n',
  });
  for (const host of EVIL) assertEquals([host, await statusFor(service, host)], [host, 421]);
  for (const host of OWN) assertEquals([host, await statusFor(service, host)], [host, 200]);
  for (const host of ["proxy:9110", "OOproxy.internal"]) {
    assertEquals([host, await statusFor(service, host)], [host, 200]);
  }

  // The name counts before the path and before the method, and is not repeated.
  for (const line of ["GET /livez", "GET /nothing", "DELETE /livez", "GET http://evil.example/"]) {
    const { status, body } = await ask(service, `${line} HTTP/1.1\r\nHost: evil.example`);
    assertEquals([line, status], [line, 421]);
    assertIncludes(body, "ADMIN_ALLOWED_HOSTS");
    assertExcludes(body, "evil");
  }

  // A browser always sends `Host`: a probe that sends none is no page.
  for (const version of ["1.0", "1.1"]) {
    assertEquals((await ask(service, `GET /readyz HTTP/${version}`)).status, 200);
  }

  await Deno.writeTextFile(`${service.dir}/settings.toml`, 'admin_allowed_hosts = "other"\n');
  service.process.signal("SIGHUP");
  await service.logged("configuration reloaded");
  assertEquals(await statusFor(service, "proxy"), 421);
  assertEquals(await statusFor(service, "other"), 200);
});

/** The machine's own name, if it has an address that can be listened on. */
function ownName(): string | undefined {
  try {
    const hostname = Deno.hostname();
    Deno.listen({ hostname, port: 0 }).close();
    return hostname;
  } catch {
    return undefined;
  }
}

const name = ownName();

Deno.test({
  name: "The name in ADMIN_URL may be used (skipped where the machine's own name has no address).",
  ignore: name === undefined || name === "localhost",
  async fn() {
    await using service = await startService({
      settings: { NUM_WORKERS: "1", ADMIN_URL: `${name}:0` },
    });
    const { port } = new URL(service.adminUrl());
    const statuses = await Promise.all([name, "evil.example"].map(async (host) => {
      using connection = await Deno.connect({ hostname: name ?? "", port: Number(port) });
      const head = `GET /livez HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: close\r\n\r\n`;
      await connection.write(new TextEncoder().encode(head));
      return (await new Response(connection.readable).text()).slice(0, "HTTP/1.1 200".length);
    }));
    assertEquals(statuses, ["HTTP/1.1 200", "HTTP/1.1 421"]);
  },
});
