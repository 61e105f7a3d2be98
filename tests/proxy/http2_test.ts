/** Forwarding for clients that speak TLS and HTTP/2, and to upstreams over TLS. */
import { createHash, randomBytes } from "node:crypto";
import http2 from "node:http2";
import type { TlsIdentity } from "../../src/tls/pfx.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { makeAuthority } from "../support/pfx.ts";
import { rawRequest } from "../support/raw.ts";
import { hang, httpUpstream, rawUpstream, responding } from "../support/upstream.ts";
import { headOf, protect, type Protected, type Transport, TRANSPORTS } from "./harness.ts";
import { eventually, pause } from "../support/waiting.ts";

const TLS_SETTINGS = { LISTEN_SSL_URL: "127.0.0.1:0", CERT_FILE: "not read here" };

/** A certificate for localhost, and the root that vouches for it. */
interface Trust {
  readonly identity: TlsIdentity;
  readonly root: string;
}

async function makeTrust(): Promise<Trust> {
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256", "root");
  const keyPem = await Deno.readTextFile(`${authority.dir}/leaf.key`);
  const [certPem, root] = [
    await authority.certificate("leaf"),
    await authority.certificate("root"),
  ];
  return { identity: { certPem, keyPem }, root };
}

/** One certificate for the tests of this file: making it takes longer than any of them. */
let made: Promise<Trust> | undefined;
const trust = () => made ??= makeTrust();

/** A proxy behind TLS, and a client of one protocol that trusts it. */
async function secure(
  transport: Transport,
  upstreamUrl: string,
  protocol: "http1" | "http2",
): Promise<
  Protected & { call(path: string, init?: RequestInit): Promise<Response> }
> {
  const { identity, root } = await trust();
  const guarded = await protect(upstreamUrl, transport, { settings: TLS_SETTINGS, identity });
  const client = Deno.createHttpClient({
    caCerts: [root],
    http1: protocol === "http1",
    http2: protocol === "http2",
  });
  return {
    ...guarded,
    call: (path, init) =>
      fetch(`https://localhost:${guarded.port}${path}`, {
        ...init,
        client,
        headers: { authorization: `Bearer ${guarded.token}`, ...init?.headers },
      }),
    async [Symbol.asyncDispose]() {
      client.close();
      await guarded[Symbol.asyncDispose]();
    },
  };
}

for (const transport of TRANSPORTS) {
  const test = (sentence: string, action: () => Promise<void>) =>
    Deno.test(`Over ${transport.name}: ${sentence}`, action);

  const secured = (url: string, protocol: "http1" | "http2") => secure(transport, url, protocol);

  for (const protocol of ["http1", "http2"] as const) {
    test(`a request over TLS (${protocol}) says https and its host.`, async () => {
      await using upstream = httpUpstream();
      await using guarded = await secured(upstream.url, protocol);
      const response = await guarded.call("/a//b?c");
      assertEquals([response.status, await response.text()], [200, "hello"]);
      const [request] = upstream.requests;
      assertEquals(request?.target, "/a//b?c");
      const host = `localhost:${guarded.port}`;
      assertEquals(request?.headers.get("host"), host);
      assertEquals(request?.headers.get("x-forwarded-host"), host);
      assertEquals(request?.headers.get("x-forwarded-proto"), "https");
      assertEquals(request?.headers.get("x-forwarded-for"), "127.0.0.1");
    });

    test(`bodies pass both ways over TLS (${protocol}).`, async () => {
      await using upstream = httpUpstream(async (request) =>
        new Response(`${request.method} ${await request.text()}`)
      );
      await using guarded = await secured(upstream.url, protocol);
      const bodies = [undefined, "", "text", ReadableStream.from([new Uint8Array([97, 98])])];
      const responses: string[] = [];
      for (const body of bodies) {
        const response = await guarded.call("/", {
          method: "POST",
          ...(body === undefined ? {} : { body }),
        });
        responses.push(await response.text());
      }
      assertEquals(responses, ["POST ", "POST ", "POST text", "POST ab"]);
    });

    test(`slow clients over TLS (${protocol}) get every byte of large bodies.`, async () => {
      const bodies = [0, 1, 2].map(() => new Uint8Array(randomBytes(6 * 1024 * 1024)));
      await using upstream = httpUpstream((request) =>
        new Response(bodies[Number(new URL(request.url).pathname.slice(1))])
      );
      await using guarded = await secured(upstream.url, protocol);
      const got = await Promise.all(bodies.map(async (_, i) => {
        const hash = createHash("sha256");
        const response = await guarded.call(`/${i}`);
        await pause(100 * i);
        for await (const piece of response.body ?? []) {
          hash.update(piece);
          await pause(i);
        }
        return hash.digest("hex");
      }));
      assertEquals(got, bodies.map((body) => createHash("sha256").update(body).digest("hex")));
    });

    test(`an upstream that dies in mid-body breaks the response over TLS (${protocol}).`, async () => {
      await using upstream = await rawUpstream(async (socket) => {
        await socket.readRequest();
        await socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        await socket.waitFor(() => false, 30);
      });
      await using guarded = await secured(upstream.url, protocol);
      const response = await guarded.call("/");
      assertEquals(response.status, 200);
      await assertRejects(() => response.text());
      assertEquals((await guarded.record()).reason, "upstream_broken");
    });

    test(`a client over TLS (${protocol}) that leaves takes the request along.`, async () => {
      await using upstream = await rawUpstream(async (socket) => {
        await socket.readRequest();
        await hang(socket);
      });
      await using guarded = await secured(upstream.url, protocol);
      const leaving = new AbortController();
      const calling = guarded.call("/", { signal: leaving.signal });
      await eventually("the request", () => (upstream.connections[0]?.all() ?? "") !== "");
      leaving.abort();
      await assertRejects(() => calling);
      await eventually(
        "the end of the upstream's connection",
        () => upstream.connections[0]?.ended === true,
      );
      assertEquals((await guarded.record()).reason, "client_gone");
    });

    test(`a request over TLS (${protocol}) without a token is refused with a challenge.`, async () => {
      await using guarded = await secured("http://127.0.0.1:1", protocol);
      const response = await guarded.call("/", {
        method: "POST",
        body: "x",
        headers: { authorization: "" },
      });
      assert([400, 401].includes(response.status));
      assert(response.headers.get("www-authenticate")?.startsWith("Bearer realm="));
      await response.body?.cancel();
    });
  }

  test("an HTTP/2 request cannot name one host in :authority and another in Host.", async () => {
    await using upstream = await rawUpstream(responding("HTTP/1.1 204 No Content\r\n\r\n"));
    await using guarded = await secured(upstream.url, "http2");
    const { root } = await trust();
    const status = await pseudo(guarded.port, root, {
      ":path": "/x",
      ":authority": "localhost",
      "host": "evil.test",
      "authorization": `Bearer ${guarded.token}`,
    });
    assertEquals(status, 400);
    assertEquals(upstream.connections.length, 0);
  });

  test("an HTTP/2 path with dot segments below an upstream path is refused.", async () => {
    await using upstream = await rawUpstream(responding("HTTP/1.1 204 No Content\r\n\r\n"));
    await using guarded = await secured(`${upstream.url}/api`, "http2");
    const { root } = await trust();
    for (const path of ["/../x", "/%2e%2e/x", "/\\..\\x"]) {
      const headers = { ":path": path, "authorization": `Bearer ${guarded.token}` };
      assertEquals(await pseudo(guarded.port, root, headers), 400, path);
    }
    assertEquals(upstream.connections.length, 0);
  });

  test("HTTP/1.1 over TLS without Host reaches the upstream alone, by the proxy's own name.", async () => {
    await using upstream = await rawUpstream(responding("HTTP/1.1 204 No Content\r\n\r\n"));
    await using guarded = await secured(upstream.url, "http1");
    const { root } = await trust();
    const got = await rawRequest(
      guarded.port,
      headOf("GET /", [`Authorization: Bearer ${guarded.token}`]),
      { until: "response", tls: { caCert: root } },
    );
    // The server does not distinguish HTTP/1.1 from HTTP/2, which has no such field, and fills its own name in.
    assertEquals(got.status, 204);
    const sent = upstream.connections[0]?.all() ?? "";
    assertEquals(/^host: (.*)$/im.exec(sent)?.[1]?.trim(), `localhost:${guarded.port}`);
  });

  test("an upstream over TLS whose certificate is not trusted gets nothing.", async () => {
    const { identity: { certPem: cert, keyPem: key } } = await trust();
    await using upstream = httpUpstream(undefined, { cert, key });
    await using guarded = await protect(upstream.url, transport);
    assertEquals((await guarded.ask("GET /")).status, 502);
    assertEquals(upstream.requests.length, 0);
  });
}

/** The status of one HTTP/2 request with exactly these fields. */
async function pseudo(
  port: number,
  ca: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  const session = http2.connect(`https://localhost:${port}`, { ca });
  try {
    return await new Promise((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request({ ...headers });
      stream.on("error", reject);
      stream.on("response", (fields) => resolve(Number(fields[":status"])));
      stream.resume();
      stream.end();
    });
  } finally {
    await new Promise<void>((resolve) => session.close(() => resolve()));
  }
}
