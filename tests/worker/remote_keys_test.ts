import type { KeySnapshot } from "../../src/oidc/key_source.ts";
import { ok } from "../../src/result.ts";
import { type KeyQuestion, RemoteKeys } from "../../src/worker/remote_keys.ts";
import { assertEquals } from "../support/assert.ts";

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
  assertEquals(await keys.fetch({ sinceMs: 10 }), ok(snapshot(10)));
});

Deno.test("Every reply goes to the call that asked, with the keys that were sent last.", async () => {
  const asked: KeyQuestion[] = [];
  const keys = new RemoteKeys((question) => asked.push(question));
  keys.set(snapshot(1));
  const wishes = [{ sinceMs: 5, missing: "kid a" }, { sinceMs: 7, guess: true }] as const;
  const [first, second] = wishes.map((wish) => keys.fetch(wish));
  assertEquals(asked, [{ id: 1, wish: wishes[0] }, { id: 2, wish: wishes[1] }]);
  keys.set(snapshot(8));
  keys.reply(2, ok(null));
  keys.reply(1, { ok: false, failure: { text: "no", retryAfterSecs: 3 } });
  assertEquals(await second, ok(snapshot(8)));
  assertEquals((await first)?.ok, false);
  assertEquals(keys.current(), snapshot(8));
  // A reply that nothing waits for is ignored.
  keys.reply(99, ok(null));
});

Deno.test("Who waits for keys of a provider that a reload removed is told at once, and so is who asks later.", async () => {
  let questions = 0;
  const keys = new RemoteKeys(() => questions++);
  keys.set(snapshot(1));
  const waiting = keys.fetch({ sinceMs: 5 });
  keys.close();
  for (const outcome of [await waiting, await keys.fetch({ sinceMs: 5 })]) {
    assertEquals(outcome.ok, false);
  }
  assertEquals(questions, 1);
  // Keys that are new enough are so for the requests that run.
  assertEquals(await keys.fetch({ sinceMs: 1 }), ok(snapshot(1)));
});

Deno.test("Keys that the supervisor drops are gone, also for calls that wait for them.", async () => {
  const keys = new RemoteKeys(() => {});
  keys.set(snapshot(1));
  const asked = keys.fetch({ sinceMs: 5 });
  keys.reply(1, ok(null));
  keys.set(undefined);
  assertEquals(keys.current(), undefined);
  assertEquals((await asked).ok, false);
});
