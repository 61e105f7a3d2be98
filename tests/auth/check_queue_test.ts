import { setImmediate } from "node:timers";
import { CheckQueue } from "../../src/auth/check_queue.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

const busyFor = (ms: number) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

Deno.test("Checks run one after the other, in order, and each gives its own outcome.", async () => {
  const queue = new CheckQueue(10, systemClock);
  const order: number[] = [];
  const outcomes = await Promise.all([1, 2, 3].map((n) =>
    queue.run(async () => {
      order.push(n);
      await Promise.resolve();
      order.push(n);
      return n === 2;
    })
  ));
  assertEquals(outcomes, [false, true, false]);
  assertEquals(order, [1, 1, 2, 2, 3, 3]);
});

Deno.test("What is more than the bound is turned away at once, and has its chance later.", async () => {
  const queue = new CheckQueue(2, systemClock);
  const first = queue.run(() => Promise.resolve(true));
  const second = queue.run(() => Promise.resolve(false));
  assertEquals(queue.run(() => Promise.resolve(true)), undefined);
  assertEquals([await first, await second], [true, false]);
  await new Promise((done) => setTimeout(done, 5));
  assertEquals(await queue.run(() => Promise.resolve(true)), true);
});

Deno.test("A check that throws rejects for its caller alone.", async () => {
  const queue = new CheckQueue(10, systemClock);
  const bad = queue.run(() => Promise.reject(new Error("a bug")));
  const good = queue.run(() => Promise.resolve(true));
  let message = "";
  await bad?.catch((error: Error) => message = error.message);
  assertEquals([message, await good], ["a bug", true]);
});

/** How many of 40 checks have run when an immediate has its turn that was asked for first. */
async function seenBetween(right: boolean, ms: number): Promise<number> {
  const queue = new CheckQueue(100, ms === 0 ? new FakeClock() : systemClock);
  let checked = 0;
  let seen = -1;
  setImmediate(() => seen = checked);
  const all = Array.from({ length: 40 }, () =>
    queue.run(() => {
      busyFor(ms);
      checked++;
      return Promise.resolve(right);
    }));
  await Promise.all(all);
  if (seen === -1) await new Promise<void>((done) => setImmediate(done));
  return seen;
}

Deno.test("Between right signatures everything else has its turn every now and then.", async () => {
  const seen = await seenBetween(true, 0.5);
  assert(seen >= 0 && seen < 40, `it ran after ${seen} of 40 checks`);
});

Deno.test("The queue yields after each failed check, however quick.", async () => {
  // On a clock that stands still no check yields because of the time.
  assertEquals(await seenBetween(true, 0), 40);
  const seen = await seenBetween(false, 0);
  assert(seen >= 0 && seen < 40, `it ran after ${seen} of 40 checks`);
});
