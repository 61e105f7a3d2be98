import { MAX_PROVIDER_BODY_BYTES, PROVIDER_FETCH_TIMEOUT_MS } from "../../src/limits.ts";
import { type Fetcher, fetchJson } from "../../src/oidc/fetch_json.ts";
import type { KeyFetchError } from "../../src/oidc/key_fetch_error.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { FakeClock, settle } from "../support/clock.ts";
import { startProvider, type TestProvider } from "../support/provider.ts";
import { rawUpstream } from "../support/upstream.ts";

/** Asks the real provider for its key set. */
function ask(provider: TestProvider) {
  return fetchJson(provider.jwksUrl, fetch, systemClock);
}

Deno.test("fetch json: a JSON object arrives", async () => {
  await using provider = startProvider({ keys: [{ kid: "one" }] });
  const read = await ask(provider);
  assert(read.ok);
  assertEquals(read.value.document, { keys: [{ kid: "one" }] });
});

Deno.test("fetch json: the request is one GET that asks for JSON and carries no credentials", async () => {
  await using provider = startProvider();
  await ask(provider);
  assertEquals(provider.count(), 1);
  const [request] = provider.requests;
  assertEquals([request?.method, request?.path], ["GET", "/jwks"]);
  assertEquals(request?.headers.get("accept"), "application/json");
  assertEquals(request?.headers.get("authorization"), null);
});

const TROUBLES: readonly (readonly [
  sentence: string,
  kind: KeyFetchError["kind"],
  play: (provider: TestProvider) => void | Promise<void>,
])[] = [
  ["a response with status 500", "status", (provider) => provider.status(500)],
  ["a response with status 404", "status", (provider) => provider.status(404)],
  ["a response with status 401", "status", (provider) => provider.status(401)],
  ["a response with status 201", "status", (provider) => provider.status(201)],
  [
    "a response with status 204",
    "status",
    (provider) => provider.respond(() => new Response(null, { status: 204 })),
  ],
  ["a page of HTML", "not_json", (provider) => provider.html()],
  ["JSON that stops in the middle", "not_json", (provider) => provider.brokenJson()],
  ["an empty body", "not_json", (provider) => provider.setJwks("")],
  ["a JSON list", "not_json", (provider) => provider.setJwks([])],
  ["JSON null", "not_json", (provider) => provider.setJwks("null")],
  ["a JSON text", "not_json", (provider) => provider.setJwks('"keys"')],
  ["a JSON number", "not_json", (provider) => provider.setJwks("1")],
  ["bytes that are not UTF-8", "not_json", (provider) => provider.setJwks(Uint8Array.of(0xff))],
  [
    "a body over the limit",
    "too_large",
    (provider) => provider.bigBody(MAX_PROVIDER_BODY_BYTES + 1),
  ],
  ["a refused connection", "unreachable", (provider) => provider.refuse()],
];

for (const [sentence, kind, play] of TROUBLES) {
  Deno.test(`fetch json: ${sentence} is an error of the kind ${kind}`, async () => {
    await using provider = startProvider();
    await play(provider);
    const read = await ask(provider);
    assert(!read.ok);
    assertEquals([read.failure.kind, read.failure.url], [kind, provider.jwksUrl]);
  });
}

Deno.test("fetch json: a body that is cut short is an error of the kind unreachable", async () => {
  await using server = await rawUpstream(async (socket) => {
    await socket.readRequest();
    await socket.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}");
    await socket.close();
  });
  const read = await fetchJson(`${server.url}/jwks`, fetch, systemClock);
  assertEquals(!read.ok && read.failure.kind, "unreachable");
});

for (const status of [301, 302, 303, 307, 308]) {
  Deno.test(`fetch json: a redirect ${status} is an error and is not followed`, async () => {
    await using provider = startProvider();
    await using elsewhere = startProvider();
    provider.respond(() => Response.redirect(elsewhere.jwksUrl, status));
    const read = await ask(provider);
    assertEquals(!read.ok && read.failure.kind, "redirect");
    assertEquals([provider.count(), elsewhere.count()], [1, 0]);
  });
}

Deno.test("fetch json: the same error has the same text, from whichever local port", async () => {
  await using server = await rawUpstream(async (socket) => {
    await socket.readRequest();
    await socket.close();
  });
  const failures = [1, 2].map(() => fetchJson(`${server.url}/jwks`, fetch, systemClock));
  const [one, two] = await Promise.all(failures);
  assert(one?.ok === false);
  assertEquals(one, two);
  assertEquals(
    one.failure.text,
    "cannot be reached: connection closed before message completed",
  );
});

for (const aheadSecs of [0, 60, -60]) {
  Deno.test(`fetch json: a clock of the provider that is ${aheadSecs} s ahead is seen`, async () => {
    await using provider = startProvider();
    provider.setClock(aheadSecs * 1000);
    const read = await ask(provider);
    assert(read.ok && read.value.skewSecs !== undefined);
    // What the header's resolution and the time of the request can explain is not counted.
    const unexplained = Math.abs(aheadSecs) - Math.abs(read.value.skewSecs);
    assert(unexplained >= 0 && unexplained < 5, `${read.value.skewSecs} s`);
    assertEquals(Math.sign(read.value.skewSecs), Math.sign(aheadSecs));
  });
}

Deno.test("fetch json: of two members of one name the last one counts", async () => {
  await using provider = startProvider();
  provider.setJwks('{"keys": [1], "keys": [2]}');
  const read = await ask(provider);
  assertEquals(read.ok && read.value.document.keys, [2]);
});

Deno.test("fetch json: what the provider said is not quoted", async () => {
  await using provider = startProvider();
  provider.setJwks("not json: hunter2");
  const read = await ask(provider);
  assertExcludes(JSON.stringify(read), "hunter2");
});

Deno.test("fetch json: a body of exactly the limit is read", async () => {
  await using provider = startProvider();
  const frame = '{"filler":""}'.length;
  const filler = "x".repeat(MAX_PROVIDER_BODY_BYTES - frame);
  provider.setJwks(`{"filler":"${filler}"}`);
  assert((await ask(provider)).ok);
  provider.setJwks(`{"filler":"${filler}x"}`);
  assertEquals((await ask(provider)).ok, false);
});

Deno.test("fetch json: an endless body is left soon after the limit", async () => {
  let sent = 0;
  let cancelled = false;
  const piece = new Uint8Array(64 * 1024).fill(0x20);
  const endless: Fetcher = () =>
    Promise.resolve(
      new Response(
        new ReadableStream({
          pull(controller) {
            sent += piece.length;
            controller.enqueue(piece);
          },
          cancel: () => void (cancelled = true),
        }),
      ),
    );
  const read = await fetchJson("https://id.test/jwks", endless, new FakeClock());
  assertEquals(!read.ok && read.failure.kind, "too_large");
  assert(cancelled && sent <= MAX_PROVIDER_BODY_BYTES + 4 * piece.length, `${sent} bytes`);
});

Deno.test("fetch json: a body that expands beyond the limit is too large", async () => {
  await using provider = startProvider();
  provider.respond(() => {
    const zeros = new Blob([new Uint8Array(4 * MAX_PROVIDER_BODY_BYTES)]).stream();
    return new Response(zeros.pipeThrough(new CompressionStream("gzip")), {
      headers: { "content-encoding": "gzip" },
    });
  });
  const read = await ask(provider);
  assertEquals(!read.ok && read.failure.kind, "too_large");
});

/** Runs a request against a provider that never ends its response, on a clock moved by hand. */
async function untilTimeout(provider: TestProvider, begun: () => boolean) {
  const clock = new FakeClock();
  const asked = fetchJson(provider.jwksUrl, fetch, clock);
  let over = false;
  void asked.then(() => over = true);
  while (!begun()) await settle();
  await clock.advance(PROVIDER_FETCH_TIMEOUT_MS - 1);
  assertEquals(over, false);
  await clock.advance(1);
  const read = await asked;
  assertEquals(clock.pending, 0);
  return read;
}

Deno.test("fetch json: a provider that says nothing is left after five seconds", async () => {
  await using provider = startProvider();
  provider.hang();
  const read = await untilTimeout(provider, () => provider.count() === 1);
  assert(!read.ok);
  assertEquals(read.failure.kind, "timeout");
  assertIncludes(read.failure.text, "5 s");
});

Deno.test("fetch json: the time limit holds over a body that drips", async () => {
  await using provider = startProvider();
  provider.drip(1_000);
  const read = await untilTimeout(provider, () => provider.count() === 1);
  assertEquals(!read.ok && read.failure.kind, "timeout");
});

Deno.test("fetch json: no timer is left behind, however the request ends", async () => {
  await using provider = startProvider();
  const clock = new FakeClock();
  await fetchJson(provider.jwksUrl, fetch, clock);
  provider.status(500);
  await fetchJson(provider.jwksUrl, fetch, clock);
  await fetchJson("http://127.0.0.1:1/", fetch, clock);
  await fetchJson("no url at all", fetch, clock);
  assertEquals(clock.pending, 0);
});

Deno.test("fetch json: a request can be ended from outside", async () => {
  await using provider = startProvider();
  provider.hang();
  const clock = new FakeClock();
  const stop = new AbortController();
  const asked = fetchJson(provider.jwksUrl, fetch, clock, stop.signal);
  while (provider.count() === 0) await settle();
  stop.abort();
  const read = await asked;
  assertEquals([read.ok, clock.pending], [false, 0]);
});
