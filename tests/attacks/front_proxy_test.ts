/**
 * The configurations of docs/limitations.md for a proxy in front: taken from the page, run by the real
 * programs in front of the real proxy, and attacked.
 */
import { freePort } from "../support/free_port.ts";
import net from "node:net";
import {
  assert,
  assertEquals,
  assertExcludes,
  assertIncludes,
  assertMatch,
} from "../support/assert.ts";
import { makeAuthority, type TestAuthority } from "../support/pfx.ts";
import { openRaw, rawRequest } from "../support/raw.ts";
import { projectFile } from "../support/process.ts";
import { eventually, type Service, startService } from "../e2e/harness.ts";
import { PREFACE, requestOf } from "./support/bytes.ts";

/** Connections that the configurations allow one address. */
const ALLOWED = 200;

/** Connections beyond those. */
const MORE = 10;

/** The configurations' time for a head and for a body, and the one that they are tried with. */
const [TIME, SHORT_TIME] = ["5s", "1s"];

/** Time between two bytes of a head that drips, in milliseconds. */
const DRIP_MS = 100;

/** How long connections that may stay are looked at, in milliseconds. */
const HOLD_MS = 500;

/** How long the end of a connection may take, in milliseconds. */
const END_MS = 4_000;

const PAGE = Deno.readTextFileSync(projectFile("docs/limitations.md"));

/** A front proxy of the page. */
interface Front {
  readonly name: "haproxy" | "nginx";
  /** What takes the place of what would touch this machine. */
  readonly local: (
    ports: Ports,
    authority: TestAuthority,
  ) => readonly (readonly [string, string])[];
  readonly args: (file: string) => readonly string[];
  /** What the client gets after the time for its head, and after that for its body. */
  readonly late: readonly [head: string, body: string];
  /** What it gets beyond its connections. */
  readonly beyond: string;
}

interface Ports {
  readonly plain: number;
  readonly tls: number;
  readonly ooproxy: number;
}

const FRONTS: readonly Front[] = [
  {
    name: "haproxy",
    local: ({ plain, tls, ooproxy }, { dir }) => [
      ["bind :80\n", `bind 127.0.0.1:${plain}\n`],
      ["bind :443 ssl crt /etc/haproxy/proxy.pem", `bind 127.0.0.1:${tls} ssl crt ${dir}/leaf.pem`],
      ["127.0.0.1:8080", `127.0.0.1:${ooproxy}`],
      [`http-request ${TIME}`, `http-request ${SHORT_TIME}`],
      [`wait-for-body time ${TIME}`, `wait-for-body time ${SHORT_TIME}`],
    ],
    args: (file) => ["-db", "-f", file],
    late: ["HTTP/1.1 408 ", "HTTP/1.1 408 "],
    beyond: "",
  },
  {
    name: "nginx",
    local: ({ plain, tls, ooproxy }, { dir }) => [
      ["listen 80;", `listen 127.0.0.1:${plain};`],
      ["listen 443 ", `listen 127.0.0.1:${tls} `],
      ["/etc/nginx/proxy.crt", `${dir}/leaf.pem`],
      ["/etc/nginx/proxy.key", `${dir}/leaf.key`],
      ["127.0.0.1:8080", `127.0.0.1:${ooproxy}`],
      [`header_timeout ${TIME}`, `header_timeout ${SHORT_TIME}`],
      [`body_timeout ${TIME}`, `body_timeout ${SHORT_TIME}`],
      ["http {", `http { access_log off; client_body_temp_path ${dir}/bodies;`],
    ],
    args: (file) => ["-c", file, "-e", "stderr", "-g", `daemon off; pid ${file}.pid;`],
    late: ["", ""],
    beyond: "HTTP/1.1 503 ",
  },
];

/** Whether a program is installed. */
async function installed(name: string): Promise<boolean> {
  try {
    return (await new Deno.Command(name, { args: ["-v"] }).output()).success;
  } catch {
    return false;
  }
}

/** The one block of the page in a language. */
function blockOf(language: string): string {
  const blocks = [...PAGE.matchAll(/^```(\w+)\n(.*?)^```$/gms)];
  const [only, ...more] = blocks.filter(([, name]) => name === language);
  assert(only?.[2] !== undefined && more.length === 0, language);
  return only[2];
}

/** Starts a front proxy with its block of the page, each replaced part replaced once. */
async function startFront(front: Front, ports: Ports, authority: TestAuthority) {
  const text = front.local(ports, authority).reduce((all, [from, to]) => {
    assertEquals(all.split(from).length, 2, from);
    return all.replace(from, () => to);
  }, blockOf(front.name));
  const file = `${authority.dir}/${front.name}.conf`;
  await Deno.writeTextFile(file, text);
  const child = new Deno.Command(front.name, {
    args: [...front.args(file)],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const said = new Response(child.stderr).text();
  let over = false;
  const status = child.status.then(() => over = true);
  await eventually(`${front.name} on its port`, async () => {
    if (over) throw new Error(`${front.name} ended: ${await said}`);
    return await openRaw(ports.plain).then((socket) => socket.close()).then(
      () => true,
      () => false,
    );
  });
  return {
    async [Symbol.asyncDispose]() {
      if (!over) child.kill("SIGTERM");
      await Promise.all([status, said]);
    },
  };
}

for (const front of FRONTS) {
  const ready = await installed(front.name);
  if (!ready) {
    const text =
      `not run: ${front.name} is not installed (Debian: apt-get install ${front.name})\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  }
  Deno.test({
    name: `The page's configuration of ${front.name} keeps away what this program cannot end.`,
    ignore: !ready,
    fn: (t) => attack(front, t),
  });
}

async function attack(front: Front, t: Deno.TestContext): Promise<void> {
  const gate = Promise.withResolvers<void>();
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256");
  const parts = ["leaf.crt", "inner.crt", "outer.crt", "leaf.key"];
  const pem = parts.map((part) => Deno.readTextFileSync(`${authority.dir}/${part}`)).join("");
  await Deno.writeTextFile(`${authority.dir}/leaf.pem`, pem);
  await using service = await startService({
    settings: { NUM_WORKERS: "1", LOG_LEVEL: "debug" },
    upstream: async (request, { target }) => {
      if (target === "/socket") return echoSocket(request);
      if (target === "/held") await gate.promise;
      return new Response(`echo ${target}`);
    },
  });
  await using relay = recordingRelay(Number(new URL(service.url()).port));
  const ports = { plain: freePort(), tls: freePort(), ooproxy: relay.port };
  await using _ = await startFront(front, ports, authority);
  const good = `Authorization: Bearer ${await service.token()}`;
  const all = { ports, good, service, authority, passed: relay.passed };

  await t.step(
    "A good request passes, over TLS by HTTP/2 too, and its address is the front's.",
    () => passes(all),
  );
  await t.step("A WebSocket passes.", () => carriesWebSockets(all));
  await t.step(
    "Half a head and a body that stalls are ended, and never get here.",
    () => endsSlowOnes(front, all),
  );
  await t.step("The preface of HTTP/2 without TLS never gets here.", () => refusesPreface(all));
  await t.step("Heads and bodies that are too large are refused.", () => refusesLarge(all));
  await t.step(`One address has ${ALLOWED} at once.`, () => countsConnections(front, all, gate));
}

/** Stands between the front and ooproxy and keeps what the front sends. */
function recordingRelay(to: number) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const decoder = new TextDecoder("latin1");
  const open = new Set<Promise<void>>();
  let passed = "";

  async function join(front: Deno.Conn): Promise<void> {
    const own = await Deno.connect({ hostname: "127.0.0.1", port: to });
    const tap = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(bytes, controller) {
        passed += decoder.decode(bytes);
        controller.enqueue(bytes);
      },
    });
    await Promise.allSettled([
      front.readable.pipeThrough(tap).pipeTo(own.writable),
      own.readable.pipeTo(front.writable),
    ]);
  }

  const accepting = (async () => {
    for await (const connection of listener) open.add(join(connection));
  })();
  return {
    port: listener.addr.port,
    passed: () => passed,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(open);
    },
  };
}

interface Around {
  readonly ports: Ports;
  readonly good: string;
  readonly service: Service;
  readonly authority: TestAuthority;
  /** All that the front has sent to ooproxy. */
  passed(): string;
}

async function passes({ ports, good, service, authority }: Around): Promise<void> {
  const sent = requestOf("GET /a%2Fb//c?d", [
    good,
    "X-Forwarded-For: 192.0.2.1",
    "Connection: close",
  ]);
  const plain = await rawRequest(ports.plain, sent);
  assertEquals([plain.status, plain.body], [200, "echo /a%2Fb//c?d"]);
  const fields = service.upstream.requests.at(-1)?.headers;
  assertEquals(fields?.get("x-forwarded-for"), "127.0.0.1");
  const id = fields?.get("x-request-id");
  await service.logged("request", { requestId: id, client: "127.0.0.1", path: "/a%2Fb//c" });
  assertEquals(plain.header("x-request-id"), id);

  using client = Deno.createHttpClient({
    caCerts: [await authority.certificate("root")],
    http1: false,
  });
  const [, authorization = ""] = good.split(": ");
  const url = `https://localhost:${ports.tls}/secure`;
  const secure = await fetch(url, { client, headers: { authorization } });
  assertEquals([secure.status, await secure.text()], [200, "echo /secure"]);
  const refused = await fetch(url, { client });
  await refused.body?.cancel();
  assertEquals(refused.status, 401);
}

/** Sends back the first message of a WebSocket and closes. */
function echoSocket(request: Request): Response {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onmessage = ({ data }) => {
    socket.send(data);
    socket.close();
  };
  return response;
}

async function carriesWebSockets({ ports, good }: Around): Promise<void> {
  const [, authorization = ""] = good.split(": ");
  const socket = new WebSocket(`ws://127.0.0.1:${ports.plain}/socket`, {
    headers: { authorization },
  });
  const closed = Promise.withResolvers<void>();
  const messages: unknown[] = [];
  socket.onopen = () => socket.send("hello");
  socket.onmessage = ({ data }) => messages.push(data);
  socket.onclose = () => closed.resolve();
  await closed.promise;
  assertEquals(messages, ["hello"]);
}

async function endsSlowOnes(front: Front, { ports, good, passed }: Around): Promise<void> {
  const [headLate, bodyLate] = front.late;
  const post = (field: string) => requestOf("POST /slow", [good, field]);
  const slow = [
    ["GET /slow HT", headLate],
    [`GET /slow HTTP/1.1\r\nHost: a\r\n${good}\r\nX-`, headLate],
    [post("Content-Length: 9"), bodyLate],
    [`${post("Content-Length: 9")}hello`, bodyLate],
    [`${post("Transfer-Encoding: chunked")}5\r\nhello\r\n`, bodyLate],
  ] as const;
  const ended = slow.map(async ([sent, expected]) => {
    await using socket = await openRaw(ports.plain);
    await socket.send(sent);
    assert(await socket.untilClosed(END_MS), `still open after ${JSON.stringify(sent)}`);
    assertEquals(expected === "" ? socket.all() : socket.all().slice(0, expected.length), expected);
  });
  await Promise.all([...ended, endsDrip(ports.plain)]);
  assertExcludes(passed(), "/slow");
}

/** A client that goes on sending its head, but slowly, gets no further than one that stops. */
async function endsDrip(port: number): Promise<void> {
  await using dripping = await openRaw(port);
  await dripping.send("GET /slow HTTP/1.1\r\nX-");
  const drip = setInterval(() => void dripping.send("x"), DRIP_MS);
  try {
    assert(await dripping.untilClosed(END_MS), "still open while its head drips");
  } finally {
    clearInterval(drip);
  }
}

async function refusesPreface({ ports, good, passed }: Around): Promise<void> {
  const response = await rawRequest(ports.plain, PREFACE);
  assert(response.closed);
  assertMatch(response.text, /^HTTP\/1\.1 40\d /);
  // Not by way of an upgrade either (RFC 7540, section 3.2, which RFC 9113 has taken away).
  const upgrade = [
    "Connection: Upgrade, HTTP2-Settings, close",
    "Upgrade: h2c",
    "HTTP2-Settings: ",
  ];
  const upgraded = await rawRequest(ports.plain, requestOf("GET /up", [good, ...upgrade]));
  assertEquals([upgraded.status, upgraded.body], [200, "echo /up"]);
  assertExcludes(passed(), "HTTP/2.0");
  assertIncludes(passed(), "GET /up HTTP/1.1\r\n");
}

async function refusesLarge({ ports, good, passed }: Around): Promise<void> {
  const ask = async (head: string, body = "") =>
    (await rawRequest(ports.plain, head + body, { until: "response" })).status;
  const large = await ask(requestOf("GET /large", [good, `X-A: ${"a".repeat(40_000)}`]));
  assert(large === 400 || large === 431, String(large));
  assertEquals(await ask(requestOf("POST /large", [good, "Content-Length: 10485761"])), 413);
  assertExcludes(passed(), "/large");
  assertEquals(await ask(requestOf("POST /", [good, "Content-Length: 5"]), "hello"), 200);
}

/** All from one address; those of another are not counted with them. */
async function countsConnections(front: Front, { ports, good }: Around, gate: { resolve(): void }) {
  await using stack = new AsyncDisposableStack();
  const opened = await Promise.allSettled(
    Array.from({ length: ALLOWED + MORE }, () => openRaw(ports.plain)),
  );
  // Some are reset before they are seen to be open.
  const sockets = opened.flatMap((one) => one.status === "fulfilled" ? [stack.use(one.value)] : []);
  await Promise.all(sockets.map((socket) => socket.send(requestOf("GET /held", [good]))));
  await Promise.all(sockets.map((socket) => socket.waitFor((came) => came !== "", HOLD_MS)));
  const ended = sockets.filter((socket) => socket.all() !== "" || socket.ended);
  assertEquals(sockets.length - ended.length, ALLOWED);
  for (const socket of ended) assertIncludes(socket.all(), front.beyond);
  const sent = requestOf("GET /other", [good, "Connection: close"]);
  assertIncludes(await fromAnotherAddress(ports.plain, sent), "echo /other");
  gate.resolve();
}

/** What a client of 127.0.0.2 gets. */
function fromAnotherAddress(port: number, sent: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: "127.0.0.1", port, localAddress: "127.0.0.2" });
    let text = "";
    socket.on("data", (data) => text += String(data));
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
    socket.write(sent);
  });
}
