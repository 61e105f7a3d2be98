/** What goes upstream: method, target and fields. */
import type { UpstreamRequest } from "../../src/proxy/upstream.ts";
import { assertEquals, assertExcludes } from "../support/assert.ts";
import { hang, httpUpstream, responding } from "../support/upstream.ts";
import { eventually } from "../support/waiting.ts";
import { asking, deliver, NO_CONTENT, OK, type Suite } from "./upstream_suite_support.ts";

const ODD_METHODS = ["M-SEARCH", "Foo", "!#$%&'*+-.^_`|~"];

/** Methods that `fetch` would write in capitals. */
const LOWER_CASE_METHODS = ["get", "Head", "post", "put", "delete", "options", "patch"];

/** Targets that every transport keeps byte for byte. */
const KEPT_TARGETS = [
  "/",
  "/?",
  "/a?",
  "/a/",
  "/a//b",
  "//",
  "//evil.test/x",
  "///x",
  "/@evil.test/",
  "/:80/",
  "/a:b@c",
  "/http://evil.test/",
  "/a;b=c,d/e",
  "/a%2fb%2Fc",
  "/a%5cb",
  "/%00%0d%0a",
  "/%zz%",
  "/a+b%20c",
  "/.well-known/x",
  "/a..b/...",
  "/a%2eb",
  "/~a/-_!$&()*,=",
  "/[a]|^",
  "/?a=b&c=d=e?f",
  "/?x=http://evil.test/",
  "/?../..%2e%2e",
  "/?a\\b",
  "/?a[]=1&b={c}|^`",
  "/?%zz",
];

/** Targets in which `fetch` percent-encodes a few characters. */
const ESCAPED_TARGETS: readonly (readonly [sent: string, escaped: string])[] = [
  ["/'a'?'b'", "/'a'?%27b%27"],
  ['/"<>{}`', "/%22%3C%3E%7B%7D%60"],
  ['/?"<>', "/?%22%3C%3E"],
];

/** Targets that are kept or refused, and never resolved. */
const DOTTED_TARGETS = [
  "/.",
  "/..",
  "/a/./b",
  "/a/../b",
  "/a/%2e%2e/b",
  "/a/.%2E/b",
  "/a/%2e/b",
  "/a/..",
  "/..//evil.test/",
  "/.//evil.test/",
  "/\\evil.test/",
  "/\\\\evil.test/",
  "/a\\..\\b",
  "/a/..\\b",
];

/** Registers the tests of requests. */
export function requestTests(suite: Suite): void {
  methodTests(suite);
  targetTests(suite);
  fieldTests(suite);
}

function methodTests({ test, connect, exactTargets }: Suite): void {
  for (const method of ODD_METHODS) {
    test(`the method ${method} goes out as it is.`, async () => {
      await using connected = await connect(responding(NO_CONTENT));
      assertEquals((await deliver(connected, { method })).startLine, `${method} / HTTP/1.1`);
    });
  }

  for (const method of LOWER_CASE_METHODS) {
    test(`the method ${method} is kept or refused, and not capitalised.`, async () => {
      await using connected = await connect(responding(NO_CONTENT));
      const line = `${method} / HTTP/1.1`;
      await keptOrRefused(connected, { method }, exactTargets ? line : undefined);
    });
  }
}

function targetTests({ test, connect, exactTargets }: Suite): void {
  for (const pathAndQuery of KEPT_TARGETS) {
    test(`the target ${pathAndQuery} goes out byte for byte.`, async () => {
      await using connected = await connect(responding(OK));
      const { startLine } = await deliver(connected, { pathAndQuery });
      assertEquals(startLine, `GET ${pathAndQuery} HTTP/1.1`);
    });
  }

  for (const [pathAndQuery, escaped] of ESCAPED_TARGETS) {
    test(`the target ${pathAndQuery} goes out as it is, or percent-encoded.`, async () => {
      await using connected = await connect(responding(OK));
      const { startLine } = await deliver(connected, { pathAndQuery });
      assertEquals(startLine, `GET ${exactTargets ? pathAndQuery : escaped} HTTP/1.1`);
    });
  }

  for (const prefix of ["", "/api"]) {
    for (const pathAndQuery of DOTTED_TARGETS) {
      const target = prefix + pathAndQuery;
      test(`the target ${target} is kept or refused, and not resolved.`, async () => {
        await using connected = await connect(responding(OK), { prefix });
        const line = `GET ${target} HTTP/1.1`;
        await keptOrRefused(connected, { pathAndQuery }, exactTargets ? line : undefined);
      });
    }
  }

  for (const pathAndQuery of ["/", "/x", "//x", "/?q"]) {
    test(`the upstream's own path comes before ${pathAndQuery}.`, async () => {
      await using connected = await connect(responding(OK), { prefix: "/api/v1" });
      const { startLine } = await deliver(connected, { pathAndQuery });
      assertEquals(startLine, `GET /api/v1${pathAndQuery} HTTP/1.1`);
    });
  }
}

/** Sends what the transport may refuse; `line` is what has to arrive if it may not. */
async function keptOrRefused(
  connected: Parameters<typeof deliver>[0],
  overrides: Partial<UpstreamRequest>,
  line: string | undefined,
): Promise<void> {
  if (line !== undefined) {
    assertEquals((await deliver(connected, overrides)).startLine, line);
    return;
  }
  const response = await connected.upstream.send(asking(overrides).request);
  assertEquals(response.ok ? "sent" : response.failure.reason, "bad_target");
  assertEquals(connected.raw.connections.length, 0);
  assertEquals(connected.clock.pending, 0);
}

function fieldTests({ test, connect, make, keepsAcceptEncoding }: Suite): void {
  test("no body is asked for in a coding that would be taken off on the way.", async () => {
    await using connected = await connect(responding(OK));
    const given = await deliver(connected, {
      headers: [["host", "h"], ["accept-encoding", "gzip, br"]],
    });
    assertEquals(given.header("accept-encoding"), keepsAcceptEncoding ? "gzip, br" : "identity");
    const none = await deliver(connected, { headers: [["host", "h"]] });
    assertExcludes(none.header("accept-encoding") ?? "", "gzip");
  });

  test("several requests one after the other share a connection.", async () => {
    await using connected = await connect(responding(OK));
    for (let i = 0; i < 5; i++) await deliver(connected, {});
    assertEquals(connected.raw.connections.length, 1);
  });

  test("a connection that the upstream closed while it was idle costs no request.", async () => {
    await using connected = await connect(async (socket) => {
      await socket.readRequest();
      await socket.send(OK);
    });
    for (let i = 0; i < 4; i++) {
      await deliver(connected, {});
      await eventually(
        "the end of the connection",
        () => connected.raw.connections.at(-1)?.ended === true,
      );
    }
    assertEquals(connected.raw.connections.length, 4);
  });

  test("requests at the same time do not mix their responses.", async () => {
    await using server = httpUpstream((request) => new Response(new URL(request.url).pathname));
    await using connected = await connect(hang);
    const { clock } = connected;
    const upstream = make({ origin: server.url, prefix: "", timeoutMs: 1000, clock });
    const paths = Array.from({ length: 40 }, (_, i) => `/${i}`);
    const bodies = await Promise.all(paths.map(async (pathAndQuery) => {
      const response = await upstream.send(asking({ pathAndQuery }).request);
      return response.ok ? await new Response(response.value.body).text() : response.failure.reason;
    }));
    upstream.close();
    assertEquals(bodies, paths);
  });
}
