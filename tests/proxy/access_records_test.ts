/** What is logged of a request that went through the whole proxy, and what never is. */
import { assert, assertEquals, assertExcludes } from "../support/assert.ts";
import { rawRequest } from "../support/raw.ts";
import { hang, rawUpstream, responding } from "../support/upstream.ts";
import { headOf, protect, TRANSPORTS } from "./harness.ts";
import { freePort } from "../support/free_port.ts";

const HELLO = "HTTP/1.1 203 OK\r\nContent-Length: 5\r\n\r\nhello";

for (const transport of TRANSPORTS) {
  const test = (sentence: string, action: () => Promise<void>) =>
    Deno.test(`Over ${transport.name}: ${sentence}`, action);

  test("a good request is logged with who called, what came back and how long it took.", async () => {
    await using upstream = await rawUpstream(responding(HELLO));
    await using guarded = await protect(upstream.url, transport, {
      claims: { sub: "the-subject", client_id: "the-client" },
    });
    const before = Date.now();
    await guarded.ask("PUT /a/b%20c?secret=1", { fields: ["X-Request-Id: the-id"] });
    const { timeMs, durationMs, upstreamMs, ...rest } = await guarded.record();
    assertEquals(rest, {
      requestId: "the-id",
      client: "127.0.0.1",
      method: "PUT",
      path: "/a/b%20c",
      status: 203,
      reason: undefined,
      detail: undefined,
      verified: true,
      subject: "the-subject",
      provider: undefined,
      clientId: "the-client",
      bytes: 5,
    });
    assert(timeMs >= before && timeMs <= Date.now());
    assert(upstreamMs !== undefined && upstreamMs > 0 && upstreamMs <= durationMs);
  });

  test("the party that a token was issued to stands in for a missing client id.", async () => {
    await using upstream = await rawUpstream(responding(HELLO));
    await using guarded = await protect(upstream.url, transport, { claims: { azp: "party" } });
    await guarded.ask("GET /");
    assertEquals((await guarded.record()).clientId, "party");
  });

  const refusals: readonly (readonly [
    line: string,
    fields: readonly string[],
    status: number,
    reason: string,
    path: string,
  ])[] = [
    ["GET /a?b", ["Host: h"], 401, "missing_token", "/a"],
    ["GET /a?b", ["Host: h", "Authorization: Basic eDp5"], 401, "other_scheme", "/a"],
    ["GET /a?b", ["Host: h", "Authorization: Bearer a.b.c"], 401, "not_a_jwt", "/a"],
    ["GET /a?b", [], 400, "bad_host", ""],
    ["GET /a?b#c", ["Host: h"], 400, "bad_target", ""],
    ["TRACE /a?b", ["Host: h"], 405, "method_not_allowed", "/a"],
    ["GET /a?b", ["Host: h", "Content-Length: 1"], 400, "unexpected_body", "/a"],
  ];
  for (const [line, fields, status, reason, path] of refusals) {
    test(`${line} with ${fields.join(", ") || "no field"} is logged as ${reason}.`, async () => {
      await using guarded = await protect("http://127.0.0.1:1", transport);
      await rawRequest(guarded.port, headOf(line, fields), { until: "response" });
      const record = await guarded.record();
      assertEquals([record.status, record.reason, record.path], [status, reason, path]);
      assertEquals([record.bytes, record.subject, record.upstreamMs], [0, undefined, undefined]);
    });
  }

  test("an upstream that failed is logged with the subject that called.", async () => {
    await using guarded = await protect(`http://127.0.0.1:${freePort()}`, transport);
    await guarded.ask("GET /a?b");
    const { status, reason, subject, upstreamMs } = await guarded.record();
    assertEquals([status, reason, subject], [502, "upstream_refused", "test-client"]);
    assert(upstreamMs !== undefined);
  });

  test("each request is logged once, in the order of their ends.", async () => {
    await using upstream = await rawUpstream(responding(HELLO));
    await using guarded = await protect(upstream.url, transport);
    for (const path of ["/1", "/2", "/3"]) await guarded.ask(`GET ${path}`);
    await guarded.record(2);
    assertEquals(guarded.proxy.access.map(({ path }) => path), ["/1", "/2", "/3"]);
  });

  test("no token and no query string is logged anywhere, also when something goes wrong.", async () => {
    await using upstream = await rawUpstream(async (socket, index) => {
      await socket.readRequest();
      if (index === 0) await socket.send(HELLO);
      else if (index === 1) await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
      else if (index === 2) await socket.send("nonsense\r\n\r\n");
      else if (index === 3) await socket.reset();
      else await hang(socket);
    });
    await using guarded = await protect(upstream.url, transport, {
      settings: { UPSTREAM_TIMEOUT_SECS: "1" },
    });
    await using down = await protect(`http://127.0.0.1:${freePort()}`, transport);
    const query = "access_token=QUERYSECRET";
    for (const line of ["GET /a", "GET /b", "GET /c", "GET /d", "GET /e", "GET /../f"]) {
      await guarded.ask(`${line}?${query}`);
    }
    await guarded.ask(`GET /g?${query}#QUERYSECRET`);
    await guarded.ask(`GET http://evil.test/?${query}`);
    await rawRequest(guarded.port, headOf(`GET /?${query}`, ["Host: a b"]), { until: "response" });
    await rawRequest(
      guarded.port,
      headOf(`GET /?${query}`, ["Host: h", `Authorization: Bearer ${guarded.token}x`]),
      { until: "response" },
    );
    await down.ask(`GET /?${query}`);
    await down.record();
    await guarded.record(8);
    for (const { proxy, token } of [guarded, down]) {
      const logged = JSON.stringify(proxy.access) + proxy.log.text();
      assertExcludes(logged, "QUERYSECRET");
      assertExcludes(logged, token.slice(token.lastIndexOf(".") + 1));
      assertExcludes(logged, token.split(".")[1] ?? "");
    }
  });
}
