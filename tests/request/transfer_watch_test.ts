import type { Failure } from "../../src/failure.ts";
import { TransferWatch } from "../../src/request/transfer_watch.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
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

/** Not looked at. */
const NO_FAULTS = { onClientFault() {} };

/** Two seconds of patience, a byte a second, and at most ten bytes behind the first one. */
const LIMITS = { maxBodyBytes: 11, idleTimeoutMs: 2000, minRate: 1 };

/** A watch and one transfer: a response, or an upload whose first byte has been read. */
async function watched(direction: "upload" | "download", limits: Partial<typeof LIMITS> = {}) {
  const clock = new FakeClock();
  const transfers = new TransferWatch({ ...LIMITS, ...limits }, clock);
  const from = source();
  const reasons: string[] = [];
  /** Lets the sweep after the last transfer pass; a timer that is left is one too many. */
  const left = async () => {
    await clock.advance(1000);
    return clock.pending;
  };
  const faults = { onClientFault: ({ reason }: Failure) => void reasons.push(reason) };
  const begin = async () => {
    from.bring(1);
    const begun = await transfers.upload(from.stream, faults);
    assert(begun.ok && begun.value !== null);
    const reader = begun.value.getReader();
    assertEquals((await reader.read()).value?.length, 1);
    return reader;
  };
  const reader = direction === "upload"
    ? await begin()
    : transfers.download(from.stream, faults).getReader();
  return { clock, transfers, from, reasons, reader, faults, left };
}

Deno.test("A body goes on as it came, and leaves no timer behind.", async () => {
  for (const direction of ["upload", "download"] as const) {
    const { from, reasons, reader, left } = await watched(direction);
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
  const { from, reasons, reader, left } = await watched("upload");
  from.bring(10);
  assertEquals((await reader.read()).value?.length, 10);
  from.bring(1);
  await assertRejects(() => reader.read(), /content_too_large/);
  assertEquals([reasons, from.seen.cancelled, await left()], [["content_too_large"], true, 0]);
});

Deno.test("A response may be of any length.", async () => {
  const { from, reader } = await watched("download");
  from.bring(11);
  assertEquals((await reader.read()).value?.length, 11);
  await reader.cancel();
  assertEquals(from.seen.cancelled, true);
});

Deno.test("A client that sends nothing of a body that is wanted is given up.", async () => {
  const { clock, from, reasons, reader, left } = await watched("upload");
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
  const { clock, from, reasons, reader, left } = await watched("upload");
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
  const { clock, from, reasons, reader, left } = await watched("download");
  from.bring(1);
  await reader.read();
  await clock.advance(3000);
  assertEquals([reasons, from.seen.cancelled, await left()], [["client_timeout"], true, 0]);
  await assertRejects(() => reader.read(), /client_timeout/);
});

Deno.test("A client that never takes anything of a response is given up.", async () => {
  const { clock, from, reasons } = await watched("download");
  await clock.advance(3000);
  assertEquals([reasons, from.seen.cancelled], [["client_timeout"], true]);
});

Deno.test("A response that has nothing to take may wait for ever.", async () => {
  const { clock, from, reasons, reader, left } = await watched("download");
  const event = reader.read();
  await clock.advance(30_000);
  from.bring(3);
  assertEquals([(await event).value?.length, reasons], [3, []]);
  await reader.cancel();
  assertEquals(await left(), 0);
});

Deno.test("A body that is aborted ends on both sides, without a fault of the client.", async () => {
  const { from, reasons, reader, left } = await watched("upload");
  from.break();
  await assertRejects(() => reader.read(), /it broke/);
  await settle();
  assertEquals([reasons, await left()], [[], 0]);
});

Deno.test("One timer serves all transfers; a watch that is closed keeps it no longer than them.", async () => {
  const { clock, transfers, from, faults, reader } = await watched("upload");
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

Deno.test("An upload goes on when its first byte is there, and is not watched until it is read.", async () => {
  const clock = new FakeClock();
  const transfers = new TransferWatch(LIMITS, clock);
  const { stream, bring } = source();
  const begun = transfers.upload(stream, NO_FAULTS);
  let over = false;
  void begun.then(() => over = true);
  bring(0);
  await clock.advance(1000);
  assertEquals(over, false);
  bring(5);
  const upload = await begun;
  assert(upload.ok && upload.value !== null);
  // The upstream may keep it waiting for ever.
  await clock.advance(60_000);
  const reader = upload.value.getReader();
  assertEquals((await reader.read()).value?.length, 5);
  await reader.cancel();
  await clock.advance(1000);
  assertEquals(clock.pending, 0);
});

Deno.test("An upload that ends without a byte, is aborted or is too large before it is forwarded.", async () => {
  const transfers = new TransferWatch(LIMITS, new FakeClock());
  const outcome = async (feed: (from: ReturnType<typeof source>) => void) => {
    const from = source();
    const begun = transfers.upload(from.stream, NO_FAULTS);
    feed(from);
    const upload = await begun;
    return upload.ok ? upload.value : upload.failure.reason;
  };
  assertEquals(await outcome(({ end }) => end()), null);
  assertEquals(await outcome(({ break: fail }) => fail()), "broken_body");
  assertEquals(await outcome(({ bring }) => bring(12)), "content_too_large");
});

Deno.test("A client that sends no byte of an upload at all is given up.", async () => {
  const clock = new FakeClock();
  const transfers = new TransferWatch(LIMITS, clock);
  const { stream, seen } = source();
  const begun = transfers.upload(stream, NO_FAULTS);
  await clock.advance(3000);
  const upload = await begun;
  assertEquals(upload.ok ? undefined : upload.failure.reason, "client_timeout");
  assertEquals(seen.cancelled, true);
  await clock.advance(1000);
  assertEquals(clock.pending, 0);
});

/** Brings so many bytes each second until the upload ends; how many seconds that took, 100 at most. */
async function trickle(bytes: number, minRate: number): Promise<number> {
  const limits = { minRate, maxBodyBytes: 1_000_000 };
  const { clock, from, reader, reasons } = await watched("upload", limits);
  let secs = 0;
  for (; secs < 100 && reasons.length === 0; secs++) {
    const wanted = reader.read().catch(() => {});
    await settle();
    await clock.advance(1000);
    if (reasons.length === 0) from.bring(bytes);
    await wanted;
  }
  await reader.cancel().catch(() => {});
  return secs;
}

Deno.test("An upload below the least rate ends after half a minute; one above it, or without one, goes on.", async () => {
  assertEquals(await trickle(99, 100), 30);
  assertEquals(await trickle(110, 100), 100);
  assertEquals(await trickle(1, 0), 100);
});

Deno.test("Time in which the upstream takes nothing does not count against a client's rate.", async () => {
  const { clock, from, reader, reasons } = await watched("upload", { minRate: 1000 });
  for (let round = 0; round < 20; round++) {
    await clock.advance(60_000);
    const wanted = reader.read();
    await settle();
    await clock.advance(1000);
    from.bring(0);
    await wanted;
  }
  assertEquals(reasons, []);
  await reader.cancel();
});
