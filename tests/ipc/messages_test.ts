import { openChannel, type ToWorker } from "../../src/ipc/messages.ts";
import type { KeySnapshot } from "../../src/oidc/key_source.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";

function bytes(...pieces: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece)));
}

const nowhere = () => new WritableStream<Uint8Array>();

Deno.test("Messages arrive whole and in order, however the bytes are cut.", async () => {
  const received: unknown[] = [];
  const channel = openChannel(
    bytes('{"n":1}\n{"n"', ":2", "}\n", '{"n":3}\n{"left'),
    nowhere(),
    (message) => void received.push(message),
  );
  await channel.ended;
  assertEquals(received, [{ n: 1 }, { n: 2 }, { n: 3 }]);
});

Deno.test("A character that is cut in the middle stays whole.", async () => {
  const [a, b] = [new Uint8Array([0x22, 0xc3]), new Uint8Array([0xa9, 0x22, 0x0a])];
  const received: unknown[] = [];
  await openChannel(ReadableStream.from([a, b]), nowhere(), (text) => void received.push(text))
    .ended;
  assertEquals(received, ["é"]);
});

Deno.test("Each message is one line, also with line ends inside.", async () => {
  let sent = "";
  const writable = new WritableStream<Uint8Array>({
    write: (piece) => void (sent += new TextDecoder().decode(piece)),
  });
  const channel = openChannel<unknown, unknown>(bytes(), writable, () => {});
  channel.send({ text: "a\nb\u2028c" });
  channel.send(2);
  await channel.flushed();
  assertEquals(sent.split("\n").length, 3);
  assertEquals(sent.split("\n").slice(0, 2).map((line) => JSON.parse(line)), [
    { text: "a\nb\u2028c" },
    2,
  ]);
});

Deno.test("What the other end no longer reads is dropped without an error.", async () => {
  const writable = new WritableStream<Uint8Array>({
    write: () => Promise.reject(new Error("broken pipe")),
  });
  const channel = openChannel<unknown, unknown>(bytes(), writable, () => {});
  channel.send(1);
  channel.send(2);
  await channel.flushed();
  await channel.ended;
});

Deno.test("A pipe that breaks is an end; something that is no message is an error.", async () => {
  const broken = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error("broken pipe")),
  });
  await openChannel(broken, nowhere(), () => {}).ended;
  await assertRejects(() => openChannel(bytes("no json\n"), nowhere(), () => {}).ended);
  const failing = openChannel(bytes("1\n"), nowhere(), () => {
    throw new Error("a bug");
  });
  await assertRejects(() => failing.ended, /a bug/);
});

Deno.test("Keys arrive under the name of their provider, whatever it is called, and as none where there are none.", async () => {
  const keys: KeySnapshot = { generation: 1, startedAt: 2, issuer: "https://a.test", keys: [] };
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const received: ToWorker[] = [];
  const channel = openChannel<ToWorker, ToWorker>(
    readable,
    writable,
    (message) => void received.push(message),
  );
  const sent: readonly ToWorker[] = ["main", "__proto__", "constructor"].flatMap((provider) => [
    { type: "keys", provider, keys },
    { type: "keys", provider, keys: undefined },
  ]);
  for (const message of sent) channel.send(message);
  channel.close();
  await channel.ended;
  assertEquals(received.length, sent.length);
  for (const [at, message] of received.entries()) {
    const expected = sent[at];
    assert(message.type === "keys" && expected?.type === "keys");
    assertEquals([message.provider, message.keys], [expected.provider, expected.keys]);
  }
});
