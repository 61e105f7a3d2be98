import { systemClock } from "../../src/ops/clock.ts";
import { Meter } from "../../src/ops/meter.ts";
import { keySettings, workerSettings } from "../../src/app/prepare.ts";
import { openBrokers } from "../../src/keys/key_brokers.ts";
import { startSupervisor } from "../../src/supervisor/supervisor.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { MemoryLog } from "../support/log.ts";
import { settings } from "../support/settings.ts";

/** Starts two workers by a command that is none of ours. */
async function supervise(command: string, args: readonly string[] = []) {
  const log = new MemoryLog();
  const meter = new Meter();
  const deps = { clock: systemClock, logFor: () => log, meter, nextGeneration: () => 1 };
  const keys = openBrokers(keySettings(settings()), deps);
  const started = await startSupervisor(workerSettings(settings({ NUM_WORKERS: "2" })), keys, {
    clock: systemClock,
    log,
    meter,
    command: { command, args },
    env: {},
  });
  // Those that are ended need a moment for it.
  await new Promise((resolve) => setTimeout(resolve, 100));
  return { started, log };
}

Deno.test("Where no worker comes up at all the start fails with the reason.", async () => {
  const { started, log } = await supervise("/bin/sh", ["-c", "exit 3"]);
  assert(!started.ok);
  assertEquals(started.failure, "exit code 3");
  assertEquals(
    log.lines.filter(({ message }) => message === "worker exited, restarting").length,
    2,
  );
});

Deno.test("A program that does not exist is reported.", async () => {
  const { started } = await supervise("/nowhere/at/all");
  assert(!started.ok);
  assertIncludes(started.failure, "cannot start a worker process");
});

Deno.test("A process that does not speak like a worker is killed and reported.", async () => {
  const { started } = await supervise("/bin/sh", ["-c", "echo hello; exec sleep 60"]);
  assert(!started.ok);
  assertEquals(started.failure, "sent an invalid message");
});

Deno.test("What a worker refuses to serve with is the reason of the failed start.", async () => {
  const says = '{"type":"refused","id":1,"text":"no such address"}';
  const { started } = await supervise("/bin/sh", ["-c", `echo '${says}'; exec sleep 60`]);
  assert(!started.ok);
  assertEquals(started.failure, "no such address");
});
