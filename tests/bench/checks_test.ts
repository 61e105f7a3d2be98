import { assertEquals, assertIncludes } from "../support/assert.ts";
import { countLines, upgradeStatus } from "./checks.ts";

Deno.test("the status line shows who relays WebSockets and who does not", async () => {
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
  assertEquals(await upgradeStatus(plain.addr.port, "a.b.c"), "HTTP/1.1 200 OK");
  assertEquals(seen, ["Bearer a.b.c"]);
  assertIncludes(await upgradeStatus(relay.addr.port, "a.b.c"), "HTTP/1.1 101 ");
});

Deno.test("a refused connection is described in words", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
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
