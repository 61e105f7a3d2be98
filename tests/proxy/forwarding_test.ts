/** What reaches the upstream, and what never does, through the whole proxy. */
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { httpUpstream, rawUpstream, responding } from "../support/upstream.ts";
import { exchange, named, OK, type Test } from "./exchange.ts";
import { protect, type Transport, TRANSPORTS } from "./harness.ts";
import { freePort } from "../support/free_port.ts";

for (const transport of TRANSPORTS) {
  const test: Test = (sentence, action) => Deno.test(`Over ${transport.name}: ${sentence}`, action);
  requestTests(transport, test);
  refusalTests(transport, test);
}

function requestTests(transport: Transport, test: Test): void {
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "x-own"]) {
    test(`a ${method} goes on with its path, its query and no body.`, async () => {
      const { sent, got } = await exchange(transport, `${method} /a//b%2f?c=%20&d`);
      assertEquals(sent.startLine, `${method} /a//b%2f?c=%20&d HTTP/1.1`);
      assertEquals([got.status, got.body], [200, "ok"]);
      assertEquals([sent.rawBody, named(sent, "transfer-encoding")], ["", []]);
      assert(["", "0"].includes(named(sent, "content-length").join()));
    });
  }

  for (const method of ["POST", "PUT", "DELETE", "PROPFIND"]) {
    for (const length of ["Content-Length: 5", "Transfer-Encoding: chunked"]) {
      test(`the body of a ${method} (${length}) goes on with one framing.`, async () => {
        const body = length.startsWith("C")
          ? "hello"
          : "2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: 1\r\n\r\n";
        const { sent } = await exchange(transport, `${method} /`, { fields: [length], body });
        assertEquals([sent.body, sent.complete], ["hello", true]);
        const lengths = named(sent, "content-length");
        const codings = named(sent, "transfer-encoding");
        const kept = length.startsWith("C") && transport.keepsContentLength;
        assertEquals([lengths, codings], kept ? [["5"], []] : [[], ["chunked"]]);
      });
    }
  }

  test("a POST that says it has no body goes on without one.", async () => {
    const { sent } = await exchange(transport, "POST /", { fields: ["Content-Length: 0"] });
    assertEquals([sent.rawBody, named(sent, "content-length")], ["", ["0"]]);
  });

  for (
    const [name, fields, body] of [
      ["a length", ["Content-Length: 3"], "abc"],
      ["chunks", ["Transfer-Encoding: chunked"], "3\r\nabc\r\n0\r\n\r\n"],
    ] as const
  ) {
    for (const method of ["GET", "HEAD"]) {
      test(`a ${method} with a body (${name}) is refused.`, async () => {
        const { sent, got } = await exchange(transport, `${method} /`, { fields, body });
        assertEquals([got.status, sent.startLine], [400, ""]);
        assertEquals(named(got, "connection"), ["close"]);
      });
    }
  }

  test("Host, credentials and ordinary fields go on as they came.", async () => {
    const { sent } = await exchange(transport, "GET /", {
      fields: [
        "Cookie: a=1",
        "cookie: b=2",
        "X-List: 1",
        "X-List: 2",
        "User-Agent: own/1",
        "Accept: text/plain;q=0.5",
        "Accept-Language: de",
        "Origin: https://page.test",
        "Referer: https://page.test/x",
        'If-None-Match: "x"',
        "Range: bytes=0-1",
        "X-Latin: caf\xe9",
        "DPoP: x.y.z",
        "Via: 1.1 other",
        "Max-Forwards: 1",
        "Sec-Fetch-Mode: cors",
        "Date: Thu, 01 Jan 2026 00:00:00 GMT",
        "X-Empty:",
      ],
    });
    assertEquals(named(sent, "host"), ["client.test"]);
    assert(named(sent, "authorization")[0]?.startsWith("Bearer ey"));
    assertEquals(named(sent, "cookie").join("; "), "a=1; b=2");
    assertEquals(named(sent, "x-list").join(", "), "1, 2");
    assertEquals(named(sent, "x-latin"), ["caf\xe9"]);
    for (
      const [name, value] of [
        ["user-agent", "own/1"],
        ["accept", "text/plain;q=0.5"],
        ["accept-language", "de"],
        ["origin", "https://page.test"],
        ["referer", "https://page.test/x"],
        ["if-none-match", '"x"'],
        ["range", "bytes=0-1"],
        ["dpop", "x.y.z"],
        ["via", "1.1 other"],
        ["max-forwards", "1"],
        ["sec-fetch-mode", "cors"],
        ["date", "Thu, 01 Jan 2026 00:00:00 GMT"],
        ["x-empty", ""],
      ] as const
    ) assertEquals(named(sent, name), [value], name);
    for (const name of ["connection", "transfer-encoding", "content-length", "expect", "te"]) {
      assertEquals(named(sent, name), [], name);
    }
  });

  test("the upstream learns where the request came from.", async () => {
    const { sent } = await exchange(transport, "GET /");
    assertEquals(named(sent, "x-forwarded-for"), ["127.0.0.1"]);
    assertEquals(named(sent, "x-forwarded-proto"), ["http"]);
    assertEquals(named(sent, "x-forwarded-host"), ["client.test"]);
  });

  test("a well-formed request id is taken over, sent on and sent back.", async () => {
    const { sent, got } = await exchange(transport, "GET /", { fields: ["X-Request-Id: a-1_b.c"] });
    assertEquals([named(sent, "x-request-id"), named(got, "x-request-id")], [["a-1_b.c"], [
      "a-1_b.c",
    ]]);
  });

  for (const id of ["", "a b", "x".repeat(129), "a\tb", "caf\xe9", "<a>", "a, b"]) {
    test(`the request id ${JSON.stringify(id)} is replaced by a new one.`, async () => {
      const { sent, got } = await exchange(transport, "GET /", { fields: [`X-Request-Id: ${id}`] });
      const [made = "", ...more] = named(sent, "x-request-id");
      assert(/^[0-9a-f-]{36,50}$/.test(made) && more.length === 0, made);
      assertEquals(named(got, "x-request-id"), [made]);
    });
  }

  test("two request ids are replaced by one new one.", async () => {
    const fields = ["X-Request-Id: one", "X-Request-Id: two"];
    const { sent } = await exchange(transport, "GET /", { fields });
    assert(/^[0-9a-f-]{36,50}$/.test(named(sent, "x-request-id").join()));
  });

  test("a large head goes on whole.", async () => {
    const fields = Array.from({ length: 60 }, (_, i) => `X-Field-${i}: ${"v".repeat(200)}`);
    const { sent } = await exchange(transport, `GET /${"p".repeat(4000)}`, { fields });
    assertEquals(sent.startLine.length, "GET / HTTP/1.1".length + 4000);
    assertEquals(sent.headers.filter(([name]) => /^x-field-/i.test(name)).length, 60);
  });

  test("requests on one connection get their responses one after the other.", async () => {
    await using upstream = httpUpstream((request) =>
      new Response(new URL(request.url).pathname, { headers: { "x-a": "1" } })
    );
    await using guarded = await protect(upstream.url, transport);
    const body = guarded.head("GET /1") + guarded.head("POST /2", ["Content-Length: 3"]) + "abc" +
      guarded.head("GET /3", ["Connection: close"]);
    const { text } = await guarded.ask("GET /0", { body, until: "close" });
    assertEquals(text.match(/\/\d$|\/\dHTTP/gm)?.length, 4);
    assertEquals(upstream.requests.map(({ target }) => target), ["/0", "/1", "/2", "/3"]);
  });
}

function refusalTests(transport: Transport, test: Test): void {
  test("an upstream that does not run is a 502.", async () => {
    await using guarded = await protect(`http://127.0.0.1:${freePort()}`, transport);
    const got = await guarded.ask("GET /?secret");
    assertEquals([got.status, named(got, "content-type")], [502, ["application/json"]]);
    assertIncludes(got.body, "bad_gateway");
    const record = await guarded.record();
    assertEquals(record.reason, "upstream_refused");
    assertExcludes(JSON.stringify(record), "secret");
  });

  test("an upstream that speaks no HTTP is a 502.", async () => {
    await using upstream = await rawUpstream(async (socket) => {
      await socket.readRequest();
      await socket.send("SSH-2.0-x\r\n");
    });
    await using guarded = await protect(upstream.url, transport);
    assertEquals((await guarded.ask("GET /")).status, 502);
    assertEquals((await guarded.record()).reason, "upstream_broken");
  });

  test("a request without a token does not reach the upstream.", async () => {
    await using upstream = await rawUpstream(responding(OK));
    await using guarded = await protect(upstream.url, transport);
    const response = await fetch(`${guarded.proxy.url}/a?b`);
    assertEquals(response.status, 401);
    assertEquals(response.headers.get("www-authenticate"), 'Bearer realm="ooproxy"');
    await response.body?.cancel();
    assertEquals(upstream.connections.length, 0);
  });

  for (
    const [name, fields, body] of [
      ["Transfer-Encoding besides Content-Length", [
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
      ], "0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"],
      ["two lengths", ["Content-Length: 0", "Content-Length: 5"], "hello"],
      ["a length that is no number", ["Content-Length: 0x5"], "hello"],
      ["a length with a sign", ["Content-Length: +5"], "hello"],
      ["a coding that is not chunked", ["Transfer-Encoding: gzip"], "hello"],
      ["a space before the colon", ["X-A : 1"], ""],
      ["a folded field", ["X-A: 1\r\n  2"], ""],
      ["a bare carriage return in a field", ["X-A: 1\r2"], ""],
      ["a NUL in a field", ["X-A: \0"], ""],
    ] as const
  ) {
    test(`a request with ${name} is refused and its connection closed.`, async () => {
      await using upstream = await rawUpstream(responding(OK));
      await using guarded = await protect(upstream.url, transport);
      const got = await guarded.ask("POST /", { fields, body, until: "close", timeoutMs: 500 });
      assertEquals([got.status, got.closed], [400, true]);
      assertEquals(got.text.split("HTTP/1.1 ").length, 2);
      assertEquals(upstream.connections.map((one) => one.all()).join(""), "");
    });
  }
}
