/** How the service ends. */
import { assert, assertEquals } from "../support/assert.ts";
import { startLoad } from "../support/load.ts";
import { openRaw } from "../support/raw.ts";
import type { UpstreamHandler } from "../support/upstream.ts";
import { echo, eventually, pause, startService } from "./harness.ts";

/** Responds to `/held` when released, to everything else at once. */
function holding() {
  const held = Promise.withResolvers<void>();
  const upstream: UpstreamHandler = async (request, recorded) => {
    if (recorded.target === "/held") await held.promise;
    return await echo(request, recorded);
  };
  return { release: held.resolve, upstream };
}

for (const workers of ["1", "2"]) {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.test(`${signal} with NUM_WORKERS=${workers}: running requests are finished, the log says so, exit code 0.`, async () => {
      const { release, upstream } = holding();
      await using service = await startService({ settings: { NUM_WORKERS: workers }, upstream });
      const running = Array.from({ length: 4 }, () => service.get("/held"));
      await eventually("the requests", () => service.upstream.requests.length === 4);
      service.process.signal(signal);
      await service.logged("shutting down, finishing running requests", { signal });
      await eventually("the closed port", () => refusesConnections(service.url()));
      assertEquals((await service.admin("/readyz")).status, 503);
      release();
      const texts = (await Promise.all(running)).map(({ text }) => text);
      assertEquals(texts, Array(4).fill("echo /held"));
      assertEquals((await service.process.ended()).code, 0);
      await service.logged("shutdown complete, every running request finished");
    });
  }

  Deno.test(`A request that never ends is aborted after SHUTDOWN_TIMEOUT_SECS, with NUM_WORKERS=${workers}.`, async () => {
    const { release, upstream } = holding();
    await using service = await startService({
      settings: { NUM_WORKERS: workers, SHUTDOWN_TIMEOUT_SECS: "1" },
      upstream,
    });
    const running = service.get("/held").catch(() => "aborted");
    await eventually("the request", () => service.upstream.requests.length === 1);
    const began = performance.now();
    service.process.signal("SIGTERM");
    const { code } = await service.process.ended();
    const tookMs = performance.now() - began;
    assert(tookMs > 900 && tookMs < 3000, `${tookMs} ms`);
    assertEquals([code, await running], [0, "aborted"]);
    await service.logged("shutdown complete, running requests aborted");
    release();
  });

  Deno.test(`A second signal ends at once, with NUM_WORKERS=${workers}.`, async () => {
    const { release, upstream } = holding();
    await using service = await startService({ settings: { NUM_WORKERS: workers }, upstream });
    const running = service.get("/held").catch(() => "aborted");
    await eventually("the request", () => service.upstream.requests.length === 1);
    service.process.signal("SIGTERM");
    await service.logged("shutting down, finishing running requests");
    const began = performance.now();
    service.process.signal("SIGINT");
    assertEquals((await service.process.ended()).code, 0);
    assert(performance.now() - began < 1000);
    assertEquals(await running, "aborted");
    await service.logged("shutdown complete, running requests aborted");
    release();
  });
}

Deno.test("During SHUTDOWN_DELAY_SECS /readyz says 503 while requests are accepted.", async () => {
  await using service = await startService({ settings: { SHUTDOWN_DELAY_SECS: "1" } });
  assertEquals((await service.admin("/readyz")).status, 200);
  service.process.signal("SIGTERM");
  await eventually("503", async () => (await service.admin("/readyz")).status === 503);
  const response = await fetch(`${service.url()}/late`, {
    headers: { authorization: `Bearer ${await service.token()}` },
  });
  assertEquals([response.status, await response.text()], [200, "echo /late"]);
  assertEquals((await service.admin("/livez")).status, 200);
  assertEquals((await service.process.ended()).code, 0);
});

Deno.test("An idle connection does not hold up the end.", async () => {
  await using service = await startService();
  const token = await service.token();
  await using socket = await openRaw(Number(new URL(service.url()).port));
  await socket.send(`GET /idle HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  assertEquals((await socket.readResponse()).status, 200);
  const began = performance.now();
  service.process.signal("SIGTERM");
  assertEquals((await service.process.ended()).code, 0);
  assert(performance.now() - began < 1500);
});

Deno.test("Under load no request that was accepted is lost at the end.", async () => {
  const responded = new Set<string>();
  await using service = await startService({
    settings: { SHUTDOWN_DELAY_SECS: "1" },
    upstream: async (request, recorded) => {
      await pause(20);
      responded.add(recorded.target);
      return await echo(request, recorded);
    },
  });
  const token = await service.token();
  await using load = startLoad({ url: service.url(), token, keepAlive: 8, fresh: 8 });
  await load.more(200);
  service.process.signal("SIGTERM");
  assertEquals((await service.process.ended()).code, 0);
  const { ok = 0, refused = 0, closed = 0, cut = 0, ...others } = await load.stop();
  assertEquals(others, {});
  assert(refused > 0, "clients met the closed port");
  // Every response of the upstream has reached its client.
  assertEquals(
    ok,
    responded.size,
    load.failures().filter((f) => !f.includes("refused")).join("\n"),
  );
  // Kept connections have all been asked to leave before. A new one may be closed before it has sent
  // anything, which loses no request: about one of each client.
  assertEquals(closed, 0, load.failures().join("\n"));
  assert(cut <= 16, load.failures().join("\n"));
  await service.logged("shutdown complete, every running request finished");
});

async function refusesConnections(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  try {
    (await Deno.connect({ hostname, port: Number(port) })).close();
    return false;
  } catch {
    return true;
  }
}
