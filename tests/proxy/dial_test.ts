import tls from "node:tls";
import type { UpstreamTls } from "../../src/proxy/dial.ts";
import { makeDial } from "../../src/proxy/dial.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { makeAuthority } from "../support/pfx.ts";
import { httpUpstream } from "../support/upstream.ts";
import { http1Upstream, outcome } from "./http1/support.ts";
import { pause } from "../support/waiting.ts";

/** What comes of a GET of an upstream over TLS. */
async function overTls(origin: string, tls: UpstreamTls): Promise<string> {
  const clock = new FakeClock();
  const upstream = http1Upstream({ origin, tls }, clock);
  const text = await outcome(upstream);
  assertEquals(clock.pending, 0);
  upstream.close();
  return text;
}

Deno.test("an upstream over TLS is talked to if its certificate is trusted for its name.", async () => {
  const authority = await makeAuthority();
  try {
    await authority.leaf("server", "P-256", "root");
    const identity = {
      cert: await authority.certificate("server"),
      key: await Deno.readTextFile(`${authority.dir}/server.key`),
    };
    const caCerts = [await authority.certificate("root")];
    await using server = httpUpstream(undefined, identity);
    const byName = `https://localhost:${server.port}`;
    const byAddress = `https://127.0.0.1:${server.port}`;

    assertEquals(await overTls(byName, { caCerts }), "200 hello");
    assertEquals(await overTls(byAddress, { caCerts }), "200 hello");
    assertEquals(await overTls(byName, { caCerts, ...identity }), "200 hello");
    assertEquals(await overTls(byName, {}), "upstream_refused");
    assertEquals(server.requests.length, 3);
  } finally {
    await Deno.remove(authority.dir, { recursive: true });
  }
});

Deno.test("a client certificate is shown to an upstream that asks for one.", async () => {
  const authority = await makeAuthority();
  try {
    await authority.leaf("server", "P-256", "root");
    const cert = await authority.certificate("server");
    const key = await Deno.readTextFile(`${authority.dir}/server.key`);
    const ca = await authority.certificate("root");
    const seen: boolean[] = [];
    const server = tls.createServer({ cert, key, ca, requestCert: true }, (socket) => {
      seen.push(socket.authorized);
      socket.on("error", () => {});
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    assert(address !== null && typeof address === "object");
    const dial = makeDial(
      { transport: "tls", hostname: "127.0.0.1", port: address.port },
      { caCerts: [ca], cert, key },
      1000,
      new FakeClock(),
    );
    const wire = await dial();
    assert(wire.ok);
    assert((await wire.value.read(new Uint8Array(100)) ?? 0) > 0);
    wire.value.close();
    assertEquals(seen, [true]);
    await new Promise<void>((resolve) => server.close(() => resolve()));
  } finally {
    await Deno.remove(authority.dir, { recursive: true });
  }
});

Deno.test("an upstream that does not finish the TLS handshake is a timeout.", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const clock = new FakeClock();
  const address = { transport: "tls", hostname: "127.0.0.1", port: listener.addr.port } as const;
  const dialling = makeDial(address, {}, 1000, clock)();
  await pause(50);
  await clock.advance(1000);
  const wire = await dialling;
  assert(!wire.ok);
  assertEquals(wire.failure.reason, "upstream_timeout");
  (await accepted).close();
  assertEquals(clock.pending, 0);
});

Deno.test("an upstream on a Unix socket is talked to.", async () => {
  const dir = await Deno.makeTempDir();
  const socketPath = `${dir}/upstream.sock`;
  const server = Deno.serve(
    { path: socketPath, onListen: () => {} },
    (request) => new Response(new URL(request.url).pathname + request.headers.get("host")),
  );
  const upstream = http1Upstream(
    { origin: "http://localhost", socketPath },
    new FakeClock(),
    { prefix: "/api" },
  );
  for (let i = 0; i < 3; i++) {
    assertEquals(await outcome(upstream, { pathAndQuery: "/x" }), "200 /api/xclient.test");
  }
  assertEquals(upstream.stats?.(), { open: 1, idle: 1 });
  upstream.close();
  await server.shutdown();
  await Deno.remove(dir, { recursive: true });
});

Deno.test("an upstream whose Unix socket is not there refuses.", async () => {
  const upstream = http1Upstream(
    { origin: "http://localhost", socketPath: "/nowhere/x.sock" },
    new FakeClock(),
  );
  assertEquals(await outcome(upstream), "upstream_refused");
  upstream.close();
});

Deno.test("a certificate without its key is a mistake of the caller, and the reverse.", () => {
  const address = { transport: "tls", hostname: "localhost", port: 443 } as const;
  for (const tls of [{ cert: "x" }, { key: "x" }]) {
    assertThrows(() => makeDial(address, tls, 1000, new FakeClock()));
  }
});

Deno.test("an IPv6 address is reached by its URL.", async () => {
  let server;
  try {
    const options = { hostname: "::1", port: 0, onListen: () => {} };
    server = Deno.serve(options, () => new Response("six"));
  } catch {
    return; // No IPv6 on this machine.
  }
  const origin = `http://[::1]:${server.addr.port}`;
  const upstream = http1Upstream({ origin }, new FakeClock());
  assertEquals(await outcome(upstream), "200 six");
  upstream.close();
  await server.shutdown();
});
