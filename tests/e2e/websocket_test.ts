/** WebSockets through the whole program: the client's side, the relay, the upstream's side. */
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { makeAuthority } from "../support/pfx.ts";
import type { UpstreamHandler } from "../support/upstream.ts";
import { eventually, pause, type Service, startService } from "./harness.ts";

/** How long a step of a WebSocket may take, in milliseconds. */
const STEP_LIMIT_MS = 5000;

/** The close codes that an upstream saw. */
type Codes = number[];

/** Sends every message back; takes the last subprotocol that is offered; refuses `/closed`. */
function echoing(codes: Codes = []): UpstreamHandler {
  return (request, { target }) => {
    if (target === "/closed") {
      return new Response("not today", { status: 403, headers: { "x-why": "closed" } });
    }
    if (request.headers.get("upgrade") !== "websocket") return new Response(`echo ${target}`);
    const protocol = request.headers.get("sec-websocket-protocol")?.split(",").at(-1)?.trim();
    const { socket, response } = Deno.upgradeWebSocket(
      request,
      protocol === undefined ? {} : { protocol },
    );
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket.send(data);
    socket.onclose = ({ code }) => void codes.push(code);
    return response;
  };
}

/** Settings, with an upstream that echoes. */
function start(settings: Record<string, string>, codes?: Codes): Promise<Service> {
  return startService({ settings, upstream: echoing(codes) });
}

interface OpenOptions {
  readonly token: string;
  readonly path?: string;
  readonly protocols?: string[];
  readonly client?: Deno.HttpClient;
}

/** Opens a WebSocket; rejects when it is refused. */
async function open(
  url: string,
  { token, path = "/ws", protocols = [], client }: OpenOptions,
): Promise<WebSocket> {
  const socket = new WebSocket(url.replace(/^http/, "ws") + path, {
    protocols,
    headers: { authorization: `Bearer ${token}` },
    ...(client === undefined ? {} : { client }),
  });
  socket.binaryType = "arraybuffer";
  await within(
    "the WebSocket to open",
    new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = (event) =>
        reject(new Error(event instanceof ErrorEvent ? event.message : "it did not open"));
    }),
  );
  socket.onerror = null;
  return socket;
}

/** Sends a message and waits for the one that comes back. */
function exchange(socket: WebSocket, data: string | Uint8Array<ArrayBuffer>) {
  const response = new Promise<string | ArrayBuffer>((resolve) => {
    socket.onmessage = ({ data }) => resolve(data);
  });
  socket.send(data);
  return within("a message", response);
}

/** How the socket ends. To be asked before anything ends it. */
function ending(socket: WebSocket): Promise<CloseEvent> {
  return within("the close", new Promise((resolve) => socket.onclose = resolve));
}

async function leave(socket: WebSocket): Promise<void> {
  const end = ending(socket);
  socket.close(1000);
  assertEquals((await end).code, 1000);
}

async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`timed out waiting for ${what}`)),
    STEP_LIMIT_MS,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A plain HTTP client can ask for an upgrade only on a bare socket: its status line and its body. */
async function handshake(service: Service, path: string, token?: string): Promise<string> {
  const { hostname, port } = new URL(service.url());
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const lines = [
    `GET ${path} HTTP/1.1`,
    "Host: h",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
  ];
  await connection.write(new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n"));
  let text = "";
  const decoder = new TextDecoder();
  const room = new Uint8Array(4096);
  await eventually("the reply", async () => {
    const count = await connection.read(room);
    text += decoder.decode(room.subarray(0, count ?? 0));
    return count === null || /\r\n\r\n[^]*(\}|today)/.test(text);
  });
  return text;
}

for (const workers of ["1", "2"]) {
  Deno.test(`WebSockets are relayed, refused and logged, with NUM_WORKERS=${workers}.`, async (t) => {
    const codes: Codes = [];
    await using service = await start({ NUM_WORKERS: workers }, codes);
    const token = await service.token();

    await t.step("text and binary messages come back as they went", async () => {
      const socket = await open(service.url(), { token });
      assertEquals(await exchange(socket, "héllo"), "héllo");
      const bytes = new Uint8Array(70_000).map((_, at) => at);
      const back = await exchange(socket, bytes);
      assert(back instanceof ArrayBuffer);
      assertEquals(new Uint8Array(back), bytes);
      await leave(socket);
      await eventually("the upstream's close", () => codes.includes(1000));
    });

    await t.step("the access line says 101 and how many bytes went to the client", async () => {
      const { bytes, method } = await service.logged("request", { path: "/ws", status: 101 });
      assertEquals([bytes, method], [70_006, "GET"]);
    });

    await t.step("the upstream chooses the subprotocol", async () => {
      const socket = await open(service.url(), { token, protocols: ["chat.v1", "chat.v2"] });
      assertEquals(socket.protocol, "chat.v2");
      await leave(socket);
    });

    await t.step("without a token there is no upgrade, and the upstream is not asked", async () => {
      const before = service.upstream.requests.length;
      const response = await handshake(service, "/ws");
      assertIncludes(response, "HTTP/1.1 401 Unauthorized\r\n");
      assertIncludes(response.toLowerCase(), "www-authenticate: bearer");
      assertEquals(service.upstream.requests.length, before);
    });

    await t.step("the upstream's refusal is passed on with its body", async () => {
      const response = await handshake(service, "/closed", token);
      assertIncludes(response, "HTTP/1.1 403 Forbidden\r\n");
      assertIncludes(response, "x-why: closed\r\n");
      assertIncludes(response, "not today");
      await service.logged("request", { path: "/closed", status: 403, bytes: 9 });
    });

    await t.step("a token that expires ends its WebSocket with 1008", async () => {
      const exp = Math.floor(Date.now() / 1000) + 2;
      const socket = await open(service.url(), { token: await service.token({ exp }) });
      const { code } = await ending(socket);
      assertEquals(code, 1008);
      const late = Date.now() - exp * 1000;
      assert(late >= 0 && late < 2000, `${late} ms after exp`);
    });

    await t.step("a reload leaves a WebSocket alone, and the end is still said to it", async () => {
      const before = await open(service.url(), { token });
      service.process.signal("SIGHUP");
      await service.logged("configuration reloaded");
      assertEquals(await exchange(before, "still here"), "still here");
      const after = await open(service.url(), { token });
      assertEquals(await exchange(after, "new"), "new");
      const ends = [ending(before), ending(after)];
      codes.length = 0;
      service.process.signal("SIGTERM");
      const began = performance.now();
      assertEquals((await Promise.all(ends)).map(({ code }) => code), [1001, 1001]);
      assertEquals((await service.process.ended()).code, 0);
      assert(performance.now() - began < 5000, "it did not wait for its time limit");
      await eventually("the upstream's closes", () => codes.length === 2);
      assertEquals(codes, [1001, 1001]);
      await service.logged("shutdown complete, every running request finished");
    });
  });
}

Deno.test("With WEBSOCKET_MAX_TOKEN_AGE=ignore a WebSocket outlives its token.", async () => {
  await using service = await start({ NUM_WORKERS: "1", WEBSOCKET_MAX_TOKEN_AGE: "ignore" });
  const exp = Math.floor(Date.now() / 1000) + 2;
  const socket = await open(service.url(), { token: await service.token({ exp }) });
  await pause(exp * 1000 - Date.now() + 300);
  assertEquals(await exchange(socket, "still here"), "still here");
  await leave(socket);
});

Deno.test("A WebSocket over TLS is relayed as well, and SIGTERM ends it with 1001.", async () => {
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256");
  await authority.pfx("leaf", { others: ["outer", "inner"] });
  await using service = await start({
    NUM_WORKERS: "2",
    LISTEN_URL: "",
    LISTEN_SSL_URL: "127.0.0.1:0",
    CERT_FILE: `${authority.dir}/leaf.pfx`,
    CERT_PASSWORD: "secret",
  });
  using client = Deno.createHttpClient({ caCerts: [await authority.certificate("root")] });
  const url = service.url().replace("127.0.0.1", "localhost");
  assert(url.startsWith("https:"));
  const socket = await open(url, { token: await service.token(), client });
  assertEquals(await exchange(socket, "sécret"), "sécret");
  const end = ending(socket);
  service.process.signal("SIGTERM");
  assertEquals((await end).code, 1001);
  assertEquals((await service.process.ended()).code, 0);
});
