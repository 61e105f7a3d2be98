/**
 * What connections that rest cost one worker, and what a good client notices of them. `deno task
 * bench:idle` prints the table; it needs Linux and as many open files as connections
 * (`ulimit -Hn`; the runtime raises the soft limit by itself).
 */
import { V8_FLAGS } from "../../src/runtime/commands.ts";
import { pause, startService } from "../e2e/harness.ts";
import { millis, number, table } from "./format.ts";
import { megabytesOfRollup } from "./procfs.ts";

const CONNECTIONS = 10_000;

/** Connections opened at once: fewer than the kernel lets wait for being accepted. */
const AT_ONCE = 100;

/** Requests of the good client in each state. */
const REQUESTS = 2_000;

/** Time for what is garbage to be noticed, in milliseconds. */
const REST_MS = 3_000;

const KB_PER_MB = 1024;

const encoder = new TextEncoder();

function print(text: string): void {
  Deno.stdout.writeSync(encoder.encode(text));
}

/** PSS of one process, in MB. */
function memoryOf(pid: number): number {
  return megabytesOfRollup(Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`), "Pss");
}

/** Opens all connections, a few at a time, each brought into its state. */
async function openAll(begin: () => Promise<Deno.Conn>): Promise<Deno.Conn[]> {
  const all: Deno.Conn[] = [];
  while (all.length < CONNECTIONS) {
    all.push(...await Promise.all(Array.from({ length: AT_ONCE }, begin)));
  }
  return all;
}

/** The value that this share of all values does not exceed. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

interface Good {
  readonly p50: number;
  readonly p99: number;
}

/** Times of one client that asks again and again, in microseconds. */
async function askOften(url: string, token: string): Promise<Good> {
  const times: number[] = [];
  for (let at = 0; at < REQUESTS; at++) {
    const began = performance.now();
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    await response.bytes();
    if (response.status !== 200) throw new Error(`the good client got ${response.status}`);
    times.push((performance.now() - began) * 1000);
  }
  times.sort((a, b) => a - b);
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/** A state in which clients rest. */
interface State {
  readonly name: string;
  /** What they send first. */
  readonly sent: (token: string) => string;
  /** Whether that gets a response. */
  readonly responds: boolean;
}

const STATES: readonly State[] = [
  { name: "nothing sent", sent: () => "", responds: false },
  { name: "half a head sent", sent: () => "GET / HTTP/1.1\r\nHost: a\r\nAcc", responds: false },
  {
    name: "after a request without a token",
    sent: () => "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    responds: true,
  },
  {
    name: "after a good request",
    sent: (token) => `GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    responds: true,
  },
];

/** One row: a worker of its own, looked at without these clients, with them, when they have left, with others. */
async function measure({ name, sent, responds }: State): Promise<string[]> {
  await using service = await startService({
    settings: { NUM_WORKERS: "1" },
    denoFlags: [V8_FLAGS, "--allow-all"],
  });
  const url = service.url();
  const { hostname, port } = new URL(url);
  const { pid } = service.process;
  const token = await service.token();
  const greeting = encoder.encode(sent(token));
  const memory = async () => {
    await pause(REST_MS);
    return memoryOf(pid);
  };

  async function begin(): Promise<Deno.Conn> {
    const connection = await Deno.connect({ hostname, port: Number(port) });
    if (greeting.length > 0) await connection.write(greeting);
    if (responds && await connection.read(new Uint8Array(4096)) === null) {
      throw new Error("a connection that is to rest was closed");
    }
    return connection;
  }

  await askOften(url, token);
  const without = await askOften(url, token);
  const before = await memory();
  const resting = await openAll(begin);
  const held = await memory();
  const beside = await askOften(url, token);
  resting.forEach((connection) => connection.close());
  const after = await memory();
  const others = await openAll(begin);
  const again = await memory();
  others.forEach((connection) => connection.close());
  return [
    name,
    number(before, 0),
    number(held, 0),
    number((held - before) * KB_PER_MB / CONNECTIONS, 1),
    number(after, 0),
    number(again, 0),
    `${millis(without.p50)} / ${millis(without.p99)}`,
    `${millis(beside.p50)} / ${millis(beside.p99)}`,
  ];
}

if (import.meta.main) {
  const rows: string[][] = [];
  for (const state of STATES) rows.push(await measure(state));
  const heads = [
    `${number(CONNECTIONS)} connections, one worker, plain HTTP`,
    "PSS before, MB",
    "with them, MB",
    "KiB each",
    "when they have left, MB",
    "with as many others, MB",
    "good client without them, p50 / p99, ms",
    "beside them, p50 / p99, ms",
  ];
  print(table(heads, rows, 1));
}
