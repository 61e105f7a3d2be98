/** An upstream that does not keep to HTTP, or to any time. */
import { protect, TRANSPORTS } from "../proxy/harness.ts";
import { connecting } from "../proxy/through.ts";
import { clientHandshake } from "../proxy/websocket/support.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { openRaw, rawRequest, type RawSocket } from "../support/raw.ts";
import { hang, rawUpstream } from "../support/upstream.ts";
import { pause } from "../support/waiting.ts";

/** Far below UPSTREAM_TIMEOUT_SECS, in milliseconds. */
const SOON_MS = 4_000;

/** One second for the head of a response; everything else has its default. */
const HEADER_TIMEOUT = { UPSTREAM_HEADER_TIMEOUT_SECS: "1" };

/** Takes one request and responds to nothing. */
async function silent(socket: RawSocket): Promise<void> {
  await socket.readRequest();
  await hang(socket);
}

for (const transport of TRANSPORTS) {
  const connect = connecting(transport);

  for (const said of ["HTTP/0.9 200 OK\r\nhello", "SSH-2.0-OpenSSH_9.2\r\n", "+OK POP3", "H1"]) {
    Deno.test(`over ${transport.name}: an upstream that says ${JSON.stringify(said)} and waits gives 502 at once`, async () => {
      await using both = await connect(async (socket) => {
        await socket.readRequest();
        await socket.send(said);
        await hang(socket);
      });
      const began = performance.now();
      const { status } = await both.guarded.ask("GET /", { timeoutMs: SOON_MS });
      assertEquals(status, 502);
      assert(performance.now() - began < SOON_MS);
      await both.left();
    });
  }

  Deno.test(`over ${transport.name}: an upstream that says nothing gives 504 after UPSTREAM_HEADER_TIMEOUT_SECS`, async () => {
    await using both = await connect(silent, HEADER_TIMEOUT);
    const { status } = await both.guarded.ask("GET /", { timeoutMs: SOON_MS });
    assertEquals([status, (await both.guarded.record()).reason], [504, "upstream_timeout"]);
    await both.left();
  });

  Deno.test(`over ${transport.name}: an upload that takes longer than UPSTREAM_HEADER_TIMEOUT_SECS goes on`, async () => {
    await using both = await connect(async (socket) => {
      const { rawBody } = await socket.readRequest();
      await socket.send(
        `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${/c/.test(rawBody) ? "ok" : "no"}`,
      );
    }, HEADER_TIMEOUT);
    const { client, guarded } = both;
    await client.send(guarded.head("POST /", ["Content-Length: 3"]));
    for (const piece of "abc") {
      await pause(600);
      await client.send(piece);
    }
    const { status, body } = await client.readResponse();
    assertEquals([status, body], [200, "ok"]);
  });
}

Deno.test("a WebSocket handshake ends with 504 after UPSTREAM_HEADER_TIMEOUT_SECS as well", async () => {
  await using upstream = await rawUpstream(silent);
  await using guarded = await protect(upstream.url, { settings: HEADER_TIMEOUT });
  const { status } = await rawRequest(
    guarded.port,
    clientHandshake([`Authorization: Bearer ${guarded.token}`]),
    { until: "response", timeoutMs: SOON_MS },
  );
  assertEquals(status, 504);
});

/** Responds to each request with its target, and then once more. */
async function twice(socket: RawSocket): Promise<void> {
  while (await socket.waitFor((unread) => unread !== "")) {
    const { startLine } = await socket.readRequest();
    const target = startLine.split(" ")[1] ?? "";
    const response = `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`;
    await socket.send(response);
    setTimeout(() => void socket.send(response), 2);
  }
}

/** Responses to other requests among 200, from clients that ask one request after the other. */
async function wrongResponses(settings: Readonly<Record<string, string>>): Promise<number> {
  await using upstream = await rawUpstream(twice);
  await using guarded = await protect(upstream.url, { settings });
  let wrong = 0;
  await Promise.all(Array.from({ length: 4 }, async (_, one) => {
    await using client = await openRaw(guarded.port);
    for (let i = 0; i < 50; i++) {
      const target = `/${one}-${i}`;
      await client.send(guarded.head(`GET ${target}`));
      const { status, body } = await client.readResponse();
      if (status === 200 && body !== target) wrong++;
    }
  }));
  await pause(10);
  return wrong;
}

for (const transport of TRANSPORTS) {
  Deno.test(`over ${transport.name}: with UPSTREAM_REUSE_CONNECTIONS=false a response too many goes to no other request`, async () => {
    const wrong = await wrongResponses({
      ...transport.settings,
      UPSTREAM_REUSE_CONNECTIONS: "false",
    });
    assertEquals(wrong, 0);
  });
}
