/** What goes wrong between the proxy and the upstream, and how it is reported. */
import type { Reason } from "../../src/failure.ts";
import { assert, assertEquals, assertExcludes, assertRejects } from "../support/assert.ts";
import { hang } from "../support/upstream.ts";
import { eventually } from "../support/waiting.ts";
import {
  asking,
  type Connected,
  fed,
  left,
  LIMIT_MS,
  readerOf,
  type Suite,
} from "./upstream_suite_support.ts";

/** Registers the tests of failures. */
export function failureTests(suite: Suite): void {
  headTests(suite);
  bodyTests(suite);
  leavingTests(suite);
}

/** Sends a request that has to fail, and says why it did. */
async function reasonOf({ upstream, clock }: Connected): Promise<Reason | "sent"> {
  const { request, ends } = asking({ pathAndQuery: "/?secret" });
  const response = await upstream.send(request);
  if (response.ok) return "sent";
  assertEquals(ends, []);
  assertEquals(clock.pending, 0);
  assertExcludes(response.failure.detail ?? "", "secret");
  return response.failure.reason;
}

function headTests({ test, connect }: Suite): void {
  const broken: readonly (readonly [name: string, bytes: string])[] = [
    ["nothing", ""],
    ["half a head", "HTTP/1.1 200 OK\r\nContent-Le"],
    ["something that is not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
    [
      "another length besides the length",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ],
    ["a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\nab"],
    ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"],
    ["a field without a colon", "HTTP/1.1 200 OK\r\nnothing\r\n\r\n"],
    ["a head of a megabyte", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(1 << 20)}\r\n\r\n`],
    [
      "a switch of protocols that was not asked for",
      "HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
    ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
    ["a status above 599", "HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n"],
  ];
  for (const [name, bytes] of broken) {
    test(`an upstream that sends ${name} is reported as broken.`, async () => {
      await using connected = await connect(async (socket) => {
        await socket.readRequest();
        if (bytes !== "") await socket.send(bytes);
      });
      assertEquals(await reasonOf(connected), "upstream_broken");
    });
  }

  for (
    const bytes of [
      "SSH-2.0-OpenSSH_9.2",
      "HTTP/0.9",
      "HTTP/2",
      "H\0",
      "HTTP/1.1 103 Early Hints\r\n\r\n+OK",
    ]
  ) {
    test(`an upstream that sends ${JSON.stringify(bytes)} and waits is broken at once.`, async () => {
      await using connected = await connect(async (socket) => {
        await socket.readRequest();
        await socket.send(bytes);
        await hang(socket);
      });
      // The clock stands still: no time limit ends it.
      assertEquals(await reasonOf(connected), "upstream_broken");
      await left(connected);
    });
  }

  test("an upstream that resets the connection is reported as broken.", async () => {
    await using connected = await connect(async (socket) => {
      await socket.readRequest();
      await socket.reset();
    });
    assertEquals(await reasonOf(connected), "upstream_broken");
  });

  test("an upstream that does not respond in time is given up and left.", async () => {
    await using connected = await connect(async (socket) => {
      await socket.readRequest();
      await hang(socket);
    });
    const sending = reasonOf(connected);
    await requested(connected);
    await connected.clock.advance(LIMIT_MS - 1);
    assertEquals(connected.clock.pending, 1);
    await connected.clock.advance(1);
    assertEquals(await sending, "upstream_timeout");
    await left(connected);
  });
}

function bodyTests({ test, connect }: Suite): void {
  test("a response whose body takes too long is aborted.", async () => {
    await using connected = await connect(async (socket) => {
      await socket.readRequest();
      await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
      await hang(socket);
    });
    const { clock } = connected;
    await breaksWith(connected, "upstream_timeout", () => clock.advance(LIMIT_MS));
    await left(connected);
  });

  test("a response within the limit is not aborted by a later one's time.", async () => {
    await using connected = await connect(async (socket) => {
      for (let i = 0; i < 2; i++) {
        await socket.readRequest();
        await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      }
      await hang(socket);
    });
    for (let i = 0; i < 2; i++) {
      const response = await connected.upstream.send(asking().request);
      assert(response.ok);
      await connected.clock.advance(LIMIT_MS - 1);
      assertEquals(await new Response(response.value.body).text(), "ok");
    }
  });
}

/** Reads a response of which "hello" comes and then, after `meanwhile`, only an error. */
async function breaksWith(
  { upstream, clock }: Connected,
  reason: Reason,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const { request, ends } = asking();
  const response = await upstream.send(request);
  assert(response.ok, JSON.stringify(response));
  const reader = readerOf(response.value);
  let got = "";
  while (got.length < 5) got += new TextDecoder().decode((await reader.read()).value);
  assertEquals([got, ends], ["hello", []]);
  const breaking = assertRejects(async () => {
    while (!(await reader.read()).done);
  });
  await meanwhile();
  await breaking;
  assertEquals(ends.map((end) => [end.bytes, end.failure?.reason]), [[5, reason]]);
  assertEquals(clock.pending, 0);
}

function leavingTests({ test, connect }: Suite): void {
  test("a client that has left already has nothing sent for it.", async () => {
    await using connected = await connect(hang);
    const { request, client } = asking();
    client.abort();
    const response = await connected.upstream.send(request);
    assertEquals(response.ok ? "sent" : response.failure.reason, "client_gone");
    assertEquals(connected.raw.connections.map((one) => one.all()).join(""), "");
    assertEquals(connected.clock.pending, 0);
  });

  test("a client that leaves in the middle of its upload takes the request along.", async () => {
    await using connected = await connect(async (socket) => {
      await socket.readUntil("one");
      await hang(socket);
    });
    const { body, feed } = fed();
    const { request, client } = asking({ method: "POST", body });
    const sending = connected.upstream.send(request);
    feed("one");
    await requested(connected);
    client.abort();
    const response = await sending;
    assertEquals(response.ok ? "sent" : response.failure.reason, "client_gone");
    await left(connected);
  });
}

/** Waits until the upstream has been sent something. */
async function requested({ raw }: Connected): Promise<void> {
  await eventually("the request", () => (raw.connections[0]?.all() ?? "") !== "");
}
