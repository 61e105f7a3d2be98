/**
 * What the runtime's server cannot do, measured: the figures of docs/limitations.md. Each part has a
 * worker of its own; who is hostile is another process, and one good client calls every few milliseconds.
 * Asserted is only what holds: the good client is served, and the worker does not end. Takes about four
 * minutes: `deno task test:attacks`.
 */
import { freePort } from "../../support/free_port.ts";
import { V8_FLAGS } from "../../../src/runtime/commands.ts";
import { percentile, type Steady, steadyCalls } from "../../bench/flood.ts";
import { number, table } from "../../bench/format.ts";
import { cpuOfStat, megabytesOfRollup } from "../../bench/procfs.ts";
import { say } from "../../container/say.ts";
import { eventually, pause, type Service, startService } from "../../e2e/harness.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { makeAuthority } from "../../support/pfx.ts";
import { HALF_HELLO, halfHead, PREFACE, requestOf } from "../support/bytes.ts";
import { type Hostile, sendFromElsewhere } from "../support/sender.ts";

/** Connections that are held: enough to show what one costs. */
const HELD = 2_000;

/** Connections opened at once: fewer than the kernel lets wait for being accepted. */
const AT_ONCE = 100;

/** How long a client may send nothing of a body, in seconds: these connections have no body. */
const IDLE_SECS = 2;

/** How long a stop may take, in seconds. */
const SHUTDOWN_SECS = 3;

/** How long each flood lasts, in milliseconds. */
const FLOOD_MS = 8_000;

/** When the good client begins, and how long before the end it stops, in milliseconds. */
const MARGIN_MS = 1_000;

/** How long the good client calls before anything is measured, in milliseconds. */
const WARM_UP_MS = 500;

/** How long memory may take to show, in milliseconds. */
const REST_MS = 2_000;

const KB_PER_MB = 1024;

const stat = (pid: number) => cpuOfStat(Deno.readTextFileSync(`/proc/${pid}/stat`));
const memory = (pid: number) =>
  megabytesOfRollup(Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`), "Pss");
const descriptors = (pid: number) => [...Deno.readDirSync(`/proc/${pid}/fd`)].length;

/** One worker in one process, as the task `start` runs it; it logs no requests, which would be measured too. */
interface Lab extends AsyncDisposable {
  readonly service: Service;
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  readonly token: string;
}

/** Starts it. The upstream keeps requests for `/held` waiting. */
async function openLab(settings: Readonly<Record<string, string>> = {}): Promise<Lab> {
  const gate = Promise.withResolvers<void>();
  const port = freePort();
  const service = await startService({
    settings: {
      LISTEN_URL: `127.0.0.1:${port}`,
      NUM_WORKERS: "1",
      LOG_LEVEL: "error",
      CLIENT_IDLE_TIMEOUT_SECS: String(IDLE_SECS),
      SHUTDOWN_TIMEOUT_SECS: String(SHUTDOWN_SECS),
      ...settings,
    },
    denoFlags: [V8_FLAGS, "--allow-all"],
    // At this level of the log nothing says that it is ready.
    wait: false,
    upstream: async (request, { target }) => {
      if (target === "/held") await gate.promise;
      await request.body?.pipeTo(new WritableStream());
      return new Response(`echo ${target}`);
    },
  });
  const url = `http://127.0.0.1:${port}`;
  const token = await service.token();
  await eventually("the listener", async () => {
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
      .catch(() => undefined);
    await response?.body?.cancel();
    return response?.status === 200;
  });
  await steadyCalls(url, token, WARM_UP_MS);
  return {
    service,
    pid: service.process.pid,
    port,
    url,
    token,
    async [Symbol.asyncDispose]() {
      gate.resolve();
      await service[Symbol.asyncDispose]();
    },
  };
}

/** What the good client saw: p50, p99 and the longest, in milliseconds. It was served each time. */
function served({ times, failed }: Steady): string {
  assert(times.length > 0);
  assertEquals(failed, []);
  const [p50, p99, longest] = [0.5, 0.99, 1].map((share) => number(percentile(times, share), 1));
  return `${p50} / ${p99} / ${longest}`;
}

/** A way to hold a connection. */
interface Holding {
  readonly name: string;
  readonly sent: string;
  readonly tls?: true;
  /** The client sends until nothing more is taken, and reads nothing. */
  readonly stuffed?: true;
}

const HOLDING: readonly Holding[] = [
  { name: "nothing sent", sent: "" },
  { name: "half a head", sent: "GET / HTTP/1.1\r\nHost: a\r\nAcc" },
  { name: "half a head of 60 KB", sent: halfHead(60_000) },
  { name: "half a TLS handshake", sent: HALF_HELLO, tls: true },
  { name: "HTTP/2 preface, no TLS", sent: PREFACE },
  { name: "responses not read", sent: requestOf("GET /").repeat(100), stuffed: true },
];

/** How long a client that reads nothing waits for room before it stops sending, in milliseconds. */
const STUFFED_MS = 500;

async function hold({ sent, stuffed }: Holding, port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const bytes = Uint8Array.from(sent, (character) => character.charCodeAt(0));
  const write = async () => {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    return true;
  };
  if (stuffed !== true) {
    await write();
    return connection;
  }
  for (let room = true; room;) {
    const full = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => full.resolve(false), STUFFED_MS);
    // What waits when the connection is closed is given up.
    room = await Promise.race([write().catch(() => false), full.promise]);
    clearTimeout(timer);
  }
  return connection;
}

/** The settings of a TLS listener, and its port. */
async function tlsSettings(stack: AsyncDisposableStack) {
  const authority = stack.use(await makeAuthority());
  await authority.leaf("leaf", "P-256");
  await authority.pfx("leaf", { password: "tls" });
  const port = freePort();
  return {
    port,
    settings: {
      LISTEN_SSL_URL: `127.0.0.1:${port}`,
      CERT_FILE: `${authority.dir}/leaf.pfx`,
      CERT_PASSWORD: "tls",
    },
  };
}

/** One row: connections that rest, what they hold, what stays of them, and how a stop goes. */
async function measureHolding(holding: Holding): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const tls = holding.tls === true ? await tlsSettings(stack) : undefined;
  const lab = stack.use(await openLab(tls?.settings));
  const { pid, url, token } = lab;
  await pause(REST_MS);
  const before = { memory: memory(pid), descriptors: descriptors(pid) };
  const held: Deno.TcpConn[] = [];
  while (held.length < HELD) {
    const opened = Array.from({ length: AT_ONCE }, () => hold(holding, tls?.port ?? lab.port));
    held.push(...await Promise.all(opened));
  }
  // Every time limit that there is has passed then.
  await pause(IDLE_SECS * 1000 + REST_MS);
  const each = (memory(pid) - before.memory) * KB_PER_MB / HELD;
  const open = descriptors(pid) - before.descriptors;
  const good = served(await steadyCalls(url, token, REST_MS));
  const began = performance.now();
  lab.service.process.signal("SIGTERM");
  await lab.service.process.ended();
  const stop = (performance.now() - began) / 1000;
  held.forEach((connection) => connection.close());
  return [
    holding.name,
    number(each, 1),
    `${number(open)} of ${number(HELD)}`,
    good,
    number(stop, 1),
  ];
}

/** Something that one client sends as fast as it can. */
interface Flood {
  readonly what: Hostile["what"];
  readonly connections: number;
  readonly maxBytes?: number;
}

const FLOODS: readonly Flood[] = [
  { what: "PING", connections: 4 },
  { what: "PING", connections: 40 },
  { what: "SETTINGS", connections: 4 },
  { what: "PRIORITY", connections: 4 },
  { what: "empty DATA", connections: 4 },
  { what: "pipelined requests", connections: 4 },
];

/** One row: what a flood costs, and the good client beside it. */
async function measureFlood({ what, connections }: Flood): Promise<string[]> {
  await using lab = await openLab();
  const { pid, port, url, token } = lab;
  const before = { cpu: stat(pid), memory: memory(pid) };
  const sending = sendFromElsewhere({ port, what, connections, forMs: FLOOD_MS });
  await pause(MARGIN_MS);
  const good = served(await steadyCalls(url, token, FLOOD_MS - 2 * MARGIN_MS));
  const { bytes, seconds, ended } = await sending;
  const grown = memory(pid) - before.memory;
  const cpu = (stat(pid) - before.cpu) / 1e6 / seconds;
  // It goes on: the next client is served as well.
  served(await steadyCalls(url, token, WARM_UP_MS));
  return [
    `${what}, ${connections} connections`,
    number(bytes / seconds / 1e6, 1),
    number(cpu, 2),
    number(grown),
    String(ended),
    good,
  ];
}

/** One row: bytes that come while a request is awaited, or an upload in chunks, at the speed of loopback. */
async function measureBytes(what: Hostile["what"], megabytes: number, known: boolean) {
  await using lab = await openLab({ KEY_COOLDOWN_SECS: "10" });
  const { service, pid, port, url } = lab;
  // Of the right issuer, and signed with a key that nobody knows: no one has to be entitled for that.
  const token = known ? lab.token : await service.token({}, { kid: "unknown" });
  const before = { cpu: stat(pid), memory: memory(pid) };
  const sending = sendFromElsewhere({
    port,
    what,
    token,
    connections: 1,
    forMs: FLOOD_MS,
    maxBytes: megabytes * 1e6,
  });
  let most = before.memory;
  const timer = setInterval(() => most = Math.max(most, memory(pid)), 50);
  const good = served(await steadyCalls(url, lab.token, FLOOD_MS));
  clearInterval(timer);
  const { bytes, seconds, ended } = await sending;
  const cpu = (stat(pid) - before.cpu) / 1e6;
  return [
    `${what}, ${known ? "good" : "unknown"} token`,
    `${number(bytes / 1e6)} of ${number(megabytes)}`,
    number(seconds, 1),
    number(most - before.memory),
    number(cpu, 2),
    String(ended),
    good,
  ];
}

const GOOD = "good client p50 / p99 / max, ms";

Deno.test("Connections that rest hold memory and descriptors, and no good client waits.", async () => {
  const rows: string[][] = [];
  for (const holding of HOLDING) rows.push(await measureHolding(holding));
  const heads = [`${number(HELD)} connections`, "KiB each", "still open", GOOD, "SIGTERM, s"];
  say("", table(heads, rows, 1));
});

Deno.test("Small frames and pipelined requests of one client make others wait, and no one is refused.", async () => {
  const rows: string[][] = [];
  for (const flood of FLOODS) rows.push(await measureFlood(flood));
  const heads = ["one client sends", "MB/s taken", "cores", "MB more", "ended", GOOD];
  say("", table(heads, rows, 1));
});

Deno.test("Bytes behind a request are held, quick uploads in chunks cost time, and no one is refused.", async () => {
  const rows = [
    await measureBytes("bytes behind a request", 600, true),
    await measureBytes("bytes behind a request", 600, false),
    await measureBytes("chunked upload", 32, true),
    await measureBytes("chunked upload", 100, true),
    await measureBytes("chunked upload", 200, true),
  ];
  const heads = ["one connection sends", "MB taken", "in s", "MB more", "CPU s", "ended", GOOD];
  say("", table(heads, rows, 1));
});
