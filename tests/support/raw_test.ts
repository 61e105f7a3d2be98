import { assert, assertEquals, assertIncludes, assertRejects } from "./assert.ts";
import { openRaw, parseMessage, rawRequest } from "./raw.ts";
import { hang, httpUpstream, rawUpstream, responding } from "./upstream.ts";
import { pause } from "./waiting.ts";
import { freePort } from "./free_port.ts";

const HELLO = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const GET = "GET /a/../b?c HTTP/1.1\r\nHost: h\r\n\r\n";

Deno.test("a raw request gets the status, the headers in order and the body", async () => {
  await using upstream = await rawUpstream(async (socket) => {
    await socket.readRequest();
    await socket.send("HTTP/1.1 418 Odd\r\nX-A: 1\r\nx-a: 2\r\n\r\nb\xffdy");
  });
  const response = await rawRequest(upstream.port, GET);
  assertEquals(response.status, 418);
  assertEquals(response.headers, [["X-A", "1"], ["x-a", "2"]]);
  assertEquals([response.body, response.closed, response.complete], ["b\xffdy", true, true]);
  assertEquals(response.bytes.at(-3), 0xff);
  assertEquals(upstream.connections[0]?.all(), GET);
});

Deno.test("a raw request can stop at the end of a response on a kept connection", async () => {
  await using upstream = await rawUpstream(responding(HELLO));
  const response = await rawRequest({ port: upstream.port }, GET, { until: "response" });
  assertEquals([response.body, response.closed], ["hello", false]);
});

Deno.test("a raw request ends when its time has passed", async () => {
  await using upstream = await rawUpstream(hang);
  const response = await rawRequest(upstream.port, GET, { timeoutMs: 50 });
  assertEquals([response.text, response.closed, response.status], ["", false, 0]);
});

Deno.test("a reset is seen as a reset on both sides", async () => {
  await using upstream = await rawUpstream(async (socket, index) => {
    await socket.readRequest();
    if (index === 0) return await socket.reset();
    await hang(socket);
  });
  assertEquals((await rawRequest(upstream.port, GET)).error, "ECONNRESET");
  await using client = await openRaw(upstream.port);
  await client.send(GET);
  await client.waitFor(() => false, 30);
  await client.reset();
  const [, second] = upstream.connections;
  assert(second !== undefined);
  await client.untilClosed(100);
  await pause(30);
  assertEquals(second.error, "ECONNRESET");
});

Deno.test("an opened connection is read in steps and keeps messages apart", async () => {
  await using upstream = httpUpstream();
  await using client = await openRaw(upstream.port);
  await client.send(GET + "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
  assertEquals((await client.readResponse()).body, "hello");
  assertEquals((await client.readResponse()).body, "hello");
  assertEquals(client.unread(), "");
  assertEquals(upstream.requests.map((request) => request.body), ["", "abc"]);
  assertEquals(upstream.requests[0]?.target, "/a/../b?c");
});

Deno.test("a half-closed connection still gets its response", async () => {
  await using upstream = await rawUpstream(async (socket) => {
    assert(await socket.untilClosed());
    await socket.send(HELLO);
  });
  const response = await rawRequest(upstream.port, GET, { halfClose: true });
  assertEquals(response.body, "hello");
});

Deno.test("a response in pieces with chunks is put together, and a cut one is not complete", async () => {
  const chunks = [
    "HTTP/1.1 200 OK\r\nTransfer-Enc",
    "oding: chunked\r\n\r\n3\r\nabc\r",
    "\n2\r\nde",
  ];
  await using upstream = await rawUpstream(async (socket, index) => {
    await socket.readRequest();
    await socket.sendInPieces(index === 0 ? [...chunks, "\r\n0\r\n\r\n"] : chunks, 5);
  });
  const whole = await rawRequest(upstream.port, GET);
  assertEquals([whole.body, whole.complete], ["abcde", true]);
  const cut = await rawRequest(upstream.port, GET);
  assertEquals([cut.body, cut.complete], ["abcde", false]);
});

Deno.test("a step that times out shows what came instead", async () => {
  await using upstream = await rawUpstream(responding("nonsense"));
  await using client = await openRaw(upstream.port);
  await client.send(GET);
  await assertRejects(() => client.readUntil("HTTP", 50), /nonsense/);
});

Deno.test("a script that fails makes the closing of its upstream fail", async () => {
  const upstream = await rawUpstream(async (socket) => {
    await socket.readUntil("never", 10);
  });
  await rawRequest(upstream.port, GET);
  await assertRejects(() => upstream.close(), /never/);
});

Deno.test("a peer that does not read holds the sender back", async () => {
  let sent = 0;
  await using upstream = await rawUpstream(async function fill(socket): Promise<void> {
    if (sent > 64e6) return;
    await socket.send(new Uint8Array(1e6));
    sent += 1e6;
    await fill(socket);
  });
  await using client = await openRaw(upstream.port);
  await pause(200);
  assert(sent < 32e6, `${sent} bytes went out`);
  await client.close();
});

Deno.test("a connection to a closed port is refused", async () => {
  const port = freePort();
  await assertRejects(() => openRaw(port), /ECONNREFUSED/);
});

Deno.test("the head of a message with a bare body is parsed", () => {
  const message = parseMessage("HTTP/1.1 204 No Content\r\nA:b\r\n\r\n", false, "GET");
  assertEquals([message.status, message.complete, message.header("a")], [204, true, "b"]);
  assertIncludes(message.startLine, "204");
});

Deno.test("a response to a request that was not read arrives whole before the connection closes", async () => {
  await using upstream = await rawUpstream(async (socket) => {
    await socket.readUntil("\r\n\r\n");
    await socket.send(HELLO);
  });
  const post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n";
  const response = await rawRequest(upstream.port, post + "x".repeat(100_000));
  assertEquals([response.body, response.error], ["hello", undefined]);
});
