import { failure, type Reason } from "../../src/failure.ts";
import { ReceivedFields } from "../../src/proxy/headers.ts";
import { checkBody, endAfterRefusal, lingeringClose, takeBody } from "../../src/request/body.ts";
import { TransferWatch } from "../../src/request/transfer_watch.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

/** No client is to blame here. */
const FAULTS = {
  onClientFault(): never {
    throw new Error("the client was blamed");
  },
};

/** What there is to say about a request's body. */
function checked(given: Pick<Request, "method" | "headers">, max?: number) {
  return checkBody(given.method, new ReceivedFields(given.headers), max);
}

/** The body of a request that may go on. */
async function take(given: Request) {
  const kind = checked(given);
  assert(kind.ok);
  const body = await takeBody(given, kind.value, clients(), FAULTS);
  assert(body.ok);
  return body.value;
}

/** A watch that never finds anything. */
function clients(): TransferWatch {
  return new TransferWatch(
    { maxBodyBytes: undefined, idleTimeoutMs: 60_000, minRate: 100 },
    new FakeClock(),
  );
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
  const kind = checked(given);
  if (!kind.ok) return kind.failure.reason;
  const stream = await take(given);
  return stream === null ? null : await new Response(stream).text();
}

const FRAMES: readonly (readonly [fields: Fields, framed: boolean])[] = [
  [{}, false],
  [{ "content-length": "0" }, false],
  [{ "content-length": "1" }, true],
  [{ "content-length": "99999999999999999999" }, true],
  [{ "transfer-encoding": "chunked" }, true],
];

for (const [fields, framed] of FRAMES) {
  Deno.test(`A head with ${JSON.stringify(fields)} announces ${framed ? "a" : "no"} body.`, () => {
    assertEquals(new ReceivedFields(new Headers(fields)).framed, framed);
  });
}

Deno.test("A refused request ends its connection unless its body has arrived.", () => {
  const length = { "content-length": "5" };
  const unread = (given: Request, reason: Reason = "missing_token") =>
    endAfterRefusal(failure(reason), given, new ReceivedFields(given.headers));
  const coming = () => new ReadableStream({ type: "bytes" });
  const of = (method: string, headers: Fields, body: BodyInit | null) =>
    new Request("http://h/", { method, headers: { host: "h", ...headers }, body });
  assertEquals(unread(of("POST", {}, null)), "kept");
  assertEquals(unread(of("POST", length, "whole")), "kept");
  assertEquals(unread(of("POST", length, coming())), "closed");
  assertEquals(unread(of("GET", length, null)), "aborted");
  const begun = of("POST", length, coming());
  begun.body?.getReader();
  assertEquals(unread(begun), "asked");
  const long = of("POST", { "transfer-encoding": "chunked" }, coming());
  long.body?.getReader();
  assertEquals([unread(long), unread(long, "client_timeout")], ["aborted", "asked"]);
  // Untouched: it is not known where it ends.
  const broken = of("POST", length, "whole");
  assertEquals([unread(broken, "broken_body"), broken.bodyUsed], ["aborted", false]);
  // HTTP/2.
  const stream = new Request("http://h/", { method: "POST", headers: length, body: coming() });
  assertEquals(unread(stream), "kept");
});

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
  const post = (length: string) => request("POST", { "content-length": length }, ["abc"]);
  const asked = (length: string, max?: number) => checked(post(length), max);
  assert(asked("3", 3).ok);
  assertEquals(await taken(post("3")), "abc");
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
  assert(checked(given).ok);
});

Deno.test("A body that is aborted before its first byte is not forwarded.", async () => {
  const body = new ReadableStream<Uint8Array>({ start: (c) => c.error(new Error("aborted")) });
  const given = new Request("http://h/", { method: "POST", body });
  const taken = await takeBody(given, "framed", clients(), FAULTS);
  assertEquals(taken.ok ? undefined : taken.failure.reason, "broken_body");
});

Deno.test("Cancelling a body without framing cancels the client's stream.", async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1)),
    cancel: () => void (cancelled = true),
  });
  const request = new Request("http://h/", { method: "POST", body });
  await (await take(request))?.cancel();
  assertEquals(cancelled, true);
});

for (const end of ["closed", "aborted"] as const) {
  Deno.test(`A response after which the connection is ${end} keeps status and fields, and the line end back.`, async () => {
    const clock = new FakeClock();
    const response = await lingeringClose(
      new Response("{}\n", { status: 401, headers: { "www-authenticate": "Bearer" } }),
      end,
      clock,
    );
    assertEquals([response.status, response.headers.get("www-authenticate")], [401, "Bearer"]);
    assertEquals(response.headers.get("content-length"), "3");
    const reader = response.body?.getReader();
    assert(reader !== undefined);
    const read = async () => new TextDecoder().decode((await reader.read()).value);
    assertEquals(await read(), "{}");
    const rest = end === "aborted" ? assertRejects(read, /is not read/) : read();
    await clock.advance(1000);
    assertEquals(await rest, end === "aborted" ? undefined : "\n");
    assertEquals(clock.pending, 0);
  });
}

Deno.test("A lingering close whose client has left leaves no timer behind.", async () => {
  const clock = new FakeClock();
  const reader = (await lingeringClose(new Response("{}\n"), "closed", clock)).body?.getReader();
  await reader?.read();
  await reader?.cancel();
  assertEquals(clock.pending, 0);
});
