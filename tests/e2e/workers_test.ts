/** What becomes of the service when its processes are killed or stop responding. */
import { assert, assertEquals } from "../support/assert.ts";
import { startLoad } from "../support/load.ts";
import { echo, eventually, pause, runs, seriesOf, startService } from "./harness.ts";

Deno.test("A worker that is killed under load is started again while the others serve on, and no counter goes back.", async () => {
  await using service = await startService({ settings: { NUM_WORKERS: "3" } });
  const before = service.workers();
  const token = await service.token();
  await using load = startLoad({ url: service.url(), token, keepAlive: 6, fresh: 6, backoffMs: 5 });
  await load.more(300);
  const scrapes = [(await service.admin("/metrics")).text];

  const victim = before[0] ?? 0;
  Deno.kill(victim, "SIGKILL");
  await service.logged("worker exited, restarting", { pid: victim, why: "SIGKILL" });
  await eventually("the third worker", async () => {
    scrapes.push((await service.admin("/metrics")).text);
    return await service.metric("ooproxy_workers") === 3;
  });
  await load.more(600);
  scrapes.push((await service.admin("/metrics")).text);
  const { ok = 0, closed = 0, cut = 0, refused = 0, ...others } = await load.stop();

  // What the killed worker had, accepted or not, breaks, once a client at most; nothing else does.
  assert(ok > 900 && closed + cut + refused <= 12, load.failures().join("\n"));
  assertEquals(others, {}, load.failures().join("\n"));
  assertEquals(await service.metric("ooproxy_worker_restarts_total"), 1);
  const now = service.workers();
  assertEquals([now.length, now.includes(victim)], [3, false]);
  assertEquals(scrapes.flatMap((scrape, at) => goneBack(scrapes[at - 1], scrape)), []);
});

Deno.test("After a restart SIGTERM still waits for running requests of every worker.", async () => {
  const held = Promise.withResolvers<void>();
  await using service = await startService({
    upstream: async (request, recorded) => {
      if (recorded.target === "/held") await held.promise;
      return await echo(request, recorded);
    },
  });
  for (const pid of service.workers()) Deno.kill(pid, "SIGKILL");
  await eventually(
    "two new workers",
    async () =>
      await service.metric("ooproxy_worker_restarts_total") === 2 &&
      await service.metric("ooproxy_workers") === 2,
  );
  const running = Array.from({ length: 6 }, () => service.get("/held"));
  await eventually("the requests", () => service.upstream.requests.length === 6);
  service.process.signal("SIGTERM");
  await service.logged("shutting down, finishing running requests");
  await pause(500);
  held.resolve();
  assertEquals((await Promise.all(running)).map(({ text }) => text), Array(6).fill("echo /held"));
  assertEquals((await service.process.ended()).code, 0);
  await service.logged("shutdown complete, every running request finished");
});

Deno.test("A stopped worker does not keep the service from ending.", async () => {
  await using service = await startService({ settings: { SHUTDOWN_TIMEOUT_SECS: "0" } });
  Deno.kill(service.workers()[0] ?? 0, "SIGSTOP");
  service.process.signal("SIGTERM");
  assertEquals((await service.process.ended()).code, 0);
  await service.logged("worker did not exit in time, killing it");
});

Deno.test("Workers whose supervisor is killed finish what runs and are gone within seconds.", async () => {
  const held = Promise.withResolvers<void>();
  await using service = await startService({
    settings: { NUM_WORKERS: "3" },
    upstream: async (request, recorded) => {
      if (recorded.target === "/held") await held.promise;
      return await echo(request, recorded);
    },
  });
  const workers = service.workers();
  const port = Number(new URL(service.url()).port);
  const running = service.get("/held");
  await eventually("the request", () => service.upstream.requests.length === 1);
  service.process.signal("SIGKILL");
  await eventually("the others' end", () => workers.filter(runs).length === 1);
  held.resolve();
  assertEquals((await running).text, "echo /held");
  const began = performance.now();
  await eventually("the end of all workers", () => !workers.some(runs));
  assert(performance.now() - began < 4000);
  Deno.listen({ hostname: "127.0.0.1", port }).close();
});

Deno.test("Without a supervisor a request that never ends does not keep its worker.", async () => {
  const never = Promise.withResolvers<Response>();
  await using service = await startService({ upstream: () => never.promise });
  const workers = service.workers();
  const running = service.get("/never").catch(() => "aborted");
  await eventually("the request", () => service.upstream.requests.length === 1);
  service.process.signal("SIGKILL");
  await eventually("the end of all workers", () => !workers.some(runs));
  assertEquals(await running, "aborted");
  never.resolve(new Response());
});

/** Counters and buckets that are lower in the later scrape. */
function goneBack(before: string | undefined, after: string): string[] {
  if (before === undefined) return [];
  const later = seriesOf(after);
  return [...seriesOf(before)]
    .filter(([name]) => /_total|_bucket|_count|_sum/.test(name))
    .filter(([name, value]) => (later.get(name) ?? -1) < value)
    .map(([name, value]) => `${name}: ${value} → ${later.get(name)}`);
}
