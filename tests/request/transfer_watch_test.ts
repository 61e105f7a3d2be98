import type { Failure } from "../../src/failure.ts";
import { TransferWatch } from "../../src/request/transfer_watch.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { FakeClock, settle } from "../support/clock.ts";

/** A source that a test feeds by hand. */
function source() {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const seen = { cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    start: (given) => void (controller = given),
    cancel: () => void (seen.cancelled = true),
  });
  return {
    stream,
    seen,
    bring: (bytes: number) => controller?.enqueue(new Uint8Array(bytes)),
    end: () => controller?.close(),
    break: () => controller?.error(new Error("it broke")),
  };
}

/** A watch with two seconds of patience and at most ten bytes. */
function watched(direction: "upload" | "download") {
  const clock = new FakeClock();
  const transfers = new TransferWatch({ maxBodyBytes: 10, idleTimeoutMs: 2000 }, clock);
  const from = source();
  const reasons: string[] = [];
  /** Lets the sweep after the last transfer pass; a timer that is left is one too many. */
  const left = async () => {
    await clock.advance(1000);
    return clock.pending;
  };
  const faults = { onClientFault: ({ reason }: Failure) => void reasons.push(reason) };
  const reader = transfers[direction](from.stream, faults).getReader();
  return { clock, transfers, from, reasons, reader, faults, left };
}

Deno.test("A body goes on as it came, and leaves no timer behind.", async () => {
  for (const direction of ["upload", "download"] as const) {
    const { from, reasons, reader, left } = watched(direction);
    from.bring(4);
    assertEquals((await reader.read()).value?.length, 4);
    from.bring(6);
    assertEquals((await reader.read()).value?.length, 6);
    from.end();
    assertEquals((await reader.read()).done, true);
    assertEquals([reasons, await left()], [[], 0]);
  }
});

Deno.test("A body with one byte more than there may be is aborted before that byte.", async () => {
  const { from, reasons, reader, left } = watched("upload");
  from.bring(10);
  assertEquals((await reader.read()).value?.length, 10);
  from.bring(1);
  await assertRejects(() => reader.read(), /content_too_large/);
  assertEquals([reasons, from.seen.cancelled, await left()], [["content_too_large"], true, 0]);
});

Deno.test("A response may be of any length.", async () => {
  const { from, reader } = watched("download");
  from.bring(11);
  assertEquals((await reader.read()).value?.length, 11);
  await reader.cancel();
  assertEquals(from.seen.cancelled, true);
});

Deno.test("A client that sends nothing of a body that is wanted is given up.", async () => {
  const { clock, from, reasons, reader, left } = watched("upload");
  from.bring(1);
  await reader.read();
  const wanted = reader.read();
  await settle();
  await clock.advance(2000);
  assertEquals(reasons, []);
  const rejected = assertRejects(() => wanted, /client_timeout/);
  await clock.advance(1000);
  await rejected;
  assertEquals([reasons, from.seen.cancelled, await left()], [["client_timeout"], true, 0]);
});

Deno.test("Any progress keeps a body alive, and so does an upstream that takes none.", async () => {
  const { clock, from, reasons, reader, left } = watched("upload");
  for (let round = 0; round < 5; round++) {
    const wanted = reader.read();
    await clock.advance(2000);
    from.bring(1);
    await wanted;
  }
  await clock.advance(60_000);
  assertEquals(reasons, []);
  await reader.cancel();
  assertEquals(await left(), 0);
});

Deno.test("A client that does not take what is there for it is given up.", async () => {
  const { clock, from, reasons, reader, left } = watched("download");
  from.bring(1);
  await reader.read();
  await clock.advance(3000);
  assertEquals([reasons, from.seen.cancelled, await left()], [["client_timeout"], true, 0]);
  await assertRejects(() => reader.read(), /client_timeout/);
});

Deno.test("A client that never takes anything of a response is given up.", async () => {
  const { clock, from, reasons } = watched("download");
  await clock.advance(3000);
  assertEquals([reasons, from.seen.cancelled], [["client_timeout"], true]);
});

Deno.test("A response that has nothing to take may wait for ever.", async () => {
  const { clock, from, reasons, reader, left } = watched("download");
  const event = reader.read();
  await clock.advance(30_000);
  from.bring(3);
  assertEquals([(await event).value?.length, reasons], [3, []]);
  await reader.cancel();
  assertEquals(await left(), 0);
});

Deno.test("A body that is aborted ends on both sides, without a fault of the client.", async () => {
  const { from, reasons, reader, left } = watched("upload");
  from.break();
  await assertRejects(() => reader.read(), /it broke/);
  await settle();
  assertEquals([reasons, await left()], [[], 0]);
});

Deno.test("One timer serves all transfers; a watch that is closed keeps it no longer than them.", async () => {
  const { clock, transfers, from, faults, reader } = watched("upload");
  const other = source();
  const second = transfers.download(other.stream, faults).getReader();
  assertEquals(clock.pending, 1);
  from.end();
  await reader.read();
  transfers.close();
  assertEquals(clock.pending, 1);
  await second.cancel();
  assertEquals(clock.pending, 0);
});

Deno.test("An upload that is not read stays untouched and is not watched.", async () => {
  const clock = new FakeClock();
  const transfers = new TransferWatch({ maxBodyBytes: 10, idleTimeoutMs: 2000 }, clock);
  const { stream, seen } = source();
  const body = transfers.upload(stream, { onClientFault() {} });
  await settle();
  assertEquals([stream.locked, clock.pending], [false, 0]);
  await body.cancel();
  assertEquals([seen.cancelled, clock.pending], [true, 0]);
});
