import { makeLineWriter } from "../../src/ops/line_writer.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

function started(batch: boolean) {
  const clock = new FakeClock();
  const written: string[] = [];
  return { clock, written, lines: makeLineWriter((text) => written.push(text), clock, batch) };
}

Deno.test("Lines are kept back and written together after a tenth of a second.", async () => {
  const { clock, written, lines } = started(true);
  lines.write("one");
  await clock.advance(60);
  lines.write("two");
  await clock.advance(39);
  assertEquals(written, []);
  await clock.advance(1);
  assertEquals(written, ["one\ntwo\n"]);
  assertEquals(clock.pending, 0);
});

Deno.test("Without batches each line is written at once.", () => {
  const { clock, written, lines } = started(false);
  lines.write("one");
  lines.write("two");
  assertEquals(written, ["one\n", "two\n"]);
  assertEquals(clock.pending, 0);
});

Deno.test("Flushing writes what is kept back and leaves no timer behind.", async () => {
  const { clock, written, lines } = started(true);
  lines.write("one");
  lines.flush();
  assertEquals(written, ["one\n"]);
  assertEquals(clock.pending, 0);
  await clock.advance(1000);
  assertEquals(written, ["one\n"]);
});

Deno.test("Flushing with nothing kept back writes nothing.", () => {
  const { written, lines } = started(true);
  lines.flush();
  lines.flush();
  assertEquals(written, []);
});

Deno.test("A batch that has grown large is written at once.", () => {
  const { clock, written, lines } = started(true);
  const line = "x".repeat(1000);
  for (let i = 0; i < 20; i++) lines.write(line);
  assertEquals(written.length, 1);
  assert((written[0]?.length ?? 0) >= 16 * 1024);
  lines.flush();
  assertEquals(written.join(""), `${line}\n`.repeat(20));
  assertEquals(clock.pending, 0);
});

Deno.test("A line longer than a batch is written whole.", () => {
  const { written, lines } = started(true);
  const line = "x".repeat(100_000);
  lines.write("before");
  lines.write(line);
  assertEquals(written.join(""), `before\n${line}\n`);
});

Deno.test("No line is lost, doubled or moved, however lines and time alternate.", async () => {
  const { clock, written, lines } = started(true);
  const all: string[] = [];
  for (let i = 0; i < 2000; i++) {
    const line = `${i} ${"x".repeat((i * 37) % 400)}`;
    all.push(line);
    lines.write(line);
    if (i % 50 === 0) await clock.advance(i % 130);
    if (i % 333 === 0) lines.flush();
  }
  lines.flush();
  assertEquals(written.join(""), all.map((line) => `${line}\n`).join(""));
  assertEquals(clock.pending, 0);
  assert(written.length < 100);
});

Deno.test("After a batch the next line waits its own tenth of a second.", async () => {
  const { clock, written, lines } = started(true);
  lines.write("one");
  await clock.advance(100);
  lines.write("two");
  await clock.advance(99);
  assertEquals(written, ["one\n"]);
  await clock.advance(1);
  assertEquals(written, ["one\n", "two\n"]);
});
