/** Clients that want too much, are too slow or leave: what they get, and that all of it is given back. */
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { openRaw, rawRequest, type RawResponse, type RawSocket } from "../support/raw.ts";
import { judgingUpstream } from "../support/raw_upstream.ts";
import { hang, rawUpstream } from "../support/upstream.ts";
import { eventually, type Service, startService } from "./harness.ts";

const MAX_URL_BYTES = 200;
const MAX_HEADER_BYTES = 2_000;
const MAX_BODY_BYTES = 100_000;
const MAX_REQUESTS = 8;

const LIMITS = {
  NUM_WORKERS: "1",
  MAX_URL_BYTES: String(MAX_URL_BYTES),
  MAX_HEADER_BYTES: String(MAX_HEADER_BYTES),
  MAX_BODY_BYTES: String(MAX_BODY_BYTES),
  MAX_REQUESTS: String(MAX_REQUESTS),
  CLIENT_IDLE_TIMEOUT_SECS: "1",
};

/** More than every buffer between an upstream and a client that does not read. */
const LARGE_RESPONSE_BYTES = 256 * 1024 * 1024;

const LARGE_PIECE = new Uint8Array(1024 * 1024);

/** How long the upstream waits for the next request on a connection, in milliseconds. */
const NEXT_REQUEST_MS = 60_000;

/** An upstream on bare sockets: what it does depends on the target. */
async function scriptedUpstream() {
  const held = Promise.withResolvers<void>();
  const events = Promise.withResolvers<void>();
  const upstream = await rawUpstream(async function serve(socket): Promise<void> {
    if (!await socket.waitFor((text) => text.includes("\r\n\r\n"), NEXT_REQUEST_MS)) return;
    const head = await socket.readUntil("\r\n\r\n");
    switch (head.split(" ")[1]) {
      case "/large":
        await socket.send(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE_RESPONSE_BYTES}\r\n\r\n`);
        for (let sent = 0; sent < LARGE_RESPONSE_BYTES; sent += LARGE_PIECE.length) {
          if (socket.error !== undefined) return;
          await socket.send(LARGE_PIECE);
        }
        return;
      case "/events":
        await socket.send(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 4\r\n\r\n",
        );
        await events.promise;
        await socket.send("a\n\n\n");
        return await serve(socket);
      case "/held":
        await held.promise;
        await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nheld");
        return await serve(socket);
      case "/mid":
        await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
        return await hang(socket);
      case "/take":
        return await hang(socket);
      default:
        await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        return await serve(socket);
    }
  });
  const startedWith = (target: string) =>
    upstream.connections.filter((one) => one.all().includes(` ${target} `));
  return { upstream, startedWith, release: held.resolve, bringEvent: events.resolve };
}

function port(service: Service): number {
  return Number(new URL(service.url()).port);
}

/** A request head; `fields` without line ends. */
function head(method: string, target: string, ...fields: readonly string[]): string {
  return [`${method} ${target} HTTP/1.1`, "Host: a", ...fields, "", ""].join("\r\n");
}

/** Sends a head (and more) on a connection of its own; the response, which may lack its last byte. */
function ask(service: Service, text: string): Promise<RawResponse> {
  return rawRequest(port(service), text, { until: "response" });
}

/** Waits until no request is under way; what is still open towards the upstream is idle. */
async function quiet(service: Service, connections: readonly RawSocket[]): Promise<void> {
  await eventually(
    "no request in flight",
    async () => await service.metric("ooproxy_requests_in_flight") === 0,
  );
  await eventually(
    "no unused connection to the upstream",
    async () =>
      await service.metric("ooproxy_upstream_connections") ===
        connections.filter(({ ended }) => !ended).length,
  );
}

Deno.test("Limits hold at their edges, slow clients are given up, and nothing is left behind.", async (t) => {
  const { upstream, startedWith, release, bringEvent } = await scriptedUpstream();
  await using _upstream = upstream;
  await using service = await startService({ settings: { ...LIMITS, UPSTREAM_URL: upstream.url } });
  const good = `Authorization: Bearer ${await service.token()}`;

  await t.step(
    "A head may be as large as its limits, and no larger, with or without a token.",
    async () => {
      const target = (length: number) => `/${"p".repeat(length - 1)}`;
      assertEquals((await ask(service, head("GET", target(MAX_URL_BYTES), good))).status, 200);
      assertEquals((await ask(service, head("GET", target(MAX_URL_BYTES)))).status, 401);
      assertEquals((await ask(service, head("GET", target(MAX_URL_BYTES + 1)))).status, 414);
      // `host: a` and `x: ` with their line ends.
      const room = MAX_HEADER_BYTES - 9 - 5;
      assertEquals((await ask(service, head("GET", "/", `x: ${"y".repeat(room)}`))).status, 401);
      assertEquals(
        (await ask(service, head("GET", "/", `x: ${"y".repeat(room + 1)}`))).status,
        431,
      );
    },
  );

  await t.step(
    "A body may announce as much as its limit, and no more, with or without a token.",
    async () => {
      const length = (bytes: number) => `Content-Length: ${bytes}`;
      const body = "b".repeat(MAX_BODY_BYTES);
      const whole = head("POST", "/whole", length(MAX_BODY_BYTES), good) + body;
      assertEquals((await ask(service, whole)).status, 200);
      // Nothing of these bodies is ever sent.
      assertEquals((await ask(service, head("POST", "/", length(MAX_BODY_BYTES)))).status, 401);
      assertEquals((await ask(service, head("POST", "/", length(MAX_BODY_BYTES + 1)))).status, 413);
      const before = upstream.connections.length;
      const over = head("POST", "/over", length(MAX_BODY_BYTES + 1), good);
      assertEquals((await ask(service, over)).status, 413);
      assertEquals([startedWith("/over").length, upstream.connections.length], [0, before]);
    },
  );

  await t.step(
    "An upload without a token is refused while it is sent, and its connection breaks.",
    async () => {
      await using socket = await openRaw(port(service));
      await socket.send(head("POST", "/", `Content-Length: ${MAX_BODY_BYTES}`));
      assertIncludes(await socket.readUntil("missing_token"), "HTTP/1.1 401");
      assert(await socket.untilClosed());
    },
  );

  await t.step(
    "Who asks before sending a body is refused without one, though the runtime says go on.",
    async () => {
      await using socket = await openRaw(port(service));
      await socket.send(head("POST", "/", "Content-Length: 10", "Expect: 100-continue"));
      assertIncludes(await socket.readUntil("\r\n\r\n"), "HTTP/1.1 100 ");
      const { status, body } = await socket.readResponse();
      assertEquals([status, JSON.parse(body).error], [401, "missing_token"]);
    },
  );

  await t.step(
    "Beyond the most requests there may be the response is 503; the others finish.",
    async () => {
      const running = Array.from(
        { length: MAX_REQUESTS },
        () => ask(service, head("GET", "/held", good)),
      );
      await eventually("the requests", () => startedWith("/held").length === MAX_REQUESTS);
      assertEquals((await ask(service, head("GET", "/", good))).status, 503);
      release();
      for (const { status, body } of await Promise.all(running)) {
        assertEquals([status, body], [200, "held"]);
      }
      assertEquals((await ask(service, head("GET", "/", good))).status, 200);
      await quiet(service, upstream.connections);
    },
  );

  await t.step(
    "A client that sends nothing of a body, or reads nothing of a response, times out; a silent upstream does not.",
    async () => {
      await using slow = await openRaw(port(service));
      await using deaf = await openRaw(port(service));
      await using listener = await openRaw(port(service));
      await slow.send(head("POST", "/take", "Content-Length: 10", good) + "abc");
      await deaf.send(head("GET", "/large", good));
      await listener.send(head("GET", "/events", good));
      await listener.readUntil("\r\n\r\n");

      const { status, body } = await slow.readResponse(10_000);
      assertEquals([status, JSON.parse(body).error], [408, "request_timeout"]);
      const [taken] = startedWith("/take");
      await eventually("the end of the broken request", () => taken?.ended);
      assert(taken?.all().endsWith("\r\n\r\nabc"));

      const kinds = 'ooproxy_upstream_failures_total{reason="client_timeout"}';
      await eventually("both given up", async () => await service.metric(kinds) === 2);
      await eventually("a freed connection", () => startedWith("/large")[0]?.error !== undefined);
      // What came late is whole in no way.
      await deaf.untilClosed();
      assert(deaf.all().length < LARGE_RESPONSE_BYTES);

      bringEvent();
      assertEquals(await listener.readUntil("a\n\n\n"), "a\n\n\n");
      await quiet(service, upstream.connections);
    },
  );

  const STAGES: readonly (readonly [stage: string, leave: () => Promise<RawSocket>])[] = [
    ["before its head", () => sent("")],
    ["in its head", () => sent(head("GET", "/held", good).slice(0, -2))],
    ["in its body", () => sent(head("POST", "/take", "Content-Length: 10", good) + "abc")],
    [
      "in a chunk",
      () => sent(head("POST", "/take", "Transfer-Encoding: chunked", good) + "5\r\nab"),
    ],
    ["before its response", () => sent(head("GET", "/take", good))],
    ["in its response", async () => {
      const socket = await sent(head("GET", "/mid", good));
      await socket.readUntil("first");
      return socket;
    }],
    ["after its response", async () => {
      const socket = await sent(head("GET", "/", good));
      await socket.readResponse();
      return socket;
    }],
  ];

  async function sent(text: string): Promise<RawSocket> {
    const socket = await openRaw(port(service));
    await socket.send(text);
    return socket;
  }

  for (const [stage, begin] of STAGES) {
    await t.step(`A client that leaves ${stage} leaves nothing behind.`, async () => {
      for (const way of ["close", "reset"] as const) {
        const before = startedWith("/take").length;
        const socket = await begin();
        if (/body|chunk|before its response/.test(stage)) {
          await eventually("the request", () => startedWith("/take").length > before);
        }
        await socket[way]();
        await quiet(service, upstream.connections);
      }
    });
  }
});

Deno.test("A body in chunks that grows too large never looks whole to the upstream.", async () => {
  await using upstream = await judgingUpstream();
  await using service = await startService({ settings: { ...LIMITS, UPSTREAM_URL: upstream.url } });
  const good = `Authorization: Bearer ${await service.token()}`;
  const chunk = (bytes: number) => `${bytes.toString(16)}\r\n${"c".repeat(bytes)}\r\n`;
  const upload = head("POST", "/", "Transfer-Encoding: chunked", good);

  const whole = await ask(service, `${upload}${chunk(MAX_BODY_BYTES)}0\r\n\r\n`);
  assertEquals([whole.status, upstream.take().map(({ body }) => body.length)], [200, [
    MAX_BODY_BYTES,
  ]]);

  const before = upstream.all().length;
  await using socket = await openRaw(port(service));
  await socket.send(upload + chunk(MAX_BODY_BYTES));
  await eventually("most of the body", () => upstream.all().length > before + MAX_BODY_BYTES);
  // The end is sent along: it must not help.
  await socket.send(`${chunk(1)}0\r\n\r\n`);
  assertIncludes(await socket.readUntil("content_too_large"), "HTTP/1.1 413");
  assert(await socket.untilClosed());
  await eventually("the broken request's end", () => upstream.unfinished().length === 0);
  assertEquals([upstream.take(), upstream.faults], [[], []]);
  assertExcludes(upstream.all().slice(before), "\r\n0\r\n\r\n");
  await quiet(service, []);
});
