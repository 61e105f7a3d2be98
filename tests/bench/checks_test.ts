import { assertEquals, assertIncludes } from "../support/assert.ts";
import { checkFault, countLines, statusOf, upgradeStatus } from "./checks.ts";
import { freePort } from "../support/free_port.ts";

Deno.test("the status shows who relays WebSockets and who does not", async () => {
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  const seen: (string | null)[] = [];
  await using plain = Deno.serve(options, (request) => {
    seen.push(request.headers.get("authorization"));
    return new Response("no");
  });
  await using relay = Deno.serve(options, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onerror = () => {};
    return response;
  });
  assertEquals(await upgradeStatus(plain.addr.port, "a.b.c"), "200");
  assertEquals(seen, ["Bearer a.b.c"]);
  assertEquals(await upgradeStatus(relay.addr.port, "a.b.c"), "101");
});

Deno.test("a refused connection is described in words", async () => {
  const port = freePort();
  assertIncludes(await upgradeStatus(port, "a.b.c"), "refused");
});

Deno.test("lines are counted, also those that come a little later", async () => {
  const path = await Deno.makeTempFile({ prefix: "ooproxy_bench_" });
  try {
    await Deno.writeTextFile(path, "one\ntwo\nunfinished");
    assertEquals(await countLines(path, 2), 2);
    const late = new Promise<void>((resolve) => {
      setTimeout(() => resolve(Deno.writeTextFile(path, "\n", { append: true })), 150);
    });
    assertEquals(await countLines(path, 3), 3);
    await late;
  } finally {
    await Deno.remove(path);
  }
});

/** Tokens of a check; the names are what is wrong with them. */
const TOKENS = {
  token: "good",
  badTokens: new Map([["a bad signature", "forged"], ["an exp that has passed", "old"]]),
};

/** The fault of a proxy that responds so; 401 to what is not listed. */
function faultOf(statuses: Record<string, string>) {
  return checkFault((token) => Promise.resolve(statuses[token ?? ""] ?? "401"), TOKENS);
}

Deno.test("a proxy that lets the good token through and nothing else has no fault", async () => {
  assertEquals(await faultOf({ good: "200" }), undefined);
  assertEquals(await faultOf({ good: "101", forged: "403" }), undefined);
});

Deno.test("a proxy that checks nothing, or not everything, is found", async () => {
  const rows = [
    [{ good: "200", "": "200" }, "does not refuse no token (200)"],
    [{ good: "200", forged: "200" }, "does not refuse a bad signature (200)"],
    [{ good: "200", old: "302" }, "does not refuse an exp that has passed (302)"],
    [{ good: "200", old: "502" }, "does not refuse an exp that has passed (502)"],
    [{ good: "401" }, "refuses a good token (401)"],
    [{ good: "302" }, "refuses a good token (302)"],
  ] as const;
  for (const [statuses, fault] of rows) assertEquals(await faultOf(statuses), fault);
});

Deno.test("each look has a connection of its own, and only the token it is given", async () => {
  const seen: (string | null)[] = [];
  const ports = new Set<number>();
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  await using server = Deno.serve(options, (request, { remoteAddr }) => {
    seen.push(request.headers.get("authorization"));
    ports.add(remoteAddr.port);
    return new Response("no", { status: 403 });
  });
  const url = `http://127.0.0.1:${server.addr.port}/`;
  assertEquals([await statusOf(url), await statusOf(url, "a.b.c")], ["403", "403"]);
  assertEquals([seen, ports.size], [[null, "Bearer a.b.c"], 2]);
});
