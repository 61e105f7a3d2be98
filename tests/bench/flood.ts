/**
 * What a flood of made-up tokens costs a client whose token is known: one worker, 64 connections that
 * send tokens with bad signatures as fast as responses come, and one client that calls every 5 ms.
 *
 * By hand: `deno run -A tests/bench/flood.ts`; takes about twelve seconds. The flood comes from a process
 * of its own; client, upstream and provider share another.
 */
import { fileURLToPath } from "node:url";
import { base64url } from "../support/tokens.ts";
import { pause } from "../support/waiting.ts";
import { kid, startService } from "../e2e/harness.ts";

/** How many connections flood. */
const CONNECTIONS = 64;

/** How long each part is measured, in milliseconds. */
const PART_MS = 4000;

/** How long the flood runs before it is measured, in milliseconds. */
const HEAD_START_MS = 1000;

/** Time between two calls of the steady client, in milliseconds. */
const EVERY_MS = 5;

/** Bytes of an RSA signature of 2048 bits. */
const SIGNATURE_BYTES = 256;

/** One response on a kept connection. */
interface TestResponse {
  readonly status: number;
  readonly retryAfter: boolean;
}

/** A kept connection; one call at a time. */
interface Caller extends Disposable {
  call(token: string): Promise<TestResponse>;
}

/** What a flood is sent to, and for how long. */
export interface FloodOptions {
  readonly url: string;
  readonly issuer: string;
  readonly connections: number;
  readonly forMs: number;
}

/** The responses to the requests of a flood. */
export interface FloodCounts {
  /** How many had each status. */
  readonly statuses: Record<number, number>;
  /** Responses of 503 that do not say when to come back. */
  readonly withoutRetryAfter: number;
}

/** Sends tokens that all differ, are well-formed, in time and of the right issuer, and are not signed. */
export async function flood(options: FloodOptions): Promise<FloodCounts> {
  const { url, issuer, connections, forMs } = options;
  const header = base64url(JSON.stringify({ alg: "RS256", typ: "JWT", kid: kid() }));
  // Smaller than any modulus: what is not is refused without a calculation.
  const signature = base64url(
    crypto.getRandomValues(new Uint8Array(SIGNATURE_BYTES)).fill(0, 0, 1),
  );
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, sub: "flood", aud: "test-audience", iat: now, exp: now + 300 };
  const end = performance.now() + forMs;
  const statuses: Record<number, number> = {};
  let withoutRetryAfter = 0;
  let sent = 0;

  async function one(): Promise<void> {
    using caller = await openCaller(url);
    while (performance.now() < end) {
      const payload = base64url(JSON.stringify({ ...claims, jti: `${Deno.pid} ${sent++}` }));
      const { status, retryAfter } = await caller.call(`${header}.${payload}.${signature}`);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === 503 && !retryAfter) withoutRetryAfter++;
    }
  }

  await Promise.all(Array.from({ length: connections }, one));
  return { statuses, withoutRetryAfter };
}

/** What a steady client has seen. */
export interface Steady {
  /** Time of each call, in milliseconds, shortest first. */
  readonly times: readonly number[];
  /** Statuses other than 200. */
  readonly failed: readonly number[];
}

/** Calls with one token every few milliseconds, or as soon as the last call is over if that is later. */
export async function steadyCalls(url: string, token: string, forMs: number): Promise<Steady> {
  const times: number[] = [];
  const failed: number[] = [];
  using caller = await openCaller(url);
  const began = performance.now();
  for (let due = began; due < began + forMs; due = Math.max(due + EVERY_MS, performance.now())) {
    await pause(Math.max(0, due - performance.now()));
    const sentAt = performance.now();
    const { status } = await caller.call(token);
    times.push(performance.now() - sentAt);
    if (status !== 200) failed.push(status);
  }
  return { times: times.sort((a, b) => a - b), failed };
}

/** The value that a share of the sorted values stays below or at. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

/** Opens a connection; a call on it rejects when it is closed before the whole response has come. */
async function openCaller(url: string): Promise<Caller> {
  const { hostname, port } = new URL(url);
  const bare = hostname.replace(/^\[|\]$/g, "");
  const connection = await Deno.connect({ hostname: bare, port: Number(port) });
  connection.setNoDelay(true);
  const room = new Uint8Array(16 * 1024);
  const decoder = new TextDecoder("latin1");
  const encoder = new TextEncoder();

  async function send(text: string): Promise<void> {
    let rest = encoder.encode(text);
    while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
  }

  async function receive(): Promise<string> {
    let text = "";
    while (!isWhole(text)) {
      const count = await connection.read(room);
      if (count === null) throw new Error(`closed after ${JSON.stringify(text)}`);
      text += decoder.decode(room.subarray(0, count));
    }
    return text;
  }

  return {
    async call(token) {
      await send(`GET / HTTP/1.1\r\nHost: flood\r\nAuthorization: Bearer ${token}\r\n\r\n`);
      const text = await receive();
      return { status: Number(text.slice(9, 12)), retryAfter: /^retry-after: \d+\r$/im.test(text) };
    },
    [Symbol.dispose]: () => connection.close(),
  };
}

/** Whether a response is complete: by its `Content-Length`, or by its last chunk. */
function isWhole(text: string): boolean {
  const head = text.indexOf("\r\n\r\n");
  if (head === -1) return false;
  const length = /^content-length: (\d+)\r$/im.exec(text.slice(0, head + 2));
  return length === null ? text.endsWith("0\r\n\r\n") : text.length >= head + 4 + Number(length[1]);
}

/** Runs a flood in a process of its own. */
export async function floodFromElsewhere(options: FloodOptions): Promise<FloodCounts> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", fileURLToPath(import.meta.url), JSON.stringify(options)],
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function measure(print: (line: string) => void): Promise<void> {
  await using service = await startService({ settings: { NUM_WORKERS: "1", LOG_LEVEL: "info" } });
  const url = service.url();
  const token = await service.token();
  const tell = (when: string, { times, failed }: Steady) =>
    print(
      `${when}: ${times.length} calls with a known token, p50 ${
        percentile(times, 0.5).toFixed(2)
      } ms, ` +
        `p99 ${percentile(times, 0.99).toFixed(2)} ms, longest ${times.at(-1)?.toFixed(2)} ms, ` +
        `${failed.length} failed`,
    );
  await steadyCalls(url, token, HEAD_START_MS);
  tell("without a flood", await steadyCalls(url, token, PART_MS));
  const forMs = PART_MS + 3 * HEAD_START_MS;
  const flooding = floodFromElsewhere({
    url,
    issuer: service.provider.url,
    connections: CONNECTIONS,
    forMs,
  });
  await pause(2 * HEAD_START_MS);
  tell("during a flood", await steadyCalls(url, token, PART_MS));
  const { statuses } = await flooding;
  const perSecond = Object.values(statuses).reduce((sum, count) => sum + count, 0) * 1000 / forMs;
  print(
    `the flood: ${CONNECTIONS} connections, ${statuses[401] ?? 0} times 401, ` +
      `${statuses[503] ?? 0} times 503, other ${
        JSON.stringify({ ...statuses, 401: undefined, 503: undefined })
      }, ${perSecond.toFixed(0)} a second`,
  );
}

if (import.meta.main) {
  const write = (text: string) => void Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  const [job] = Deno.args;
  if (job === undefined) await measure(write);
  else write(JSON.stringify(await flood(JSON.parse(job))));
}
