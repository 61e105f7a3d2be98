import { failure, REASONS, statusOf } from "../../src/failure.ts";
import type { AccessRecord } from "../../src/ops/access_log.ts";
import { Meter } from "../../src/ops/meter.ts";
import type { Upstream, UpstreamRequest } from "../../src/proxy/upstream.ts";
import { fail, ok } from "../../src/result.ts";
import { ruleForAll } from "../../src/policy/rule.ts";
import { makeProxyHandler, type ProxyHandlerOptions } from "../../src/request/proxy_handler.ts";
import { TransferWatch } from "../../src/request/transfer_watch.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { FakeClock, settle } from "../support/clock.ts";
import { MemoryLog } from "../support/log.ts";

const CALLER = {
  provider: "default",
  subject: "the-subject",
  clientId: "the-client",
  scopes: new Set<string>(),
  claims: {},
  validFrom: undefined,
  validUntil: 2 ** 31,
};

const RULE = ruleForAll(new Map());

const LIMITS = {
  maxBodyBytes: undefined,
  maxUrlBytes: 1000,
  maxHeaderBytes: 10_000,
  maxRequests: 100,
  idleTimeoutMs: 60_000,
  minRate: 100,
};

const CONNECTION = { address: "192.0.2.1", secure: false };

/** An upstream that responds with what `send` makes of the request. */
function upstreamOf(send: Upstream["send"]): Upstream {
  return { send, close() {} } as Upstream;
}

/** Responds 200 "ok", all at once. */
function respondOk(): ReturnType<Upstream["send"]> {
  return Promise.resolve(ok({
    status: 200,
    headers: [["x-upstream", "1"]] as [string, string][],
    body: new TextEncoder().encode("ok"),
  }));
}

/** A handler with what it logged and what it sent upstream. */
const nothing = () => Promise.resolve();

function started(overrides: Partial<ProxyHandlerOptions> = {}) {
  const clock = new FakeClock();
  const log = new MemoryLog();
  const meter = new Meter();
  const access: AccessRecord[] = [];
  const asked: string[] = [];
  const handler = makeProxyHandler({
    decide: ({ fields: { authorization } }) => {
      asked.push(`decide ${authorization}`);
      return authorization === null
        ? { rule: RULE, refused: failure("missing_token") }
        : { rule: RULE, identity: CALLER };
    },
    upstream: upstreamOf((request) => {
      asked.push(`upstream ${request.method} ${request.pathAndQuery}`);
      return respondOk();
    }),
    webSockets: {
      connect: () => Promise.reject(new Error("none here")),
      open: 0,
      closeAll: nothing,
    },
    endsAtMs: () => undefined,
    prefix: "",
    limits: LIMITS,
    transfers: new TransferWatch({ ...LIMITS, ...overrides.limits }, clock),
    accessLog: (record) => access.push(record),
    clock,
    log,
    meter,
    ...overrides,
  });
  return { handler, clock, log, access, asked, meter };
}

function request(url = "http://h/a?b", init: RequestInit = {}): Request {
  const headers = new Headers({ host: "h", authorization: "Bearer t" });
  for (const [name, value] of new Headers(init.headers)) headers.set(name, value);
  return new Request(url, { ...init, headers });
}

Deno.test("A good request is decided on, forwarded, responded to and logged.", async () => {
  const { handler, access, asked } = started();
  const response = await handler(request(), CONNECTION);
  assertEquals([response.status, await response.text()], [200, "ok"]);
  assertEquals(response.headers.get("x-upstream"), "1");
  assertEquals(asked, ["decide Bearer t", "upstream GET /a?b"]);
  await settle();
  assertEquals(access.length, 1);
  const { path, status, subject, clientId, bytes, client } = access[0] ?? {};
  assertEquals([path, status, bytes], ["/a", 200, 2]);
  assertEquals([subject, clientId, client], ["the-subject", "the-client", "192.0.2.1"]);
});

const UNASKED: readonly (readonly [name: string, request: () => Request, status: number])[] = [
  ["for another host", () => request("http://g/"), 400],
  ["without Host", () => new Request("http://h/"), 400],
  ["with a body on a GET", () => request(undefined, { headers: { "content-length": "1" } }), 400],
];

for (const [name, make, status] of UNASKED) {
  Deno.test(`A request ${name} is refused before anybody is asked.`, async () => {
    const { handler, asked, access } = started();
    const response = await handler(make(), CONNECTION);
    assertEquals([response.status, asked], [status, []]);
    await response.body?.cancel();
    assertEquals(access.map((record) => record.status), [status]);
  });
}

/** What is too much, and what just is not: limits 10, 100 and 5. */
const TOO_MUCH: readonly (readonly [
  what: string,
  request: () => Request,
  status: number,
])[] = [
  ["the longest target", () => request("http://h/123456?89"), 200],
  ["one character more of a target", () => request("http://h/123456?890"), 414],
  // host: 9, authorization: 25; x: 5 and its value.
  ["the largest header", () => request(undefined, { headers: { x: "y".repeat(61) } }), 200],
  ["one byte more of a header", () => request(undefined, { headers: { x: "y".repeat(62) } }), 431],
  ["the largest body", () => post("5"), 200],
  ["one byte more of a body", () => post("6"), 413],
];

function post(length: string): Request {
  return request(undefined, {
    method: "POST",
    body: "12345",
    headers: { "content-length": length, "content-type": "" },
  });
}

for (const [what, make, status] of TOO_MUCH) {
  Deno.test(`A request with ${what} gets ${status}, with or without a token.`, async () => {
    const { handler, asked } = started({
      limits: { ...LIMITS, maxUrlBytes: 10, maxHeaderBytes: 100, maxBodyBytes: 5 },
    });
    const response = await handler(make(), CONNECTION);
    assertEquals([response.status, asked.length > 0], [status, status === 200]);
    await response.body?.cancel();
  });
}

Deno.test("Beyond the most requests at once the response is 503, and the others go on.", async () => {
  const held = Promise.withResolvers<Awaited<ReturnType<Upstream["send"]>>>();
  const { handler, meter } = started({
    limits: { ...LIMITS, maxRequests: 2 },
    upstream: upstreamOf(() => held.promise),
  });
  const running = [handler(request(), CONNECTION), handler(request(), CONNECTION)];
  const beyond = await handler(request(), CONNECTION);
  assertEquals([beyond.status, beyond.headers.get("retry-after")], [503, "1"]);
  await beyond.body?.cancel();
  held.resolve(await respondOk());
  assertEquals((await Promise.all(running)).map(({ status }) => status), [200, 200]);
  assertEquals(meter.value("inFlight"), 0);
  assertEquals((await handler(request(), CONNECTION)).status, 200);
});

Deno.test("A request without a valid token does not reach the upstream.", async () => {
  const { handler, asked } = started();
  const bare = new Request("http://h/", { headers: { host: "h" } });
  const response = await handler(bare, CONNECTION);
  assertEquals([response.status, asked], [401, ["decide null"]]);
  await response.body?.cancel();
});

for (const reason of REASONS) {
  Deno.test(`The upstream's failure ${reason} becomes its response and its record.`, async () => {
    const { handler, access } = started({
      upstream: upstreamOf(() => Promise.resolve(fail(failure(reason, "for the operator")))),
    });
    const response = await handler(request(), CONNECTION);
    assertEquals(response.status, statusOf(reason));
    assertExcludes(await response.text(), "for the operator");
    assertEquals(access.map(({ status, reason, detail }) => [status, reason, detail]), [
      [statusOf(reason), reason, "for the operator"],
    ]);
  });
}

for (const part of ["the decision", "the upstream"] as const) {
  Deno.test(`A bug in ${part} is a 500 for the caller and a line for the operator.`, async () => {
    const bug = () => {
      throw new Error("the bug");
    };
    const { handler, access, log } = started(
      part === "the decision" ? { decide: bug } : { upstream: upstreamOf(bug) },
    );
    const response = await handler(
      request(undefined, { headers: { "x-request-id": "the-id" } }),
      CONNECTION,
    );
    assertEquals(response.status, 500);
    assertExcludes(await response.text(), "the bug");
    assertEquals(access.map(({ status, reason }) => [status, reason]), [[500, "internal"]]);
    const [line] = log.lines;
    assertEquals([line?.level, line?.fields.requestId], ["error", "the-id"]);
    assertIncludes(String(line?.fields.error), "the bug");
  });
}

Deno.test("A request is logged when its body is over, and once.", async () => {
  let end: UpstreamRequest["onEnd"] = () => {};
  const { handler, access, clock } = started({
    upstream: upstreamOf((request) => {
      end = (how) => request.onEnd(how);
      return Promise.resolve(ok({ status: 200, headers: [], body: new ReadableStream() }));
    }),
  });
  await handler(request(), CONNECTION);
  assertEquals(access, []);
  await clock.advance(250);
  end({ bytes: 7, failure: failure("upstream_broken") });
  end({ bytes: 9 });
  assertEquals(access.length, 1);
  const [record] = access;
  assertEquals([record?.status, record?.reason, record?.bytes], [200, "upstream_broken", 7]);
  assertEquals([record?.durationMs, record?.upstreamMs], [250, 0]);
});

Deno.test("The request id of the client goes on, comes back and is logged.", async () => {
  const sent: string[] = [];
  const { handler, access } = started({
    upstream: upstreamOf((request) => {
      sent.push(...request.headers.filter(([name]) => name === "x-request-id").map(([, id]) => id));
      return respondOk();
    }),
  });
  const response = await handler(
    request(undefined, { headers: { "x-request-id": "the-id" } }),
    CONNECTION,
  );
  await settle();
  const ids = [...sent, response.headers.get("x-request-id"), access[0]?.requestId];
  assertEquals(ids, ["the-id", "the-id", "the-id"]);
});

Deno.test("Without an access log requests get their responses all the same.", async () => {
  const { handler } = started({ accessLog: undefined });
  assertEquals((await handler(request(), CONNECTION)).status, 200);
});

Deno.test("A fault of the client is logged instead of what follows from it.", async () => {
  const { handler, access, clock } = started({
    limits: { ...LIMITS, idleTimeoutMs: 1000 },
    upstream: upstreamOf(async ({ body }) => {
      await new Response(body).bytes().catch(() => {});
      return fail(failure("broken_body"));
    }),
  });
  const stalled = new Request("http://h/", {
    method: "POST",
    body: new ReadableStream(),
    headers: { host: "h", authorization: "Bearer t", "content-length": "70000" },
  });
  const response = handler(stalled, CONNECTION);
  await settle();
  await clock.advance(3000);
  const { status, headers, body } = await response;
  assertEquals([status, headers.get("connection")], [408, "close"]);
  // Whole, although it is a long upload: nothing would end the connection of a client that is silent.
  assertIncludes(await new Response(body).text(), "}\n");
  assertEquals(access.map(({ status, reason }) => [status, reason]), [[408, "client_timeout"]]);
  await clock.advance(1000);
  assertEquals(clock.pending, 0);
});

Deno.test("A refused upload that is still to come ends its connection; other requests do not.", async () => {
  const { handler, clock } = started();
  const upload = (body: BodyInit) =>
    new Request("http://h/", {
      method: "POST",
      body,
      headers: { "host": "h", "content-length": "1" },
    });
  const whole = await handler(upload("x"), CONNECTION);
  assertEquals([whole.status, whole.headers.get("connection")], [401, null]);
  assert((await whole.text()).endsWith("}\n"));

  const coming = await handler(upload(new ReadableStream({ type: "bytes" })), CONNECTION);
  assertEquals([coming.status, coming.headers.get("connection")], [401, "close"]);
  const reader = coming.body?.getReader();
  assert(new TextDecoder().decode((await reader?.read())?.value).endsWith("}"));
  await reader?.cancel();
  assertEquals(clock.pending, 0);

  const bare = await handler(new Request("http://h/", { headers: { host: "h" } }), CONNECTION);
  assertEquals([bare.status, bare.headers.get("connection")], [401, null]);
  await bare.body?.cancel();
});

Deno.test("Over HTTP/2 a client that leaves is noticed however late anybody looks.", async () => {
  let touched = false;
  const { handler } = started();
  const secure = new Proxy(new Request("https://h/", { headers: { authorization: "Bearer t" } }), {
    get(target, name) {
      if (name === "signal") touched = true;
      return Reflect.get(target, name, target);
    },
  });
  await handler(secure, { ...CONNECTION, secure: true });
  assertEquals(touched, true);
});
