import { MAX_KEY_WAITERS } from "../../src/limits.ts";
import type { KeySnapshot } from "../../src/oidc/key_source.ts";
import { ok } from "../../src/result.ts";
import { type KeyQuestion, RemoteKeys } from "../../src/worker/remote_keys.ts";
import { assert, assertEquals } from "../support/assert.ts";

const snapshot = (startedAt: number): KeySnapshot => ({
  generation: startedAt,
  startedAt,
  issuer: "https://issuer.test",
  keys: [],
});

Deno.test("Keys that are new enough need no question.", async () => {
  const keys = new RemoteKeys(() => {
    throw new Error("asked for keys");
  });
  assertEquals(keys.current(), undefined);
  keys.set(snapshot(10));
  assertEquals(await keys.since(10), ok(snapshot(10)));
});

Deno.test("Every reply goes to the call that asked, with the keys that were sent last.", async () => {
  const asked: KeyQuestion[] = [];
  const keys = new RemoteKeys((question) => asked.push(question));
  keys.set(snapshot(1));
  const [first, second] = [keys.since(5), keys.since(7)];
  assertEquals(asked, [{ id: 1, sinceMs: 5 }, { id: 2, sinceMs: 7 }]);
  keys.set(snapshot(8));
  keys.reply(2, ok(null));
  keys.reply(1, { ok: false, failure: { text: "no", retryAfterSecs: 3 } });
  assertEquals(await second, ok(snapshot(8)));
  assertEquals((await first).ok, false);
  assertEquals(keys.current(), snapshot(8));
  // A reply that nothing waits for is ignored.
  keys.reply(99, ok(null));
});

Deno.test("The newest keys are asked for without a time, also by one who has keys.", async () => {
  const asked: KeyQuestion[] = [];
  const keys = new RemoteKeys((question) => asked.push(question));
  keys.set(snapshot(1));
  const refused = keys.newest();
  keys.reply(1, { ok: false, failure: { text: "no", retryAfterSecs: 3, untilFetchMs: 2_100 } });
  const outcome = await refused;
  assertEquals(!outcome.ok && outcome.failure.untilFetchMs, 2_100);
  const newest = keys.newest();
  keys.set(snapshot(2));
  keys.reply(2, ok(null));
  assertEquals(await newest, ok(snapshot(2)));
  assertEquals(asked, [{ id: 1 }, { id: 2 }]);
});

Deno.test("Keys that the supervisor drops are gone, also for calls that wait for them.", async () => {
  const keys = new RemoteKeys(() => {});
  keys.set(snapshot(1));
  const asked = keys.since(5);
  keys.reply(1, ok(null));
  keys.set(undefined);
  assertEquals(keys.current(), undefined);
  assertEquals((await asked).ok, false);
});

Deno.test("Not more requests wait than the supervisor would let wait.", async () => {
  let asked = 0;
  const keys = new RemoteKeys(() => asked++);
  const waiting = Array.from({ length: MAX_KEY_WAITERS }, () => keys.since(1));
  const refused = await keys.since(1);
  assert(!refused.ok);
  assertEquals([asked, refused.failure.retryAfterSecs], [MAX_KEY_WAITERS, 1]);
  keys.set(snapshot(2));
  for (let id = 1; id <= MAX_KEY_WAITERS; id++) keys.reply(id, ok(null));
  await Promise.all(waiting);
  void keys.since(9);
  assertEquals(asked, MAX_KEY_WAITERS + 1);
});
