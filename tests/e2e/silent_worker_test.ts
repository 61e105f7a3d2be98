/** In a file of its own, beside which the others run: it takes more than ten seconds. */
import { assert, assertEquals } from "../support/assert.ts";
import { eventually, runs, startService } from "./harness.ts";

// The slowest test: a silent worker is given 10 seconds.
Deno.test("A worker that stops responding is replaced.", async () => {
  await using service = await startService();
  const victim = service.workers()[0] ?? 0;
  Deno.kill(victim, "SIGSTOP");
  const line = await service.logged("worker not responding, replacing it");
  assertEquals(line.pid, victim);
  await eventually(
    "the new one",
    async () =>
      await service.metric("ooproxy_worker_restarts_total") === 1 &&
      await service.metric("ooproxy_workers") === 2,
  );
  assert(!service.workers().includes(victim) && !runs(victim));
});
