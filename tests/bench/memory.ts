/**
 * Memory of each process of the service: idle, after load, with full token caches, with idle
 * connections. `deno run -A tests/bench/memory.ts` prints the table of docs/performance.md; it needs Linux.
 */
import { V8_FLAGS } from "../../src/runtime/commands.ts";
import { childrenOf, pause, startService, total } from "../e2e/harness.ts";
import { number, table } from "./format.ts";
import { megabytesOfRollup } from "./procfs.ts";

/** Requests with one token. */
const REQUESTS = 20_000;

/** Tokens that fill a cache of the default size. */
const TOKENS = 10_000;

/** Requests under way at once. */
const CLIENTS = 32;

/** Connections that are open and rest. */
const IDLE_CONNECTIONS = 1_000;

/** Most rounds through all tokens until every worker has seen nearly all of them. */
const MOST_ROUNDS = 8;

/** Share of the caches that has to be filled; which connection goes to which worker is chance. */
const FULL = 0.98;

/** Time for what is garbage to be noticed, in milliseconds. */
const REST_MS = 2_000;

/** The flags of the task `start`. */
const START_FLAGS = [
  V8_FLAGS,
  "--allow-net",
  "--allow-env",
  "--allow-read",
  `--allow-run=${Deno.execPath()}`,
];

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

/** PSS of one process, in MB. */
function memoryOf(pid: number): number {
  return megabytesOfRollup(Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`), "Pss");
}

/** Calls `work` with 0 to `count - 1`, several at once. */
async function spread(count: number, work: (at: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    while (next < count) await work(next++);
  }));
}

/** Sends one request and leaves the connection open. */
async function restingConnection(url: string, token: string): Promise<Deno.Conn> {
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const head = `GET / HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${token}\r\n\r\n`;
  await connection.write(new TextEncoder().encode(head));
  const received = new Uint8Array(4096);
  const read = await connection.read(received) ?? 0;
  if (!new TextDecoder().decode(received.subarray(0, read)).startsWith("HTTP/1.1 200")) {
    throw new Error("a connection that is to rest did not get 200");
  }
  return connection;
}

/** Measures a service with so many workers; one row for each process. */
async function measure(workers: number): Promise<string[][]> {
  await using service = await startService({
    settings: { NUM_WORKERS: String(workers) },
    denoFlags: START_FLAGS,
  });
  const url = service.url();
  const adminUrl = service.adminUrl();
  const pids = [service.process.pid, ...childrenOf(service.process.pid)];
  const columns: number[][] = [];
  const look = async () => {
    await pause(REST_MS);
    columns.push(pids.map(memoryOf));
  };
  const call = async (token: string) => {
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    await response.body?.cancel();
    if (response.status !== 200) throw new Error(`a request got ${response.status}`);
  };
  const entries = async () =>
    total(await (await fetch(`${adminUrl}/metrics`)).text(), "ooproxy_token_cache_entries");

  await look();
  const one = await service.token();
  await spread(REQUESTS, () => call(one));
  await look();
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const tokens: string[] = [];
  for (let at = 0; at < TOKENS; at++) tokens.push(await service.token({ exp, jti: `token-${at}` }));
  for (let round = 0; round < MOST_ROUNDS; round++) {
    await spread(TOKENS, (at) => call(tokens[at] ?? one));
    if (await entries() >= FULL * TOKENS * workers) break;
  }
  await look();
  const held = await entries();
  const resting: Deno.Conn[] = [];
  for (let at = 0; at < IDLE_CONNECTIONS; at++) resting.push(await restingConnection(url, one));
  await look();
  resting.forEach((connection) => connection.close());
  print(`NUM_WORKERS=${workers}: ${held} tokens held, ${tokens[0]?.length} characters each\n\n`);
  return pids.map((_, at) => [
    workers === 1 ? "the only process (`NUM_WORKERS=1`)" : at === 0 ? "supervisor" : `worker ${at}`,
    ...columns.map((column) => number(column[at], 0)),
  ]);
}

if (import.meta.main) {
  const rows = [...await measure(2), ...await measure(1)];
  const heads = [
    "PSS in MB",
    "idle",
    `after ${number(REQUESTS)} requests`,
    "cache full",
    `and ${number(IDLE_CONNECTIONS)} connections`,
  ];
  print(table(heads, rows, 1));
}
