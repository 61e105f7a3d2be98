/** RFC 6750, bearer token usage: what goes over the wire between a client and the proxy. */
import { assertRefused, startStack } from "../auth/stack.ts";
import { MAX_TOKEN_LENGTH } from "../../src/limits.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { breakSignature } from "../support/tokens.ts";

for (const scheme of ["Bearer ", "bearer ", "BEARER ", "bEARER    "]) {
  Deno.test(`2.1: the scheme ${JSON.stringify(scheme)} carries a token`, async () => {
    await using stack = await startStack();
    const answer = await stack.call(scheme + await stack.token());
    assertEquals([answer.status, answer.text], [200, "hello"]);
    assertEquals(stack.upstream.requests.length, 1);
  });
}

Deno.test("2.1: blanks around the whole field value are not part of it", async () => {
  await using stack = await startStack();
  const answer = await stack.callRaw([`Authorization: \t Bearer ${await stack.token()} \t`]);
  assertEquals(answer.status, 200);
});

Deno.test("2.2: a token in a form body is not looked at", async () => {
  await using stack = await startStack();
  const body = new URLSearchParams({ access_token: await stack.token() });
  assertRefused(
    await stack.call(undefined, { method: "POST", body }),
    401,
    "missing_token",
    "plain",
  );
  assertEquals([stack.upstream.requests.length, stack.provider.count()], [0, 0]);
});

Deno.test("2.3: a token in the query is not looked at", async () => {
  await using stack = await startStack();
  const path = `/?access_token=${await stack.token()}`;
  assertRefused(await stack.call(undefined, { path }), 401, "missing_token", "plain");
  assertEquals([stack.upstream.requests.length, stack.provider.count()], [0, 0]);
});

Deno.test("2.2, 2.3: what query and body say besides a good header goes to the upstream", async () => {
  await using stack = await startStack();
  const body = "access_token=b";
  const path = "/?access_token=a";
  const answer = await stack.call(`Bearer ${await stack.token()}`, { method: "POST", body, path });
  assertEquals(answer.status, 200);
  const [request] = stack.upstream.requests;
  assertEquals([request?.target, request?.body], [path, body]);
});

for (const name of ["Cookie", "X-Access-Token", "Proxy-Authorization", "X-Authorization"]) {
  Deno.test(`2: a token in the header ${name} is not looked at`, async () => {
    await using stack = await startStack();
    const value = name === "Cookie" ? "access_token=" : "Bearer ";
    const headers = { [name]: value + await stack.token() };
    assertRefused(await stack.call(undefined, { headers }), 401, "missing_token", "plain");
  });
}

for (const value of [undefined, "", "Basic dXNlcjpwYXNz", "DPoP abc", "Digest a=b, c=d", "abc"]) {
  Deno.test(`3: no bearer credentials (${value}): 401 with a challenge without error`, async () => {
    await using stack = await startStack();
    const answer = await stack.call(value);
    assertRefused(answer, 401, "missing_token", "plain");
    assertEquals([stack.upstream.requests.length, stack.provider.count()], [0, 0]);
  });
}

for (
  const value of ["Bearer", "Bearer a b", 'Bearer "a"', "Bearer a:b", "Bearer =", "Bearer a=b"]
) {
  Deno.test(`3.1: the malformed credentials ${value} are an invalid_request`, async () => {
    await using stack = await startStack();
    assertRefused(await stack.call(value), 400, "invalid_request");
    assertEquals([stack.upstream.requests.length, stack.provider.count()], [0, 0]);
  });
}

Deno.test("3.1: a token over the length limit is an invalid_request", async () => {
  await using stack = await startStack();
  const answer = await stack.call(`Bearer ${"a".repeat(MAX_TOKEN_LENGTH + 1)}`);
  assertRefused(answer, 400, "invalid_request");
});

const REPEATED: readonly (readonly [sentence: string, second: (first: string) => string])[] = [
  ["the same header twice", (first) => first],
  ["a good token and a bad one", () => "Authorization: Bearer abc"],
  ["a good token and other credentials", () => "authorization: Basic dXNlcjpwYXNz"],
];

for (const [sentence, second] of REPEATED) {
  Deno.test(`3.1: ${sentence}, in either order, is an invalid_request`, async () => {
    await using stack = await startStack();
    const first = `Authorization: Bearer ${await stack.token()}`;
    for (const lines of [[first, second(first)], [second(first), first]]) {
      const answer = await stack.callRaw(lines);
      assertEquals(answer.status, 400);
      assertIncludes(answer.header("www-authenticate") ?? "", 'error="invalid_request"');
    }
    assertEquals(stack.upstream.requests.length, 0);
  });
}

Deno.test("3.1: a token that is not good is an invalid_token with status 401", async () => {
  await using stack = await startStack();
  for (const token of ["abc", "a.b.c", breakSignature(await stack.token())]) {
    assertRefused(await stack.call(`Bearer ${token}`), 401, "invalid_token");
  }
  assertRefused(await stack.call(`Bearer ${await stack.token({ exp: 1 })}`), 401, "invalid_token");
  assertEquals(stack.upstream.requests.length, 0);
});

for (const method of ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
  Deno.test(`3: ${method} needs a token like every method`, async () => {
    await using stack = await startStack();
    const answer = await stack.call(undefined, { method });
    assertEquals(answer.status, 401);
    assertEquals(answer.headers.get("www-authenticate"), 'Bearer realm="ooproxy"');
    assertEquals(answer.text === "", method === "HEAD");
    assertEquals(stack.upstream.requests.length, 0);
  });
}

Deno.test("3: nothing of a refused request or its token is echoed or logged", async () => {
  await using stack = await startStack();
  const token = await stack.token({ sub: "hunter2", exp: 1 }, { kid: "hunter2" });
  const path = "/hunter2?hunter2";
  const headers = { "x-hunter2": "hunter2" };
  const answer = await stack.call(`Bearer ${token}`, { path, headers });
  const sent = answer.text + JSON.stringify([...answer.headers]);
  assertEquals(answer.status, 401);
  assertExcludes(sent, "hunter2");
  assertExcludes(sent + stack.proxy.log.text() + JSON.stringify(stack.proxy.access), token);
});

Deno.test("3: a refusal is never a redirect", async () => {
  await using stack = await startStack();
  for (const value of [undefined, "Bearer", "Bearer abc"]) {
    const answer = await stack.call(value, { headers: { accept: "text/html" } });
    assert(answer.status >= 400);
    assertEquals(answer.headers.get("location"), null);
  }
});

Deno.test("3: a request that is let in gets no challenge", async () => {
  await using stack = await startStack();
  const answer = await stack.call(`Bearer ${await stack.token()}`);
  assertEquals(answer.headers.get("www-authenticate"), null);
});

Deno.test("5.3: refusals must not be stored", async () => {
  await using stack = await startStack();
  for (const value of [undefined, "Bearer", "Bearer abc"]) {
    assertEquals((await stack.call(value)).headers.get("cache-control"), "no-store");
  }
});
