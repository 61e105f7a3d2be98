import { CheckQueue } from "../../src/auth/check_queue.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { assert, assertEquals } from "../support/assert.ts";

const busyFor = (ms: number) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

Deno.test("Checks run one after the other, in order, and each tells its own outcome.", async () => {
  const queue = new CheckQueue(10, systemClock);
  const order: number[] = [];
  const outcomes = await Promise.all([1, 2, 3].map((n) =>
    queue.run(async () => {
      order.push(n);
      await Promise.resolve();
      order.push(n);
      return n * 10;
    })
  ));
  assertEquals(outcomes, [10, 20, 30]);
  assertEquals(order, [1, 1, 2, 2, 3, 3]);
});

Deno.test("What is more than the bound is turned away at once, and has its chance later.", async () => {
  const queue = new CheckQueue(2, systemClock);
  const first = queue.run(() => Promise.resolve("first"));
  const second = queue.run(() => Promise.resolve("second"));
  assertEquals(queue.run(() => Promise.resolve("third")), undefined);
  assertEquals([await first, await second], ["first", "second"]);
  await new Promise((done) => setTimeout(done, 5));
  assertEquals(await queue.run(() => Promise.resolve("later")), "later");
});

Deno.test("A check that throws rejects for its caller alone.", async () => {
  const queue = new CheckQueue(10, systemClock);
  const bad = queue.run(() => Promise.reject(new Error("a bug")));
  const good = queue.run(() => Promise.resolve(1));
  let message = "";
  await bad?.catch((error: Error) => message = error.message);
  assertEquals([message, await good], ["a bug", 1]);
});

Deno.test("Between the checks of a long queue everything else has its turn.", async () => {
  const queue = new CheckQueue(100, systemClock);
  let checked = 0;
  let seen = -1;
  setTimeout(() => seen = checked, 0);
  await Promise.all(
    Array.from({ length: 40 }, () =>
      queue.run(() => {
        busyFor(0.5);
        checked++;
        return Promise.resolve();
      })),
  );
  assert(seen >= 0 && seen < 40, `the timer ran after ${seen} of 40 checks`);
});
