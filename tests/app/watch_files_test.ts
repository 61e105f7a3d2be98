import { WATCH_INTERVAL_MS } from "../../src/limits.ts";
import { FileWatch } from "../../src/app/watch_files.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

function watched(contents: Record<string, string | undefined>) {
  const clock = new FakeClock();
  let changes = 0;
  const watch = new FileWatch(() => ["a", "b"], () => changes++, clock, (path) => contents[path]);
  watch.use(true);
  const stop = () => watch.use(false);
  return { clock, stop, changes: () => changes, look: () => clock.advance(WATCH_INTERVAL_MS) };
}

Deno.test("A change is reported once, when it has stayed for an interval.", async () => {
  const contents: Record<string, string | undefined> = { a: "1", b: "1" };
  const { look, changes, stop, clock } = watched(contents);
  await look();
  assertEquals(changes(), 0);
  contents.b = "2";
  await look();
  assertEquals(changes(), 0);
  await look();
  assertEquals(changes(), 1);
  await look();
  assertEquals(changes(), 1);
  stop();
  assertEquals(clock.pending, 0);
});

Deno.test("A file that is being written, or goes and comes back as it was, is left alone.", async () => {
  const contents: Record<string, string | undefined> = { a: "1", b: "1" };
  const { look, changes, stop } = watched(contents);
  for (const text of ["half", "half a file", "1"]) {
    contents.a = text;
    await look();
  }
  contents.b = undefined;
  await look();
  contents.b = "1";
  await look();
  await look();
  assertEquals(changes(), 0);
  stop();
});

Deno.test("A file that has gone for good is a change.", async () => {
  const contents: Record<string, string | undefined> = { a: "1", b: "1" };
  const { look, changes, stop } = watched(contents);
  contents.a = undefined;
  await look();
  await look();
  assertEquals(changes(), 1);
  stop();
});
