import { ReceivedFields } from "../../src/proxy/headers.ts";
import { ClientWatch } from "../../src/server/client_watch.ts";
import { isLongUpload, lastWord, requestBody } from "../../src/server/request_body.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

/** Nobody may be blamed here. */
const BLAMED = {
  blame(): never {
    throw new Error("the client was blamed");
  },
};

/** A watch that never finds anything. */
function clients(): ClientWatch {
  return new ClientWatch({ maxBodyBytes: undefined, idleTimeoutMs: 60_000 }, new FakeClock());
}

type Fields = Record<string, string>;

/** A request as the server gives it: with a body for every method but GET and HEAD. */
function request(method: string, headers: Fields, pieces: readonly string[] = []): Request {
  const hidden = method === "GET" || method === "HEAD";
  const body = ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece)));
  return new Request("http://h/", { method, headers, ...(hidden ? {} : { body }) });
}

/** What is forwarded: the body's text, `null` for none, or the reason why not. */
async function taken(given: Request): Promise<string | null> {
  const body = requestBody(given, new ReceivedFields(given.headers));
  if (!body.ok) return body.failure.reason;
  const stream = await body.value(clients(), BLAMED);
  return stream === null ? null : await new Response(stream).text();
}

const FRAMES: readonly (readonly [fields: Fields, framed: boolean, long: boolean])[] = [
  [{}, false, false],
  [{ "content-length": "0" }, false, false],
  [{ "content-length": "1" }, true, false],
  [{ "content-length": "65536" }, true, false],
  [{ "content-length": "65537" }, true, true],
  [{ "content-length": "99999999999999999999" }, true, true],
  [{ "transfer-encoding": "chunked" }, true, true],
];

for (const [fields, framed, long] of FRAMES) {
  Deno.test(`A head with ${JSON.stringify(fields)} announces ${framed ? "a" : "no"} body.`, () => {
    const received = (all: Fields) => new ReceivedFields(new Headers(all));
    assertEquals(received(fields).framed, framed);
    assertEquals(isLongUpload(received({ host: "h", ...fields })), long);
    assertEquals(isLongUpload(received(fields)), false);
  });
}

for (const method of ["GET", "HEAD"]) {
  Deno.test(`A ${method} has no body, and is refused if it announces one.`, async () => {
    assertEquals(await taken(request(method, {})), null);
    assertEquals(await taken(request(method, { "content-length": "0" })), null);
    assertEquals(await taken(request(method, { "content-length": "1" })), "unexpected_body");
    assertEquals(
      await taken(request(method, { "transfer-encoding": "chunked" })),
      "unexpected_body",
    );
  });
}

for (const method of ["POST", "DELETE", "OPTIONS", "PROPFIND"]) {
  Deno.test(`The body of a ${method} is forwarded if there is one.`, async () => {
    const length = { "content-length": "6" };
    assertEquals(await taken(request(method, length, ["one", "two"])), "onetwo");
    assertEquals(await taken(request(method, { "content-length": "0" })), null);
    assertEquals(await taken(request(method, { "transfer-encoding": "chunked" })), "");
    assertEquals(await taken(request(method, {}, ["", "one", "", "two"])), "onetwo");
    assertEquals(await taken(request(method, {})), null);
    assertEquals(await taken(request(method, {}, ["", ""])), null);
  });
}

Deno.test("A length that is announced may be the largest there is, and no more.", async () => {
  const asked = (length: string, max?: number) => {
    const given = request("POST", { "content-length": length }, ["abc"]);
    return requestBody(given, new ReceivedFields(given.headers), max);
  };
  const whole = asked("3", 3);
  assert(whole.ok);
  assertEquals(await new Response(await whole.value(clients(), BLAMED)).text(), "abc");
  const over = asked("4", 3);
  assertEquals(over.ok ? undefined : over.failure.reason, "content_too_large");
  assert(asked("999999999999999").ok);
});

Deno.test("A body is not touched before it is taken.", () => {
  const given = {
    method: "POST",
    headers: new Headers({ "content-length": "1" }),
    get body(): never {
      throw new Error("it was looked at");
    },
  };
  assert(requestBody(given as unknown as Request, new ReceivedFields(given.headers)).ok);
});

Deno.test("A body without framing that breaks off at once is forwarded as broken.", async () => {
  const body = new ReadableStream<Uint8Array>({ start: (c) => c.error(new Error("broke off")) });
  const request = new Request("http://h/", { method: "POST", body });
  const given = requestBody(request, new ReceivedFields(request.headers));
  assert(given.ok);
  const stream = await given.value(clients(), BLAMED);
  await assertRejects(() => new Response(stream).text(), /broke off/);
});

Deno.test("Nobody's interest in a body without framing reaches the client's stream.", async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1)),
    cancel: () => void (cancelled = true),
  });
  const request = new Request("http://h/", { method: "POST", body });
  const given = requestBody(request, new ReceivedFields(request.headers));
  assert(given.ok);
  await (await given.value(clients(), BLAMED))?.cancel();
  assertEquals(cancelled, true);
});

Deno.test("A last word keeps status and fields, and breaks off before its line end.", async () => {
  const clock = new FakeClock();
  const answer = await lastWord(
    new Response("{}\n", { status: 401, headers: { "www-authenticate": "Bearer" } }),
    clock,
  );
  assertEquals([answer.status, answer.headers.get("www-authenticate")], [401, "Bearer"]);
  assertEquals(answer.headers.get("content-length"), "3");
  const reader = answer.body?.getReader();
  assert(reader !== undefined);
  assertEquals(new TextDecoder().decode((await reader.read()).value), "{}");
  const rest = assertRejects(() => reader.read(), /nobody reads/);
  await clock.advance(1000);
  await rest;
  assertEquals(clock.pending, 0);
});

Deno.test("A last word that nobody waits for leaves no timer behind.", async () => {
  const clock = new FakeClock();
  const reader = (await lastWord(new Response("{}\n"), clock)).body?.getReader();
  await reader?.read();
  await reader?.cancel();
  assertEquals(clock.pending, 0);
});
