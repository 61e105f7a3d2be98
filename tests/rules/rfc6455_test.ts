/** RFC 6455, the WebSocket protocol: what the proxy does as the client of an upstream. */
import { assert, assertEquals } from "../support/assert.ts";
import { rawRequest } from "../support/raw.ts";
import {
  accept,
  clientHandshake,
  closing,
  type Frame,
  frame,
  masked,
  nextFrame,
  pair,
  SAMPLE_KEY,
  switching,
} from "../proxy/websocket/support.ts";
import { encodeFrame, FrameReader, type Incoming } from "../../src/proxy/websocket/frames.ts";
import { acceptFor } from "../../src/proxy/websocket/handshake.ts";
import fc from "fast-check";

const MAX_BYTES = 100_000;

/** What a server's bytes are read as. */
function read(...pieces: readonly Uint8Array[]): Incoming[] {
  const reader = new FrameReader(MAX_BYTES);
  return pieces.flatMap((piece) => reader.take(piece));
}

/** The only thing read, as a breach. */
function breach(...pieces: readonly Uint8Array[]): number | undefined {
  const last = read(...pieces).at(-1);
  return last?.kind === "wrong" ? last.code : undefined;
}

function text(data: string, size = data.length): Incoming {
  return { kind: "text", data, size };
}

const bytes = (...values: number[]) => Uint8Array.from(values);

Deno.test("1.3: the sample key gets the sample accept", async () => {
  assertEquals(await acceptFor(SAMPLE_KEY), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

const BAD_SWITCHES: readonly [string, (good: string) => string][] = [
  ["a wrong accept", (good) => good.replace(/Accept: \S+/, "Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")],
  ["no accept", (good) => good.replace(/Sec-WebSocket-Accept: \S+\r\n/, "")],
  ["no Upgrade", (good) => good.replace("Upgrade: websocket\r\n", "")],
  ["another protocol", (good) => good.replace("Upgrade: websocket", "Upgrade: h2c")],
  ["no Connection", (good) => good.replace("Connection: Upgrade\r\n", "")],
  ["an extension", (good) => good.replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: x\r\n\r\n")],
  ["a subprotocol", (good) => good.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: x\r\n\r\n")],
];

for (const [what, spoil] of BAD_SWITCHES) {
  Deno.test(`4.1: an upstream's 101 with ${what} is a 502`, async () => {
    await using stack = await pair(async (socket) => {
      await socket.send(spoil(switching(await socket.readRequest())));
      assert(await socket.untilClosed());
    });
    const got = await rawRequest(stack.proxy.port, clientHandshake(), { until: "response" });
    assertEquals(got.status, 502);
  });
}

Deno.test("4.1: case does not matter in the upstream's Upgrade and Connection", async () => {
  await using stack = await pair(async (socket) => {
    const good = switching(await socket.readRequest());
    await socket.send(good.replace("websocket", "WebSocket").replace(": Upgrade", ": x, upgrade"));
    await socket.untilClosed();
  });
  await stack.client();
});

Deno.test("5.1, 5.3: each frame to the upstream has a mask of its own", async () => {
  const seen: Frame[] = [];
  await using stack = await pair(async (socket) => {
    await accept(socket);
    for (let i = 0; i < 3; i++) seen.push(await nextFrame(socket));
    await socket.send(frame(0x81, "enough"));
    await socket.untilClosed();
  });
  const client = await stack.client();
  for (let i = 0; i < 3; i++) await client.send(masked(0x81, "same"));
  await nextFrame(client);
  assertEquals(seen.map(({ payload }) => payload), ["same", "same", "same"]);
  assertEquals(new Set(seen.map(({ mask }) => mask)).size, 3);
  assert(!seen.some(({ mask }) => mask === undefined));
});

Deno.test("5.1: masked frames from the upstream are refused", () => {
  assertEquals(breach(masked(0x81, "x")), 1002);
});

for (const first of [0xc1, 0xa1, 0x91]) {
  Deno.test(`5.2: a reserved bit is refused: ${first.toString(16)}`, () => {
    assertEquals(breach(frame(first, "x")), 1002);
  });
}

for (const opcode of [3, 7, 0xb, 0xf]) {
  Deno.test(`5.2: the reserved opcode ${opcode} is refused`, () => {
    assertEquals(breach(frame(0x80 | opcode)), 1002);
  });
}

Deno.test("5.2: lengths have to be in their shortest form, and positive", () => {
  assertEquals(breach(bytes(0x82, 126, 0, 125)), 1002);
  assertEquals(breach(bytes(0x82, 127, 0, 0, 0, 0, 0, 0, 255, 255)), 1002);
  assertEquals(breach(bytes(0x82, 127, 128, 0, 0, 0, 0, 0, 0, 0)), 1002);
  assertEquals(breach(bytes(0x82, 127, 0, 0, 0, 0, 0, 1, 134, 160)), undefined);
});

Deno.test("5.3: a frame is masked as the example in 5.7 shows", () => {
  const payload = new TextEncoder().encode("Hello");
  const example = bytes(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58);
  assertEquals(encodeFrame(1, payload, bytes(0x37, 0xfa, 0x21, 0x3d)), example);
});

Deno.test("5.3: lengths are written in their shortest form", () => {
  const head = (length: number) => encodeFrame(2, new Uint8Array(length), bytes(0, 0, 0, 0));
  assertEquals(head(125).subarray(0, 2), bytes(0x82, 0xfd));
  assertEquals(head(126).subarray(0, 4), bytes(0x82, 0xfe, 0, 126));
  assertEquals(head(65_535).subarray(0, 4), bytes(0x82, 0xfe, 255, 255));
  assertEquals(head(65_536).subarray(0, 10), bytes(0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0));
});

Deno.test("5.4: fragments are put together, control frames between them come at once", () => {
  assertEquals(
    read(frame(0x01, "Hel"), frame(0x89, "p"), frame(0x00), frame(0x80, "lo")),
    [{ kind: "ping", data: bytes(0x70) }, text("Hello")],
  );
});

Deno.test("5.4: fragments out of order are refused", () => {
  assertEquals(breach(frame(0x80, "x")), 1002);
  assertEquals(breach(frame(0x00, "x")), 1002);
  assertEquals(breach(frame(0x01, "x"), frame(0x81, "y")), 1002);
  assertEquals(breach(frame(0x81, "x"), frame(0x80, "y")), 1002);
});

Deno.test("5.5: long and fragmented control frames are refused", () => {
  for (const opcode of [8, 9, 10]) {
    assertEquals(breach(frame(opcode)), 1002);
    assertEquals(breach(frame(0x80 | opcode, "x".repeat(126))), 1002);
  }
  assertEquals(read(frame(0x89, "x".repeat(125))).length, 1);
});

for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1011, 1012, 1014, 3000, 4999]) {
  Deno.test(`7.4: a close frame may say ${code}`, () => {
    assertEquals(read(frame(0x88, closing(code, "x"))), [
      { kind: "close", closing: { code, reason: "x" } },
    ]);
  });
}

for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535]) {
  Deno.test(`7.4: a close frame may not say ${code}`, () => {
    assertEquals(breach(frame(0x88, closing(code))), 1002);
  });
}

Deno.test("5.5.1: a close frame has no payload or at least a code; its reason is UTF-8", () => {
  assertEquals(read(frame(0x88)), [{ kind: "close", closing: { reason: "" } }]);
  assertEquals(breach(frame(0x88, "\x03")), 1002);
  assertEquals(breach(frame(0x88, closing(1000, "\xff"))), 1007);
});

Deno.test("5.5.1: nothing is read after a close frame", () => {
  assertEquals(read(frame(0x88), frame(0x81, "x")).length, 1);
});

Deno.test("5.6, 8.1: text has to be UTF-8; what is divided between fragments is fine", () => {
  assertEquals(read(frame(0x01, "\xc3"), frame(0x80, "\xa9")), [text("é", 2)]);
  for (const bad of ["\xff", "\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80"]) {
    assertEquals(breach(frame(0x81, bad)), 1007);
  }
  assertEquals(read(frame(0x81, "\xef\xbb\xbfx")), [text("\ufeffx", 4)]);
});

Deno.test("7.4.1: a message beyond the limit is refused as soon as its length is known", () => {
  assertEquals(breach(frame(0x82, new Uint8Array(MAX_BYTES))), undefined);
  assertEquals(breach(bytes(0x82, 127, 0, 0, 0, 0, 0, 1, 134, 161)), 1009);
  const half = frame(0x02, new Uint8Array(MAX_BYTES / 2));
  assertEquals(breach(half, frame(0x00, new Uint8Array(MAX_BYTES / 2)), bytes(0x80, 1)), 1009);
});

const BREACHES: readonly [string, Uint8Array, number][] = [
  ["a reserved bit", frame(0xc1, "x"), 1002],
  ["text that is not UTF-8", frame(0x81, "\xff"), 1007],
  ["a message that is too big", bytes(0x82, 127, 0, 0, 0, 0, 1, 0, 0, 1), 1009],
];

for (const [what, sent, code] of BREACHES) {
  Deno.test(`7.1.7: an upstream that sends ${what} is told ${code}, the client 1011`, async () => {
    await using stack = await pair(async (socket) => {
      await accept(socket);
      await socket.send(sent);
      assertEquals((await nextFrame(socket)).payload.slice(0, 2), closing(code));
      assert(await socket.untilClosed());
    });
    const client = await stack.client();
    const seen = await nextFrame(client);
    assertEquals([seen.first, seen.payload.slice(0, 2)], [0x88, closing(1011)]);
    await client.send(masked(0x88, closing(1011)));
    const end = await stack.proxy.ended();
    assertEquals([end.code, end.failure?.reason], [1011, "upstream_broken"]);
  });
}

Deno.test("5: however the bytes are cut, the same messages come out", () => {
  const message = fc.record({
    opcode: fc.constantFrom(1, 2, 9, 10),
    parts: fc.array(fc.string({ unit: "binary-ascii", maxLength: 150 }), {
      minLength: 1,
      maxLength: 3,
    }),
  });
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(fc.array(message, { maxLength: 6 }), cuts, (messages, sizes) => {
    const sent = messages.flatMap(({ opcode, parts }) =>
      opcode > 2
        ? [...frame(0x80 | opcode, (parts[0] ?? "").slice(0, 125))]
        : parts.flatMap((part, i) => [
          ...frame((i === 0 ? opcode : 0) | (i === parts.length - 1 ? 0x80 : 0), part),
        ])
    );
    const pieces: Uint8Array[] = [];
    let at = 0;
    while (at < sent.length) {
      const size = sizes[pieces.length % sizes.length] ?? 1;
      pieces.push(Uint8Array.from(sent.slice(at, at + size)));
      at += size;
    }
    const whole = read(Uint8Array.from(sent));
    assertEquals(whole.length, messages.length);
    assertEquals(read(...pieces), whole);
  }));
});
