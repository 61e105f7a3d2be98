import { makeLogOutput } from "../../src/ops/log_output.ts";
import { LOG_RETRY_MS, MAX_LOG_QUEUE_BYTES } from "../../src/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/clock.ts";

/** An output whose other end works, fails, or takes nothing, as the test says. */
function started(pieceBytes = 4096) {
  const clock = new FakeClock();
  const pieces: string[] = [];
  const sink = { state: "works" as "works" | "fails" | "stalls", most: Infinity, attempts: 0 };
  let resume = () => {};
  let dropped = 0;
  const output = makeLogOutput({
    clock,
    pieceBytes,
    onDropped: (lines) => dropped += lines,
    droppedLine: (lines) => `dropped ${lines}`,
    async write(bytes) {
      sink.attempts++;
      if (sink.state === "fails") throw new Error("no space left on device");
      if (sink.state === "stalls") await new Promise<void>((resolve) => resume = resolve);
      const taken = bytes.subarray(0, sink.most);
      pieces.push(new TextDecoder().decode(taken));
      return taken.length;
    },
  });
  return {
    clock,
    sink,
    output,
    pieces,
    text: () => pieces.join(""),
    dropped: () => dropped,
    /** The reader reads again. */
    resume() {
      sink.state = "works";
      resume();
      return settle();
    },
  };
}

/** A hundred lines of 100 bytes. */
const BATCH = `${"x".repeat(99)}\n`.repeat(100);

Deno.test("Whole lines are written in order, in pieces that end at a line's end.", async () => {
  const { output, pieces, text } = started(1000);
  const lines = Array.from({ length: 300 }, (_, i) => `${i} ${"é".repeat(i % 60)}\n`);
  for (let at = 0; at < lines.length; at += 50) {
    output.put(lines.slice(at, at + 50).join(""), 50);
  }
  await output.end(1000);
  assertEquals(text(), lines.join(""));
  for (const piece of pieces) {
    assert(piece.endsWith("\n") && new TextEncoder().encode(piece).length <= 1000);
  }
  assert(pieces.length < 40);
});

Deno.test("A line longer than a piece comes through, and so does what is written byte by byte.", async () => {
  const { output, sink, text } = started(50);
  sink.most = 1;
  const lines = `${"long ".repeat(40)}\nshort\n`;
  output.put(lines, 2);
  await output.end(1000);
  assertEquals(text(), lines);
});

Deno.test("While nothing can be written the queue grows to its bound, then lines are dropped and counted.", async () => {
  for (const state of ["fails", "stalls"] as const) {
    const { output, sink, text, dropped, resume, clock } = started();
    sink.state = state;
    const batches = Math.floor(MAX_LOG_QUEUE_BYTES / BATCH.length);
    for (let i = 0; i < batches + 3; i++) output.put(BATCH, 100);
    // Of a short line, too, which would fit: the gap is one.
    output.put("short\n", 1);
    assertEquals(dropped(), 301);
    await resume();
    await clock.advance(LOG_RETRY_MS);
    output.put("later\n", 1);
    await settle();
    assertEquals(text(), `${BATCH.repeat(batches)}dropped 301\nlater\n`);
    assertEquals([dropped(), clock.pending], [301, 0]);
  }
});

Deno.test("The bound counts bytes, not characters.", () => {
  const { output, sink, dropped } = started();
  sink.state = "stalls";
  const text = `${"é".repeat(1023)}\n`.repeat(500);
  output.put(text, 500);
  assertEquals(dropped(), 0);
  output.put(text, 500);
  assertEquals(dropped(), 500);
});

Deno.test("A write that failed is tried again with a pause, and nothing is lost.", async () => {
  const { output, sink, text, clock } = started();
  sink.state = "fails";
  output.put("one\n", 1);
  await settle();
  output.put("two\n", 1);
  await settle();
  assertEquals(sink.attempts, 1);
  await clock.advance(10 * LOG_RETRY_MS);
  assertEquals(sink.attempts, 11);
  sink.state = "works";
  await clock.advance(LOG_RETRY_MS);
  assertEquals([text(), clock.pending], ["one\ntwo\n", 0]);
});

Deno.test("The end waits for a slow reader, and for a stalled one no longer than it is told.", async () => {
  const { output, sink, text, clock, resume } = started();
  sink.state = "stalls";
  output.put("one\n", 1);
  let ended = "not";
  void output.end(1000).then(() => ended = "ended");
  await clock.advance(999);
  assertEquals(ended, "not");
  await clock.advance(1);
  assertEquals([ended, text(), clock.pending], ["ended", "", 0]);
  await resume();
  assertEquals(text(), "one\n");

  sink.state = "stalls";
  output.put("two\n", 1);
  void output.end(1000).then(() => ended = "ended again");
  await settle();
  await resume();
  assertEquals([ended, text(), clock.pending], ["ended again", "one\ntwo\n", 0]);
});

Deno.test("The end tries a failed write once more at once, and leaves no timer behind.", async () => {
  const { output, sink, text, clock } = started();
  sink.state = "fails";
  output.put("one\n", 1);
  await settle();
  await output.end(1000);
  assertEquals([sink.attempts, clock.pending], [2, 0]);
  sink.state = "works";
  output.put("two\n", 1);
  await output.end(1000);
  assertEquals([text(), clock.pending], ["one\ntwo\n", 0]);
});

Deno.test("Lines are neither lost nor doubled nor moved, however puts and failures alternate.", async () => {
  const { output, sink, text, clock, dropped } = started(64);
  sink.most = 40;
  const all: string[] = [];
  for (let i = 0; i < 500; i++) {
    sink.state = i % 7 === 3 ? "fails" : "works";
    const line = `${i} ${"x".repeat((i * 37) % 90)}\n`;
    all.push(line);
    output.put(line, 1);
    if (i % 3 === 0) await clock.advance(100);
  }
  sink.state = "works";
  await output.end(1000);
  assertEquals([text(), dropped()], [all.join(""), 0]);
});
