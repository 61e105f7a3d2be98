/** How the transport over HTTP/1.1 uses connections: again, again after a stale one, or never again. */
import { assert, assertEquals } from "../../support/assert.ts";
import { FakeClock } from "../../support/clock.ts";
import type { RawSocket } from "../../support/raw.ts";
import { hang, responding } from "../../support/upstream.ts";
import {
  connectHttp1,
  type Http1Connected,
  http1Upstream,
  latin1,
  outcome,
  outcomeOf,
  pooled,
  ScriptedWire,
} from "./support.ts";
import { eventually, pause } from "../../support/waiting.ts";
import { asking, fed, OK, pieces } from "../upstream_suite_support.ts";

/** Responds to each request of a connection with the next of these texts, over and over. */
function inTurn(...responses: readonly string[]) {
  return async (socket: RawSocket) => {
    for (let i = 0; await socket.waitFor((unread) => unread !== "", 5000); i++) {
      await socket.readRequest();
      await socket.send(responses[i % responses.length] ?? "");
    }
  };
}

/** Waits until the first connection is closed; its script has to be waiting for that as well. */
async function closed({ raw }: Http1Connected): Promise<void> {
  await eventually("the end of the connection", () => raw.connections[0]?.ended === true);
}

const AGAIN: readonly (readonly [name: string, response: string, method?: string])[] = [
  ["with a length", OK],
  ["of no length", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
  ["in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
  ["of 204", "HTTP/1.1 204 No Content\r\n\r\n"],
  ["of 204 with a length of 0", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"],
  ["of 205", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"],
  ["of 304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"],
  ["of 304 in chunks", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["to HEAD with a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD"],
  ["to HEAD without one", "HTTP/1.1 200 OK\r\n\r\n", "HEAD"],
  [
    "of HTTP/1.0 that says so",
    `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n`,
  ],
  ["with interim responses", `HTTP/1.1 103 Early Hints\r\n\r\n${OK}`],
];
for (const [name, response, method = "GET"] of AGAIN) {
  Deno.test(`a connection is used again after a response ${name}.`, async () => {
    await using connected = await connectHttp1(inTurn(response));
    for (let i = 0; i < 3; i++) await outcome(connected.upstream, { method });
    assertEquals(connected.raw.connections.length, 1);
    assertEquals(connected.upstream.stats?.(), { open: 1, idle: 1 });
  });
}

const NEVER_AGAIN: readonly (readonly [name: string, response: string, method?: string])[] = [
  ["says close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"],
  ["is HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"],
  ["has a byte behind its body", `${OK}x`],
  ["has an empty line behind its body", `${OK}\r\n`],
  ["has another response behind it", OK + OK],
  [
    "has a byte behind its chunks",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nx",
  ],
  ["is a 204 with a body", "HTTP/1.1 204 No Content\r\n\r\nok"],
  ["is a 204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n"],
  ["is a 204 in chunks", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["is a 205 with a body", "HTTP/1.1 205 Reset\r\nContent-Length: 2\r\n\r\nok"],
  ["is a 205 in chunks", "HTTP/1.1 205 Reset\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["is a 205 without a length", "HTTP/1.1 205 Reset\r\n\r\n"],
  ["is a 304 with a body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok"],
  ["is one to HEAD with a body", OK, "HEAD"],
];
for (const [name, response, method = "GET"] of NEVER_AGAIN) {
  Deno.test(`a connection is not used again after a response that ${name}.`, async () => {
    await using connected = await connectHttp1(async (socket) => {
      await socket.readRequest();
      await socket.send(response);
      await hang(socket);
    });
    const bodiless = method === "HEAD" || /^HTTP\/1.1 (20[45]|304)/.test(response);
    const expected = `${response.slice(9, 12)} ${bodiless ? "" : "ok"}`;
    assertEquals(await outcome(connected.upstream, { method }), expected);
    assertEquals(await outcome(connected.upstream, { method }), expected);
    assertEquals(connected.raw.connections.length, 2);
    await closed(connected);
    assertEquals(connected.upstream.stats?.().idle, 0);
  });
}

const BROKEN: readonly (readonly [name: string, response: string])[] = [
  ["a bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok\r\n\r\n"],
  ["a folded line", "HTTP/1.1 200 OK\r\nA: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok"],
  ["a space before a colon", "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok"],
  ["NUL in a field", "HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 2\r\n\r\nok"],
  [
    "chunks and a length",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
  ],
  ["another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
  ["a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\nok"],
  ["interim responses without end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(17) + OK],
  ["101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
  ["300 fields", `HTTP/1.1 200 OK\r\n${"A: 1\r\n".repeat(300)}Content-Length: 2\r\n\r\nok`],
  ["70 KiB of head", `HTTP/1.1 200 OK\r\nA: ${"x".repeat(70_000)}\r\nContent-Length: 2\r\n\r\nok`],
  [
    "70 KiB of interim heads",
    `HTTP/1.1 103 Hints\r\nA: ${"x".repeat(10_000)}\r\n\r\n`.repeat(7) + OK,
  ],
];
for (const [name, response] of BROKEN) {
  Deno.test(`a response with ${name} is broken, and its connection closed.`, async () => {
    await using connected = await connectHttp1(async (socket) => {
      await socket.readRequest();
      await socket.send(response);
      await hang(socket);
    });
    assertEquals(await outcome(connected.upstream), "upstream_broken");
    await closed(connected);
    assertEquals(connected.upstream.stats?.(), { open: 0, idle: 0 });
  });
}

const NO_RESPONSE = [
  "\r\n",
  "hTTP/1.1",
  "HT\0",
  "HTTP:",
  "HTTP/2",
  "HTTP/11",
  "HTTP/1.1 103 A\r\n\r\nX",
];
for (const said of NO_RESPONSE) {
  Deno.test(`an upstream is broken at the first byte that no response has, as in ${JSON.stringify(said)}.`, async () => {
    for (let at = 1; at <= said.length; at++) {
      const pieces = [said.slice(0, at), said.slice(at)].filter((piece) => piece !== "");
      const wire = new ScriptedWire(pieces.map(latin1), { silent: true });
      const clock = new FakeClock();
      assertEquals(await outcome(pooled(() => wire, {}, clock)), "upstream_broken");
      assert(wire.closed);
      assertEquals(clock.pending, 0);
    }
  });
}

Deno.test("the beginning of a response is waited for.", async () => {
  const whole = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  const wire = new ScriptedWire([...whole].map(latin1), { silent: true });
  const upstream = pooled(() => wire);
  assertEquals(await outcome(upstream), "200 ");
  upstream.close();
});

Deno.test("a head of 60 KiB is taken.", async () => {
  const response = `HTTP/1.1 200 OK\r\nA: ${"x".repeat(60_000)}\r\nContent-Length: 2\r\n\r\nok`;
  await using connected = await connectHttp1(inTurn(response, OK));
  assertEquals(await outcome(connected.upstream), "200 ok");
  assertEquals(await outcome(connected.upstream), "200 ok");
  assertEquals(connected.raw.connections.length, 1);
});

Deno.test("a byte on an idle connection poisons it.", async () => {
  await using connected = await connectHttp1(async (socket, index) => {
    await socket.readRequest();
    await socket.send(OK);
    await pause(30);
    if (index === 0) await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    await hang(socket);
  });
  assertEquals(await outcome(connected.upstream), "200 ok");
  await eventually("the end of the connection", () => connected.upstream.stats?.().open === 0);
  assertEquals(await outcome(connected.upstream), "200 ok");
  assertEquals(connected.raw.connections.length, 2);
});

Deno.test("the connection used last is used first.", async () => {
  await using connected = await connectHttp1(async (socket, index) => {
    const response = `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${index}`;
    while (await socket.waitFor((unread) => unread !== "", 5000)) {
      const { startLine } = await socket.readRequest();
      if (startLine.includes("/slow")) await pause(50);
      await socket.send(response);
    }
  });
  const both = await Promise.all([
    outcome(connected.upstream, { pathAndQuery: "/slow" }),
    outcome(connected.upstream),
  ]);
  const last = both[0];
  for (let i = 0; i < 3; i++) assertEquals(await outcome(connected.upstream), last);
  assertEquals(connected.upstream.stats?.(), { open: 2, idle: 2 });
});

/** Responds to the first request, and ends the connection in this way when the second has come. */
function stale(end: (socket: RawSocket) => Promise<void>) {
  return async (socket: RawSocket, index: number) => {
    await socket.readRequest();
    await socket.send(OK);
    if (index > 0) return await hang(socket);
    await socket.readRequest();
    await end(socket);
  };
}

for (const way of ["close", "reset"] as const) {
  for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]) {
    Deno.test(`a ${method} on a stale connection (${way}) is sent once more.`, async () => {
      await using connected = await connectHttp1(stale((socket) => socket[way]()));
      assertEquals(await outcome(connected.upstream), "200 ok");
      assertEquals((await outcome(connected.upstream, { method })).slice(0, 3), "200");
      assertEquals(connected.raw.connections.length, 2);
    });
  }

  for (const method of ["POST", "PATCH", "PROPFIND", "get"]) {
    Deno.test(`a ${method} on a stale connection (${way}) is not sent again.`, async () => {
      await using connected = await connectHttp1(stale((socket) => socket[way]()));
      assertEquals(await outcome(connected.upstream), "200 ok");
      assertEquals(await outcome(connected.upstream, { method }), "upstream_broken");
      assertEquals(connected.raw.connections.length, 1);
    });
  }
}

Deno.test("a PUT whose body has been taken is not sent again.", async () => {
  await using connected = await connectHttp1(stale((socket) => socket.close()));
  assertEquals(await outcome(connected.upstream), "200 ok");
  const put = { method: "PUT", body: pieces("one") };
  assertEquals(await outcome(connected.upstream, put), "upstream_broken");
  assertEquals(connected.raw.connections.length, 1);
});

Deno.test("a request is not sent again when its response has begun.", async () => {
  await using connected = await connectHttp1(stale(async (socket) => {
    await socket.send("HTTP/1.1 2");
    await socket.close();
  }));
  assertEquals(await outcome(connected.upstream), "200 ok");
  assertEquals(await outcome(connected.upstream), "upstream_broken");
  assertEquals(connected.raw.connections.length, 1);
});

Deno.test("a request is sent again only once, and not at all on a fresh connection.", async () => {
  await using connected = await connectHttp1(async (socket, index) => {
    await socket.readRequest();
    if (index > 0) return await socket.close();
    await socket.send(OK);
    await socket.readRequest();
    await socket.close();
  });
  assertEquals(await outcome(connected.upstream), "200 ok");
  assertEquals(await outcome(connected.upstream), "upstream_broken");
  assertEquals(connected.raw.connections.length, 2);
});

Deno.test("a connection is not used again after its time of idleness or its life.", async () => {
  await using connected = await connectHttp1(inTurn(OK));
  for (const ms of [61_000, 301_000]) {
    assertEquals(await outcome(connected.upstream), "200 ok");
    await connected.clock.advance(ms);
  }
  assertEquals(await outcome(connected.upstream), "200 ok");
  assertEquals(connected.raw.connections.length, 3);
  // Used all the time, but for more than five minutes.
  for (let i = 0; i < 7; i++) {
    await connected.clock.advance(50_000);
    assertEquals(await outcome(connected.upstream), "200 ok");
  }
  assertEquals(connected.raw.connections.length, 4);
});

Deno.test("a connection is left a second before the upstream said it closes.", async () => {
  await using connected = await connectHttp1(inTurn(
    "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n",
  ));
  for (const [ms, connections] of [[0, 1], [4000, 1], [4001, 2]] as const) {
    await connected.clock.advance(ms);
    await outcome(connected.upstream);
    assertEquals(connected.raw.connections.length, connections);
  }
});

Deno.test("an idle connection is closed while others work.", async () => {
  await using connected = await connectHttp1(async (socket) => {
    while (await socket.waitFor((unread) => unread !== "", 5000)) {
      const { startLine } = await socket.readRequest();
      if (startLine.includes("/slow")) return await hang(socket);
      await socket.send(OK);
    }
  }, { timeoutMs: 100_000 });
  await outcome(connected.upstream);
  const { request, client } = asking({ pathAndQuery: "/slow" });
  const other = asking();
  const first = connected.upstream.send(request);
  assertEquals(await outcomeOf(connected.upstream, other), "200 ok");
  assertEquals(connected.upstream.stats?.(), { open: 2, idle: 1 });
  await connected.clock.advance(61_000);
  assertEquals(connected.upstream.stats?.(), { open: 1, idle: 0 });
  client.abort();
  assertEquals((await first).ok, false);
  assertEquals(connected.clock.pending, 0);
});

Deno.test("beyond the most connections requests wait, and beyond the queue they fail.", async () => {
  const go = Promise.withResolvers<void>();
  await using connected = await connectHttp1(async (socket) => {
    while (await socket.waitFor((unread) => unread !== "", 5000)) {
      const { startLine } = await socket.readRequest();
      await go.promise;
      const body = startLine.split(" ")[1] ?? "";
      await socket.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    }
  }, { maxConnections: 2, maxQueued: 3 });
  const all = Array.from(
    { length: 7 },
    (_, i) => outcome(connected.upstream, { pathAndQuery: `/${i}` }),
  );
  await eventually("two connections", () => connected.upstream.stats?.().open === 2);
  go.resolve();
  assertEquals(await Promise.all(all), [
    ...["/0", "/1", "/2", "/3", "/4"].map((path) => `200 ${path}`),
    "upstream_busy",
    "upstream_busy",
  ]);
  assertEquals(connected.raw.connections.length, 2);
});

Deno.test("a request that waits for a connection can run out of time or lose its client.", async () => {
  await using connected = await connectHttp1(hang, { maxConnections: 1 });
  const first = outcome(connected.upstream);
  const leaving = asking();
  const left = outcomeOf(connected.upstream, leaving);
  const last = outcome(connected.upstream);
  await eventually("a connection", () => connected.raw.connections.length === 1);
  leaving.client.abort();
  assertEquals(await left, "client_gone");
  await connected.clock.advance(5000);
  assertEquals([await first, await last], ["upstream_timeout", "upstream_timeout"]);
  assertEquals(connected.clock.pending, 0);
});

Deno.test("closing leaves running exchanges their connection until they are over.", async () => {
  const go = Promise.withResolvers<void>();
  await using connected = await connectHttp1(async (socket) => {
    await socket.readRequest();
    await go.promise;
    await socket.send(OK);
    await hang(socket);
  });
  const running = outcome(connected.upstream);
  await eventually("a connection", () => connected.upstream.stats?.().open === 1);
  connected.upstream.close();
  go.resolve();
  assertEquals(await running, "200 ok");
  assertEquals(connected.upstream.stats?.(), { open: 0, idle: 0 });
  await closed(connected);
});

Deno.test("a stream of events lives as long as events come.", async () => {
  await using connected = await connectHttp1(async (socket) => {
    await socket.readRequest();
    await socket.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    while (await socket.waitFor(() => next, 5000)) {
      next = false;
      await socket.send("data: x\n\n");
    }
  });
  let next = true;
  const { request, ends } = asking();
  const response = await connected.upstream.send(request);
  assert(response.ok && response.value.body instanceof ReadableStream);
  const reader = response.value.body.getReader();
  assertEquals((await reader.read()).value?.length, 9);
  // Nothing more comes: the limit for silence counts, not the one for the whole.
  const reading = reader.read().then(() => "read", () => "broken");
  await connected.clock.advance(1750);
  assertEquals(ends, []);
  await connected.clock.advance(500);
  assertEquals(await reading, "broken");
  assertEquals(ends.map((end) => [end.bytes, end.failure?.reason]), [[9, "upstream_timeout"]]);
  await closed(connected);
});

Deno.test("a client that is watched late is still noticed.", async () => {
  await using connected = await connectHttp1(hang, { watchClientAfterMs: 250 });
  for (const early of [true, false]) {
    const { request, client } = asking();
    if (early) client.abort();
    const sending = connected.upstream.send(request);
    await connected.clock.advance(250);
    client.abort();
    const response = await sending;
    assertEquals(response.ok ? "sent" : response.failure.reason, "client_gone");
  }
  assertEquals(connected.clock.pending, 0);
});

for (const [name, texts] of [["fewer", ["one"]], ["more", ["one", "two", "x"]]] as const) {
  Deno.test(`a body of ${name} bytes than announced is broken.`, async () => {
    await using connected = await connectHttp1(async (socket) => {
      await socket.readUntil("\r\n\r\n");
      await hang(socket);
    });
    const result = await outcome(connected.upstream, {
      method: "POST",
      headers: [["host", "h"], ["content-length", "6"]],
      body: pieces(...texts),
    });
    assertEquals(result, "broken_body");
    await closed(connected);
    assert(!connected.raw.connections[0]?.all().includes("x"));
  });
}

Deno.test("an upload goes on while its response comes, and the connection is used again.", async () => {
  await using connected = await connectHttp1(async (socket, index) => {
    await socket.readUntil("one");
    await socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfor\r\n");
    await socket.readUntil("two");
    await socket.readUntil("0\r\n\r\n");
    await socket.send("4\r\n you\r\n0\r\n\r\n");
    if (index === 0) await inTurn(OK)(socket);
  });
  const { body, feed, end } = fed();
  const { request } = asking({ method: "POST", body });
  feed("one");
  const response = await connected.upstream.send(request);
  assert(response.ok);
  feed("two");
  end();
  assertEquals(await new Response(response.value.body).text(), "for you");
  assertEquals(await outcome(connected.upstream), "200 ok");
  assertEquals(connected.raw.connections.length, 1);
});

Deno.test("an upload stops when its response is over, and the connection is not used again.", async () => {
  await using connected = await connectHttp1(async (socket, index) => {
    await (index === 0 ? socket.readUntil("one") : socket.readRequest());
    await socket.send(OK);
    await hang(socket);
  });
  const upload = fed();
  upload.feed("one");
  const post = { method: "POST", body: upload.body };
  assertEquals(await outcome(connected.upstream, post), "200 ok");
  assert(upload.cancelled);
  assertEquals(await outcome(connected.upstream), "200 ok");
  assertEquals(connected.raw.connections.length, 2);
});

Deno.test("large pieces of an upload arrive whole, in chunks or with a length.", async () => {
  const size = 300_000;
  await using connected = await connectHttp1(async (socket) => {
    while (await socket.waitFor((unread) => unread !== "", 5000)) {
      const { body } = await socket.readRequest();
      const text = `${body.length} ${/^x*$/.test(body)}`;
      await socket.send(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    }
  });
  for (const length of [[], [["content-length", `${size}`]]] as [string, string][][]) {
    const result = await outcome(connected.upstream, {
      method: "POST",
      headers: [["host", "h"], ...length],
      body: pieces("x".repeat(200_000), "x".repeat(99_999), "x"),
    });
    assertEquals(result, `200 ${size} true`);
  }
  assertEquals(connected.raw.connections.length, 1);
});

Deno.test("what cannot be sent is refused, and the connection stays good.", async () => {
  await using connected = await connectHttp1(inTurn(OK));
  assertEquals(await outcome(connected.upstream), "200 ok");
  for (const bad of ["/a b", "/a\r\nb", "/\u0100", "/\0"]) {
    assertEquals(await outcome(connected.upstream, { pathAndQuery: bad }), "bad_target");
  }
  assertEquals(await outcome(connected.upstream, { headers: [["a", "1\r\nb: 2"]] }), "bad_target");
  assertEquals(await outcome(connected.upstream), "200 ok");
  assertEquals(connected.raw.connections.length, 1);
});

Deno.test("a length of 0 that the client sent goes on without a body.", async () => {
  await using connected = await connectHttp1(responding(OK));
  await outcome(connected.upstream, {
    method: "POST",
    headers: [["host", "h"], ["content-length", "0"]],
  });
  assertEquals(
    connected.raw.connections[0]?.all(),
    "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n",
  );
});

Deno.test("an upstream that takes no connection in time is a timeout.", async () => {
  const clock = new FakeClock();
  // Reserved for documentation: nothing responses there, or the network says so at once.
  const upstream = http1Upstream({ origin: "http://192.0.2.1:81" }, clock);
  const sending = outcome(upstream);
  await pause(20);
  await clock.advance(1000);
  assert(["upstream_timeout", "upstream_refused"].includes(await sending));
  assertEquals(clock.pending, 0);
  upstream.close();
});
