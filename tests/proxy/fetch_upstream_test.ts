import { makeFetchUpstream } from "../../src/proxy/fetch_upstream.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { hang, rawUpstream } from "../support/upstream.ts";
import { eventually } from "../support/waiting.ts";
import { upstreamSuite } from "./upstream_suite.ts";
import { asking, FETCH, LIMIT_MS, OK } from "./upstream_suite_support.ts";

upstreamSuite(
  "over fetch",
  ({ headTimeoutMs = Infinity, reuse = true, clock, ...options }) =>
    makeFetchUpstream({ ...options, headTimeoutMs, reuse }, clock),
  FETCH,
);

Deno.test("over fetch: closing waits for the requests that run, and for their bodies.", async () => {
  const go = Promise.withResolvers<void>();
  await using raw = await rawUpstream(async (socket, index) => {
    await socket.readRequest();
    if (index === 2) return await socket.send(OK);
    if (index === 1) await go.promise;
    await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
    if (index === 0) await go.promise;
    await socket.send("lf");
    await hang(socket);
  });
  const clock = new FakeClock();
  const upstream = makeFetchUpstream({
    origin: raw.url,
    prefix: "",
    timeoutMs: LIMIT_MS,
    headTimeoutMs: Infinity,
    reuse: true,
  }, clock);
  const read = await upstream.send(asking().request);
  assert(read.ok);
  const waiting = upstream.send(asking().request);
  await eventually("the second request", () => raw.connections.length === 2);
  upstream.close();
  go.resolve();
  assertEquals(await new Response(read.value.body).text(), "half");
  const waited = await waiting;
  assert(waited.ok);
  assertEquals(await new Response(waited.value.body).text(), "half");
  // Idle now, so that the connections go.
  await eventually("the end of the connections", () => raw.connections.every((one) => one.ended));
  // A request that was on its way when all was closed.
  const late = await upstream.send(asking().request);
  assert(late.ok);
  assertEquals(await new Response(late.value.body).text(), "ok");
  upstream.close();
  assertEquals(clock.pending, 0);
});
