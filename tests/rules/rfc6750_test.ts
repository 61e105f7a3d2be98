/** RFC 6750, bearer token usage: what goes over the wire between a client and the proxy. */
import { assertRefused, startStack } from "../support/stack.ts";
import { type Reason, statusOf } from "../../src/failure.ts";
import { MAX_TOKEN_LENGTH } from "../../src/limits.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { assertOutcome, HEADER, signedText } from "../support/token_rows.ts";
import { base64url, breakSignature } from "../support/tokens.ts";

for (const scheme of ["Bearer ", "bearer ", "BEARER ", "bEARER    "]) {
  Deno.test(`2.1: the scheme ${JSON.stringify(scheme)} carries a token`, async () => {
    await using stack = await startStack();
    const response = await stack.call(scheme + await stack.token());
    assertEquals([response.status, response.text], [200, "hello"]);
    assertEquals(stack.upstream.requests.length, 1);
  });
}

Deno.test("2.1: blanks around the whole field value are not part of it", async () => {
  await using stack = await startStack();
  const response = await stack.callRaw([`Authorization: \t Bearer ${await stack.token()} \t`]);
  assertEquals(response.status, 200);
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
  const response = await stack.call(`Bearer ${await stack.token()}`, {
    method: "POST",
    body,
    path,
  });
  assertEquals(response.status, 200);
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

const OTHER_CREDENTIALS: readonly (readonly [value: string | undefined, reason: Reason])[] = [
  [undefined, "missing_token"],
  ["", "missing_token"],
  ["Basic dXNlcjpwYXNz", "other_scheme"],
  ["DPoP abc", "other_scheme"],
  ["Digest a=b, c=d", "other_scheme"],
  ["abc", "other_scheme"],
];

for (const [value, reason] of OTHER_CREDENTIALS) {
  Deno.test(`3: no bearer credentials (${value}): 401 with a challenge without error`, async () => {
    await using stack = await startStack();
    const response = await stack.call(value);
    assertRefused(response, 401, "missing_token", "plain");
    assertEquals(stack.proxy.access.at(-1)?.reason, reason);
    assertEquals([stack.upstream.requests.length, stack.provider.count()], [0, 0]);
  });
}

for (
  const value of ["Bearer", "Bearer a b", 'Bearer "a"', "Bearer a:b", "Bearer =", "Bearer a=b"]
) {
  Deno.test(`3.1: the malformed credentials ${value} are an invalid_request`, async () => {
    await using stack = await startStack();
    assertRefused(await stack.call(value), 400, "invalid_request");
    assertEquals(stack.proxy.access.at(-1)?.reason, "malformed_credentials");
    assertEquals([stack.upstream.requests.length, stack.provider.count()], [0, 0]);
  });
}

/** A good token of exactly this many characters. */
async function tokenOfLength(length: number, claims: Record<string, unknown>): Promise<string> {
  // Header and payload in base64url, two dots and the 342 characters of the signature.
  for (const header of [HEADER, `${HEADER} `, `${HEADER}  `]) {
    const room = length - base64url(header).length - 2 - 342;
    const unpadded = JSON.stringify({ ...claims, pad: "" }).length;
    const pad = "x".repeat(Math.floor(room * 3 / 4) - unpadded);
    const token = await signedText(header, JSON.stringify({ ...claims, pad }));
    if (token.length === length) return token;
  }
  throw new Error(`no token is ${length} characters long`);
}

Deno.test("2.1: a good token as long as the limit is accepted, one character more is too long", async () => {
  await using stack = await startStack();
  const longest = await tokenOfLength(MAX_TOKEN_LENGTH, stack.claims());
  await assertOutcome(stack, `Bearer ${longest}`, "accepted");
  await assertOutcome(stack, `Bearer ${longest}A`, "token_too_long");
  const longer = await tokenOfLength(MAX_TOKEN_LENGTH + 1, stack.claims());
  await assertOutcome(stack, `Bearer ${longer}`, "token_too_long");
  assertRefused(await stack.call(`Bearer ${longer}`), 400, "invalid_request");
});

Deno.test("2.1: a token of 1 MiB is not even read to its end, and disturbs no other request", async () => {
  await using stack = await startStack();
  const response = await stack.callRaw([`Authorization: Bearer ${"a".repeat(1024 * 1024)}`]);
  // The server responds and closes while the client still sends, which may cost it the response.
  assert(response.status === 400 || response.error !== undefined, response.startLine);
  assertEquals([stack.proxy.access.length, stack.upstream.requests.length], [0, 0]);
  await assertOutcome(stack, `Bearer ${await stack.token()}`, "accepted");
});

/** Header lines around a good token that clients tidy up, and what becomes of them. */
const LINES: readonly (readonly [
  sentence: string,
  line: (token: string) => string,
  /** The server refuses what is no HTTP before the proxy sees it. */
  outcome: Reason | "accepted" | "no HTTP",
])[] = [
  ["no blank behind the colon", (t) => `Authorization:Bearer ${t}`, "accepted"],
  ["a tab for the blank", (t) => `Authorization: Bearer\t${t}`, "other_scheme"],
  ["a no-break space for the blank", (t) => `Authorization: Bearer\xa0${t}`, "other_scheme"],
  ["no blank", (t) => `Authorization: Bearer${t}`, "other_scheme"],
  ["a colon for the blank", (t) => `Authorization: Bearer:${t}`, "other_scheme"],
  ["an equals sign for the blank", (t) => `Authorization: Bearer=${t}`, "other_scheme"],
  ["quotes around the scheme", (t) => `Authorization: "Bearer" ${t}`, "other_scheme"],
  ["quotes around the token", (t) => `Authorization: Bearer "${t}"`, "malformed_credentials"],
  ["angle brackets", (t) => `Authorization: Bearer <${t}>`, "malformed_credentials"],
  [
    "a blank inside",
    (t) => `Authorization: Bearer ${t.replace(".", " .")}`,
    "malformed_credentials",
  ],
  ["a second token", (t) => `Authorization: Bearer ${t} ${t}`, "malformed_credentials"],
  ["the scheme twice", (t) => `Authorization: Bearer Bearer ${t}`, "malformed_credentials"],
  ["a parameter", (t) => `Authorization: Bearer ${t};a=b`, "malformed_credentials"],
  ["a named token", (t) => `Authorization: Bearer token=${t}`, "malformed_credentials"],
  ["a percent sign", (t) => `Authorization: Bearer %20${t}`, "malformed_credentials"],
  ["a byte order mark", (t) => `Authorization: Bearer \xef\xbb\xbf${t}`, "malformed_credentials"],
  ["a letter beyond ASCII", (t) => `Authorization: Bearer ${t}\xe9`, "malformed_credentials"],
  ["a comma behind", (t) => `Authorization: Bearer ${t},`, "repeated_credentials"],
  ["a comma between two", (t) => `Authorization: Bearer ${t}, Bearer ${t}`, "repeated_credentials"],
  [
    "an empty line before",
    (t) => `Authorization:\r\nAuthorization: Bearer ${t}`,
    "repeated_credentials",
  ],
  [
    "an empty line after",
    (t) => `Authorization: Bearer ${t}\r\nAuthorization:`,
    "repeated_credentials",
  ],
  ["another name", (t) => `Authorization_: Bearer ${t}`, "missing_token"],
  ["a name with a dash", (t) => `Author-ization: Bearer ${t}`, "missing_token"],
  ["a blank before the colon", (t) => `Authorization : Bearer ${t}`, "no HTTP"],
  ["a blank before the name", (t) => ` Authorization: Bearer ${t}`, "no HTTP"],
  ["a folded line", (t) => `Authorization: Bearer\r\n ${t}`, "no HTTP"],
  ["a bare CR", (t) => `Authorization: Bearer ${t}\rx`, "no HTTP"],
  ["a NUL", (t) => `Authorization: Bearer ${t}\0`, "no HTTP"],
  ["a DEL", (t) => `Authorization: Bearer ${t}\x7f`, "no HTTP"],
  ["a vertical tab", (t) => `Authorization: Bearer ${t}\v`, "no HTTP"],
];

Deno.test("2.1, 3.1: header lines around a good token that no tidy client sends", async (t) => {
  await using stack = await startStack();
  const token = await stack.token();
  for (const [sentence, line, outcome] of LINES) {
    await t.step(`${sentence}: ${outcome}`, async () => {
      const seen = stack.proxy.access.length;
      const reached = stack.upstream.requests.length;
      const response = await stack.callRaw([line(token), "Connection: close"]);
      const logged = stack.proxy.access.slice(seen).map(({ reason }) => reason ?? "accepted");
      assertEquals(logged, outcome === "no HTTP" ? [] : [outcome]);
      const refused = outcome === "no HTTP"
        ? 400
        : outcome === "accepted"
        ? 200
        : statusOf(outcome);
      assertEquals(response.status, refused);
      assertEquals(stack.upstream.requests.length - reached, outcome === "accepted" ? 1 : 0);
    });
  }
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
      const response = await stack.callRaw(lines);
      assertEquals(response.status, 400);
      assertIncludes(response.header("www-authenticate") ?? "", 'error="invalid_request"');
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
    const response = await stack.call(undefined, { method });
    assertEquals(response.status, 401);
    assertEquals(response.headers.get("www-authenticate"), 'Bearer realm="ooproxy"');
    assertEquals(response.text === "", method === "HEAD");
    assertEquals(stack.upstream.requests.length, 0);
  });
}

Deno.test("3: nothing of a refused request or its token is echoed or logged", async () => {
  await using stack = await startStack();
  const token = await stack.token({ sub: "hunter2", exp: 1 }, { kid: "hunter2" });
  const path = "/hunter2?hunter2";
  const headers = { "x-hunter2": "hunter2" };
  const response = await stack.call(`Bearer ${token}`, { path, headers });
  const sent = response.text + JSON.stringify([...response.headers]);
  assertEquals(response.status, 401);
  assertExcludes(sent, "hunter2");
  assertExcludes(sent + stack.proxy.log.text() + JSON.stringify(stack.proxy.access), token);
});

Deno.test("3: a refusal is never a redirect", async () => {
  await using stack = await startStack();
  for (const value of [undefined, "Bearer", "Bearer abc"]) {
    const response = await stack.call(value, { headers: { accept: "text/html" } });
    assert(response.status >= 400);
    assertEquals(response.headers.get("location"), null);
  }
});

Deno.test("3: a request that is accepted gets no challenge", async () => {
  await using stack = await startStack();
  const response = await stack.call(`Bearer ${await stack.token()}`);
  assertEquals(response.headers.get("www-authenticate"), null);
});

Deno.test("5.3: refusals must not be stored", async () => {
  await using stack = await startStack();
  for (const value of [undefined, "Bearer", "Bearer abc"]) {
    assertEquals((await stack.call(value)).headers.get("cache-control"), "no-store");
  }
});
