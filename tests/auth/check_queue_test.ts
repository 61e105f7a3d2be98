import { setImmediate } from "node:timers";
import { type Check, CheckQueue } from "../../src/auth/check_queue.ts";
import { MAX_CHECK_WAITERS } from "../../src/limits.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { clientAt } from "../support/client.ts";
import { FakeClock } from "../support/clock.ts";

let tokens = 0;

/** Queues a check of a token of its own, or of this one, for a client at this address. */
function run(
  queue: CheckQueue,
  check: Check,
  { token = `token ${++tokens}`, address = "192.0.2.1", keys = "keys" } = {},
): Promise<boolean | undefined> {
  return queue.run({ token, keys, client: clientAt(address), check });
}

const right = () => Promise.resolve(true);
const wrong = () => Promise.resolve(false);

const busyFor = (ms: number) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

Deno.test("Checks run one after the other, in order, and each gives its own outcome.", async () => {
  const queue = new CheckQueue(10, systemClock);
  const order: number[] = [];
  const outcomes = await Promise.all([1, 2, 3].map((n) =>
    run(queue, async () => {
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
  const running = run(queue, right);
  const [first, second] = [run(queue, right), run(queue, wrong)];
  assertEquals(await run(queue, right), undefined);
  assertEquals([await running, await first, await second], [true, true, false]);
  await new Promise((done) => setTimeout(done, 5));
  assertEquals(await run(queue, right), true);
});

Deno.test("A check that throws rejects for its callers alone.", async () => {
  const queue = new CheckQueue(10, systemClock);
  const bad = run(queue, () => Promise.reject(new Error("a bug")));
  const good = run(queue, right);
  let message = "";
  await bad.catch((error: Error) => message = error.message);
  assertEquals([message, await good], ["a bug", true]);
});

Deno.test("Requests with the same token share one check, which with other keys is another one.", async () => {
  const queue = new CheckQueue(10, systemClock);
  let checks = 0;
  const check = () => {
    checks++;
    return Promise.resolve(true);
  };
  const gate = run(queue, right);
  const shared = Array.from({ length: 20 }, () => run(queue, check, { token: "same" }));
  const other = run(queue, wrong, { token: "same", keys: "newer keys" });
  await gate;
  assertEquals(new Set(await Promise.all(shared)), new Set([true]));
  assertEquals([await other, checks], [false, 1]);
});

Deno.test("When checks fill their places, the newest of the address with the most yields.", async () => {
  const queue = new CheckQueue(8, systemClock);
  const gate = Promise.withResolvers<boolean>();
  const running = run(queue, () => gate.promise);
  await Promise.resolve();
  const greedy = Array.from({ length: 8 }, () => run(queue, wrong, { address: "192.0.2.66" }));
  // Each of the others gets a place until all have as many as the greedy one.
  const others = Array.from(
    { length: 4 },
    (_, i) => run(queue, right, { address: `192.0.2.${i}` }),
  );
  gate.resolve(true);
  assertEquals(await running, true);
  assertEquals(await Promise.all(others), [true, true, true, true]);
  const expected = [false, false, false, false, undefined, undefined, undefined, undefined];
  assertEquals(await Promise.all(greedy), expected);
});

Deno.test("The requests that wait for one check are bounded too, and yield by their addresses.", async () => {
  const queue = new CheckQueue(8, systemClock);
  const gate = Promise.withResolvers<boolean>();
  const running = run(queue, () => gate.promise, { address: "192.0.2.200" });
  const same = { token: "same", address: "192.0.2.66" };
  const greedy = Array.from({ length: MAX_CHECK_WAITERS + 10 }, () => run(queue, right, same));
  const other = run(queue, right, { address: "192.0.2.2" });
  gate.resolve(true);
  await running;
  assertEquals(await other, true);
  const turnedAway = (await Promise.all(greedy)).filter((outcome) => outcome === undefined);
  assertEquals(turnedAway.length, 12);
});

/** How many of 40 checks have run when an immediate has its turn that was asked for first. */
async function seenBetween(right: boolean, ms: number): Promise<number> {
  const queue = new CheckQueue(100, ms === 0 ? new FakeClock() : systemClock);
  let checked = 0;
  let seen = -1;
  setImmediate(() => seen = checked);
  const all = Array.from({ length: 40 }, () =>
    run(queue, () => {
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
