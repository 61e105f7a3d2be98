/** Connections that rest or never end: they keep no other client waiting. */
import { assert, assertEquals } from "../support/assert.ts";
import { openRaw, type RawSocket } from "../support/raw.ts";
import { eventually, type Service, startService } from "./harness.ts";

const LARGE_PIECE = new Uint8Array(1024 * 1024);

/** Pieces of an upload that takes far longer than its refusal. */
const ENDLESS_PIECES = 1024;

function port(service: Service): number {
  return Number(new URL(service.url()).port);
}

/** A request head; `fields` without line ends. */
function head(method: string, target: string, ...fields: readonly string[]): string {
  return [`${method} ${target} HTTP/1.1`, "Host: a", ...fields, "", ""].join("\r\n");
}

/** Connections in each stage of the small version of `bench:idle`. */
const IDLE_CONNECTIONS = 125;

/** Files that a worker may open in the flood; it needs a few dozen of them itself. */
const FEW_FILES = 120;

async function allowFewFiles(pid: number): Promise<void> {
  const limited = await new Deno.Command("prlimit", {
    args: ["--pid", String(pid), `--nofile=${FEW_FILES}:${FEW_FILES}`],
  }).output();
  assert(limited.success);
}

Deno.test("Idle connections in every stage keep no other client waiting, and go when files run out.", async (t) => {
  await using service = await startService();
  const good = `Authorization: Bearer ${await service.token()}`;
  const open = async (text: string) => {
    const socket = await openRaw(port(service));
    await socket.send(text);
    return socket;
  };

  await t.step("500 idle connections, and a good client gets its response.", async () => {
    const begun = ["", "GET / HT", head("GET", "/"), head("PUT", "/", "Content-Length: 9", good)];
    const sockets = await Promise.all(
      begun.flatMap((text) => Array.from({ length: IDLE_CONNECTIONS }, () => open(text))),
    );
    for (let asked = 0; asked < 50; asked++) assertEquals((await service.get()).status, 200);
    await Promise.all(sockets.map((socket) => socket.close()));
    await eventually(
      "no request in flight",
      async () => await service.metric("ooproxy_requests_in_flight") === 0,
    );
  });

  await t.step(
    "An endless upload without a token is aborted before much of it is read.",
    async () => {
      await using socket = await openRaw(port(service));
      await socket.send(
        head("POST", "/", `Content-Length: ${ENDLESS_PIECES * LARGE_PIECE.length}`),
      );
      let pieces = 0;
      for (; pieces < ENDLESS_PIECES && socket.error === undefined; pieces++) {
        await socket.send(LARGE_PIECE);
      }
      assert(pieces < ENDLESS_PIECES);
      assertEquals(service.upstream.requests.filter(({ method }) => method === "POST").length, 0);
    },
  );

  await t.step(
    "When no more files can be opened, idle connections are closed and the service goes on.",
    async () => {
      for (const pid of service.workers()) await allowFewFiles(pid);
      const workers = service.workers();
      const flood: RawSocket[] = [];
      const flooded = () => service.log().some(({ msg }) => String(msg).includes("accept failed"));
      while (!flooded()) {
        assert(flood.length < 8 * FEW_FILES, service.process.output());
        const half = await open("GET / HTTP/1.1\r\nHo").catch(() => undefined);
        if (half !== undefined) flood.push(half);
      }
      await service.logged("listener reopened");
      await eventually("a good response", async () => {
        const response = await service.get().catch(() => undefined);
        return response?.status === 200;
      });
      const closed = await Promise.all(flood.map((socket) => socket.untilClosed(100)));
      assert(closed.filter((one) => one).length >= FEW_FILES / 2);
      assertEquals(service.workers(), workers);
      await Promise.all(flood.map((socket) => socket.close()));
    },
  );
});

Deno.test("The admin listener opens again as well when no more files could be opened.", async () => {
  await using service = await startService();
  await allowFewFiles(service.process.pid);
  const { port } = new URL(service.adminUrl());
  const flood: RawSocket[] = [];
  const flooded = () => service.log().some(({ msg }) => String(msg).includes("accept failed"));
  while (!flooded()) {
    assert(flood.length < 8 * FEW_FILES, service.process.output());
    const one = await openRaw(Number(port)).catch(() => undefined);
    if (one !== undefined) flood.push(one);
  }
  await service.logged("listener reopened");
  await Promise.all(flood.map((socket) => socket.close()));
  await eventually("a response", async () => {
    const response = await service.admin("/livez").catch(() => undefined);
    return response?.status === 200;
  });
});
