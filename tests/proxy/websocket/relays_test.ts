import { openRaw, parseMessage, rawRequest } from "../../support/raw.ts";
import { assert, assertEquals, assertIncludes } from "../../support/assert.ts";
import { FakeClock } from "../../support/clock.ts";
import { hang, httpUpstream, rawUpstream } from "../../support/upstream.ts";
import { WEBSOCKET_MAX_MESSAGE_BYTES, WEBSOCKET_MAX_WAITING_BYTES } from "../../../src/limits.ts";
import { systemClock } from "../../../src/ops/clock.ts";
import { makeWebSocketRelays } from "../../../src/proxy/websocket/relays.ts";
import { isWebSocketUpgrade } from "../../../src/proxy/websocket/handshake.ts";
import { freePort } from "../../support/free_port.ts";
import { eventually, pause } from "../../support/waiting.ts";
import {
  accept,
  clientHandshake,
  closing,
  frame,
  masked,
  nextFrame,
  pair,
  relayProxy,
  SAMPLE_KEY,
  switching,
  upgradesOf,
} from "./support.ts";

const TEXT = 0x81;
const BINARY = 0x82;
const CLOSE = 0x88;
const PING = 0x89;
const PONG = 0x8a;

/** An upstream that sends everything back, as the runtime speaks WebSocket. */
function echoUpstream(protocol?: string) {
  return httpUpstream((request) => {
    const { socket, response } = Deno.upgradeWebSocket(
      request,
      protocol === undefined ? {} : { protocol },
    );
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
}

/** Opens a real client; resolves when it is open. */
async function realClient(port: number, protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, protocols);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  socket.onerror = null;
  return socket;
}

function nextMessage(socket: WebSocket): Promise<string | ArrayBuffer> {
  return new Promise((resolve) => socket.onmessage = ({ data }) => resolve(data));
}

function closed(socket: WebSocket): Promise<CloseEvent> {
  return new Promise((resolve) => socket.onclose = resolve);
}

Deno.test("text and binary messages of all sizes go both ways and keep their type", async () => {
  await using upstream = echoUpstream();
  await using proxy = relayProxy(upstream.port);
  const client = await realClient(proxy.port);
  let bytes = 0;
  for (const size of [0, 1, 125, 126, 65_535, 65_536, 300_000]) {
    const text = "é".repeat(size >> 1) + "x".repeat(size & 1);
    client.send(text);
    assertEquals(await nextMessage(client), text);
    const data = new Uint8Array(size).map((_, i) => i);
    client.send(data);
    const back = await nextMessage(client);
    assert(back instanceof ArrayBuffer);
    assertEquals(new Uint8Array(back), data);
    bytes += 2 * size;
  }
  assertEquals(proxy.relays.open, 1);
  const end = closed(client);
  client.close(1000, "done");
  const { code, reason, wasClean } = await end;
  assertEquals([code, reason, wasClean], [1000, "done", true]);
  assertEquals(await proxy.ended(), { bytes, code: 1000 });
  assertEquals(proxy.relays.open, 0);
});

Deno.test("many messages sent at once arrive in order", async () => {
  await using upstream = echoUpstream();
  await using proxy = relayProxy(upstream.port);
  const client = await realClient(proxy.port);
  const got: number[] = [];
  const all = new Promise<void>((resolve) => {
    client.onmessage = ({ data }) => {
      got.push(Number(data));
      if (got.length === 5000) resolve();
    };
  });
  for (let i = 0; i < 5000; i++) client.send(String(i));
  await all;
  assertEquals(got, [...got.keys()]);
  const end = closed(client);
  client.close();
  await end;
  await proxy.ended();
});

Deno.test("the client gets the subprotocol that the upstream has chosen", async () => {
  await using upstream = echoUpstream("chat.v2");
  await using proxy = relayProxy(upstream.port);
  const client = await realClient(proxy.port, ["chat.v1", "chat.v2"]);
  assertEquals(client.protocol, "chat.v2");
  const end = closed(client);
  client.close();
  await end;
  await proxy.ended();
});

Deno.test("the handshake keeps target, host and credentials and offers no extension", async () => {
  await using stack = await pair(async (socket) => {
    await accept(socket, ["Set-Cookie: a=1", "Set-Cookie: b=2", "Sec-WebSocket-Protocol: b"]);
    await hang(socket);
  }, { prefix: "/base" });
  await using client = await openRaw(stack.proxy.port);
  await client.send(clientHandshake([
    "Authorization: Bearer t",
    "Origin: https://app.test",
    "Sec-WebSocket-Protocol: a,b",
    "Sec-WebSocket-Extensions: permessage-deflate",
  ], "/x/../%7e?q=%20"));
  const response = parseMessage(await client.readUntil("\r\n\r\n"), false, "GET");
  assertEquals(response.status, 101);
  assertEquals(response.header("sec-websocket-protocol"), "b");
  assertEquals(response.header("sec-websocket-extensions"), undefined);
  const cookies = response.headers.filter(([name]) => name === "set-cookie");
  assertEquals(cookies.map(([, value]) => value), ["a=1", "b=2"]);

  const request = parseMessage(stack.raw.connections[0]?.all() ?? "", false);
  assertEquals(request.startLine, "GET /base/x/../%7e?q=%20 HTTP/1.1");
  assertEquals(request.header("host"), "client.test");
  assertEquals(request.header("authorization"), "Bearer t");
  assertEquals(request.header("origin"), "https://app.test");
  assertEquals(request.header("connection"), "Upgrade");
  assertEquals(request.header("upgrade"), "websocket");
  assertEquals(request.header("sec-websocket-version"), "13");
  assertEquals(request.header("sec-websocket-protocol"), "a, b");
  assertEquals(request.header("sec-websocket-extensions"), undefined);
  assert(request.header("sec-websocket-key") !== SAMPLE_KEY);
  assertEquals(new Set(request.headers.map(([name]) => name)).size, request.headers.length);
});

Deno.test("what the upstream sends together with its handshake is not lost", async () => {
  await using stack = await pair(async (socket) => {
    const request = await socket.readRequest();
    const head = new TextEncoder().encode(switching(request));
    const hello = frame(TEXT, "hello");
    await socket.send(new Uint8Array([...head, ...hello]));
    await hang(socket);
  });
  const client = await stack.client();
  assertEquals((await nextFrame(client)).payload, "hello");
});

const REFUSALS = [
  [
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 3\r\n\r\nno!",
    401,
    "no!",
  ],
  [
    "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n1\r\n!\r\n0\r\n\r\n",
    404,
    "no!",
  ],
  ["HTTP/1.1 500 Oops\r\n\r\nuntil the end", 500, "until the end"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""],
  ["HTTP/1.1 204 No Content\r\n\r\n", 204, ""],
  [
    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\nx",
    403,
    "x",
  ],
] as const;

for (const [response, status, body] of REFUSALS) {
  Deno.test(`the client gets the upstream's refusal: ${JSON.stringify(response)}`, async () => {
    await using stack = await pair(async (socket) => {
      await socket.readRequest();
      await socket.send(response);
    });
    const got = await rawRequest(stack.proxy.port, clientHandshake(["Connection: close"]), {
      until: "response",
    });
    assertEquals([got.status, got.body, got.complete], [status, body, true]);
    if (status === 401) assertEquals(got.header("www-authenticate"), "Basic");
    assertEquals(await stack.proxy.ended(), { bytes: body.length });
  });
}

Deno.test("a refusal that is cut short does not look whole", async () => {
  await using stack = await pair(async (socket) => {
    await socket.readRequest();
    await socket.send("HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nhalf");
  });
  const got = await rawRequest(stack.proxy.port, clientHandshake());
  assertEquals([got.status, got.complete], [403, false]);
  assertEquals((await stack.proxy.ended()).failure?.reason, "upstream_broken");
});

Deno.test("an upstream that does not listen is a 502", async () => {
  await using proxy = relayProxy(freePort());
  const got = await rawRequest(proxy.port, clientHandshake(), { until: "response" });
  assertEquals(got.status, 502);
  assertEquals(proxy.ends, []);
});

Deno.test("an upstream that does not respond to the handshake in time is a 504", async () => {
  await using stack = await pair(hang, { handshakeTimeoutMs: 50 });
  const got = await rawRequest(stack.proxy.port, clientHandshake(), { until: "response" });
  assertEquals(got.status, 504);
});

Deno.test("a client that leaves during the handshake takes the upstream's connection along", async () => {
  let asked = false;
  let gone = false;
  await using stack = await pair(async (socket) => {
    await socket.readRequest();
    asked = true;
    gone = await socket.untilClosed();
  });
  const client = await openRaw(stack.proxy.port);
  await client.send(clientHandshake());
  await eventually("the request", () => asked);
  await client.close();
  await eventually("the end of the upstream's connection", () => gone);
  assertEquals([stack.proxy.relays.open, stack.proxy.ends.length], [0, 0]);
});

Deno.test("a head without end is a 502", async () => {
  await using stack = await pair(async (socket) => {
    await socket.readRequest();
    await socket.send(`HTTP/1.1 101 S\r\nx: ${"y".repeat(70_000)}`);
    await hang(socket);
  });
  const got = await rawRequest(stack.proxy.port, clientHandshake(), { until: "response" });
  assertEquals(got.status, 502);
});

for (
  const [code, reason] of [[1000, "bye"], [1001, ""], [3000, "x"], [4999, "\xc3\xa9"]] as const
) {
  Deno.test(`the upstream's close ${code} reaches the client and gets a reply`, async () => {
    await using stack = await pair(async (socket) => {
      await accept(socket);
      await socket.send(frame(CLOSE, closing(code, reason)));
      const response = await nextFrame(socket);
      assertEquals([response.first, response.payload], [CLOSE, closing(code, reason)]);
      assert(await socket.untilClosed());
    });
    const client = await stack.client();
    const seen = await nextFrame(client);
    assertEquals([seen.first, seen.payload], [CLOSE, closing(code, reason)]);
    await client.send(masked(CLOSE, closing(code, reason)));
    assertEquals(await stack.proxy.ended(), { bytes: 0, code });
  });

  Deno.test(`the client's close ${code} reaches the upstream and gets a reply`, async () => {
    await using stack = await pair(async (socket) => {
      await accept(socket);
      const seen = await nextFrame(socket);
      assertEquals([seen.first, seen.payload], [CLOSE, closing(code, reason)]);
      await socket.send(frame(CLOSE, closing(code, reason)));
      assert(await socket.untilClosed());
    });
    const client = await stack.client();
    await client.send(masked(CLOSE, closing(code, reason)));
    assertEquals((await nextFrame(client)).payload, closing(code, reason));
    assertEquals(await stack.proxy.ended(), { bytes: 0, code });
  });
}

Deno.test("a close without a code goes on without one, both ways", async () => {
  await using stack = await pair(async (socket, index) => {
    await accept(socket);
    if (index === 0) await socket.send(frame(CLOSE));
    assertEquals((await nextFrame(socket)).payload, "");
    if (index === 1) await socket.send(frame(CLOSE));
    assert(await socket.untilClosed());
  });
  const first = await stack.client();
  assertEquals((await nextFrame(first)).payload, "");
  await first.send(masked(CLOSE));
  assertEquals(await stack.proxy.ended(), { bytes: 0, code: 1005 });
  const second = await stack.client();
  await second.send(masked(CLOSE));
  assertEquals((await nextFrame(second)).payload, "");
  assertEquals(await stack.proxy.ended(2), { bytes: 0, code: 1005 });
});

for (const how of ["closes", "resets"]) {
  Deno.test(`an upstream that ${how} without a close frame ends the client with 1011`, async () => {
    await using stack = await pair(async (socket) => {
      await accept(socket);
      await socket.send(frame(TEXT, "last"));
      await nextFrame(socket);
      await (how === "closes" ? socket.close() : socket.reset());
    });
    const client = await stack.client();
    assertEquals((await nextFrame(client)).payload, "last");
    await client.send(masked(TEXT, "go"));
    const { payload } = await nextFrame(client);
    assertEquals(payload.slice(0, 2), closing(1011));
    await client.send(masked(CLOSE, closing(1011)));
    const end = await stack.proxy.ended();
    assertEquals([end.code, end.bytes, end.failure?.reason], [1011, 4, "upstream_broken"]);
  });

  Deno.test(`a client that ${how} without a close frame: so does the upstream's side`, async () => {
    await using stack = await pair(async (socket) => {
      await accept(socket);
      assertEquals((await nextFrame(socket)).payload, "last");
      assert(await socket.untilClosed());
      assertEquals(socket.unread(), "");
    });
    const client = await stack.client();
    await client.send(masked(TEXT, "last"));
    await pause(20);
    await (how === "closes" ? client.close() : client.reset());
    const end = await stack.proxy.ended();
    assertEquals([end.code, end.failure?.reason], [1006, "client_gone"]);
  });
}

Deno.test("a client that does not reply to a close frame does not keep the relay", async () => {
  const clock = new FakeClock();
  await using stack = await pair(async (socket) => {
    await accept(socket);
    await socket.send(frame(CLOSE, closing(1000)));
    await socket.untilClosed();
  }, { clock });
  const client = await stack.client();
  assertEquals((await nextFrame(client)).payload, closing(1000));
  await pause(20);
  assertEquals(stack.proxy.ends, []);
  await clock.advance(5000);
  assertEquals(await stack.proxy.ended(), { bytes: 0, code: 1000 });
  assertEquals(clock.pending, 0);
});

Deno.test("a relay at rest ends with 1001 on both sides, one that moves does not", async () => {
  const clock = new FakeClock();
  await using stack = await pair(async (socket) => {
    await accept(socket);
    assertEquals((await nextFrame(socket)).payload, "up");
    await socket.send(frame(PONG));
    const seen = await nextFrame(socket);
    assertEquals([seen.first, seen.payload], [CLOSE, closing(1001, "idle for too long")]);
    await socket.send(frame(CLOSE, closing(1001)));
    await socket.untilClosed();
  }, { clock, idleTimeoutMs: 1000 });
  const client = await stack.client();
  await clock.advance(900);
  await client.send(masked(TEXT, "up"));
  await pause(50);
  await clock.advance(900);
  assertEquals(client.unread(), "");
  assertEquals(stack.proxy.relays.open, 1);
  await clock.advance(1000);
  assertEquals((await nextFrame(client)).payload, closing(1001, "idle for too long"));
  await client.send(masked(CLOSE, closing(1001)));
  assertEquals(await stack.proxy.ended(), { bytes: 0, code: 1001 });
  assertEquals(clock.pending, 0);
});

Deno.test("the end of the token ends the relay: 1008 for the client, 1001 for the upstream", async () => {
  const clock = new FakeClock();
  await using stack = await pair(async (socket) => {
    await accept(socket);
    assertEquals((await nextFrame(socket)).payload, closing(1001, "the token has expired"));
    await socket.send(frame(CLOSE, closing(1001)));
    await socket.untilClosed();
  }, { clock, expiresAtMs: clock.now() + 30_000 });
  const client = await stack.client();
  await clock.advance(29_999);
  assertEquals(client.unread(), "");
  await clock.advance(1);
  assertEquals((await nextFrame(client)).payload, closing(1008, "the token has expired"));
  await client.send(masked(CLOSE, closing(1008)));
  assertEquals(await stack.proxy.ended(), { bytes: 0, code: 1008 });
  assertEquals(clock.pending, 0);
});

Deno.test("closeAll closes both sides and waits for their close frames", async () => {
  await using upstream = await rawUpstream(async (socket) => {
    await accept(socket);
    assertEquals((await nextFrame(socket)).payload, closing(1001, "shutting down"));
    await socket.send(frame(CLOSE, closing(1001)));
    assert(await socket.untilClosed());
  });
  await using proxy = relayProxy(upstream.port);
  const clients = [await realClient(proxy.port), await realClient(proxy.port)];
  const ends = clients.map(closed);
  assertEquals(proxy.relays.open, 2);
  await proxy.relays.closeAll();
  assertEquals(proxy.relays.open, 0);
  for (const end of ends) assertEquals((await end).code, 1001);
  const late = await realClient(proxy.port);
  assertEquals((await closed(late)).code, 1001);
  await proxy.ended(3);
});

Deno.test("a slow client keeps the upstream from sending, and misses nothing", async () => {
  const count = 120;
  const message = frame(BINARY, new Uint8Array(256 * 1024));
  let sent = 0;
  await using stack = await pair(async (socket) => {
    await accept(socket);
    for (; sent < count; sent++) await socket.send(message);
    await socket.send(frame(CLOSE, closing(1000)));
    await socket.untilClosed();
  });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: stack.proxy.port });
  await client.write(new TextEncoder().encode(clientHandshake()));
  await pause(400);
  const soFar = sent;
  await pause(200);
  // What is under way: the kernel's buffers on both sides and one MiB of ours.
  assert(soFar < count && sent === soFar, `${soFar}, then ${sent} messages for a client at rest`);
  const room = new Uint8Array(1024 * 1024);
  let received = 0;
  while (received < count * message.length) received += await client.read(room) ?? NaN;
  await client.write(masked(CLOSE, closing(1000)));
  assertEquals(await stack.proxy.ended(), { bytes: count * 256 * 1024, code: 1000 });
});

Deno.test("a slow upstream ends the relay before too much waits for it: 1013", async () => {
  const enough = Promise.withResolvers<void>();
  await using stack = await pair(async (socket) => {
    await accept(socket);
    await enough.promise;
    await socket.close();
  });
  const client = await stack.client();
  const part = masked(BINARY, new Uint8Array(4 * 1024 * 1024));
  // The close frame may get lost here: a connection that is closed while data arrives is reset.
  for (let sent = 0; sent < 2 * WEBSOCKET_MAX_WAITING_BYTES && !client.ended; sent += part.length) {
    await client.send(part);
  }
  await client.send(masked(CLOSE, closing(1013)));
  enough.resolve();
  assertEquals(await stack.proxy.ended(), { bytes: 0, code: 1013 });
});

Deno.test("a client's message beyond the limit ends the relay: 1009", async () => {
  await using stack = await pair(async (socket) => {
    await accept(socket);
    assertEquals((await nextFrame(socket)).payload.slice(0, 2), closing(1001));
    await socket.send(frame(CLOSE, closing(1001)));
    await socket.untilClosed();
  });
  const client = await stack.client();
  await client.send(masked(BINARY, new Uint8Array(WEBSOCKET_MAX_MESSAGE_BYTES + 1)));
  assertEquals((await nextFrame(client)).payload, closing(1009, "message too big"));
  await client.send(masked(CLOSE, closing(1009)));
  assertEquals(await stack.proxy.ended(), { bytes: 0, code: 1009 });
});

Deno.test("pings get their pong on the side they came from", async () => {
  await using stack = await pair(async (socket) => {
    await accept(socket);
    await socket.send(frame(PING, "up?"));
    const pong = await nextFrame(socket);
    assertEquals([pong.first, pong.payload], [PONG, "up?"]);
    await hang(socket);
  });
  const client = await stack.client();
  await client.send(masked(PING, "down?"));
  const pong = await nextFrame(client);
  assertEquals([pong.first, pong.payload], [PONG, "down?"]);
  await pause(20);
  assertEquals(client.unread(), "");
});

Deno.test("a shutdown of the server alone ends relays too", async () => {
  await using upstream = await rawUpstream(async (socket) => {
    await accept(socket);
    await nextFrame(socket);
    await socket.send(frame(CLOSE));
    await socket.untilClosed();
  });
  const relays = makeWebSocketRelays({
    sendUpgrade: upgradesOf(upstream.port, systemClock).send,
    idleTimeoutMs: 1000,
  }, systemClock);
  const over = Promise.withResolvers<void>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const response = await relays.connect({
        request,
        pathAndQuery: "/",
        headers: [["host", "x"]],
        expiresAtMs: undefined,
        onEnd: () => over.resolve(),
      });
      assert(response.ok);
      return response.value;
    },
  );
  const client = await realClient(server.addr.port);
  const end = closed(client);
  await server.shutdown();
  assertEquals((await end).code, 1001);
  await over.promise;
  assertEquals(relays.open, 0);
});

const ASKED = {
  "connection": "keep-alive, Upgrade",
  "upgrade": "WebSocket",
  "sec-websocket-key": SAMPLE_KEY,
  "sec-websocket-version": "13",
};

const REQUESTS: readonly [string, string, Record<string, string>, boolean][] = [
  ["a browser's request", "GET", {}, true],
  ["one of several protocols", "GET", { upgrade: "h2c, websocket" }, true],
  ["POST", "POST", {}, false],
  ["another protocol", "GET", { upgrade: "h2c" }, false],
  ["Connection without upgrade", "GET", { connection: "keep-alive" }, false],
  ["version 8", "GET", { "sec-websocket-version": "8" }, false],
  ["a short key", "GET", { "sec-websocket-key": "abc" }, false],
  ["two keys", "GET", { "sec-websocket-key": `${SAMPLE_KEY}, ${SAMPLE_KEY}` }, false],
  ["no upgrade at all", "GET", { upgrade: "" }, false],
];

for (const [what, method, changed, expected] of REQUESTS) {
  Deno.test(`${what} ${expected ? "asks" : "does not ask"} for a WebSocket`, () => {
    const headers = new Headers({ ...ASKED, ...changed });
    assertEquals(isWebSocketUpgrade(method, headers), expected);
  });
}

Deno.test("an upgrade to another protocol is not relayed", async () => {
  await using proxy = relayProxy(freePort());
  const other = clientHandshake().replace("Upgrade: WebSocket", "Upgrade: other");
  const got = await rawRequest(proxy.port, other, { until: "response" });
  assertEquals(got.status, 200);
  assertIncludes(got.text, "no WebSocket");
});
