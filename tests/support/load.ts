/**
 * Load on a proxy: clients that keep their connection and clients that open one for each request.
 * Every response is checked to be the whole response to its own request, and counted by outcome.
 */
import { Buffer } from "node:buffer";
import { parseMessage } from "./raw.ts";
import { pause } from "./waiting.ts";

/** Longest time one load runs, in milliseconds: it ends then even if a test forgets it. */
const LOAD_LIMIT_MS = 60_000;

/** Longest time one response may take, in milliseconds. */
const RESPONSE_LIMIT_MS = 20_000;

/** What to send where. */
export interface LoadOptions {
  /** The proxy's URL without a slash at the end; `https:` needs `caCert`. */
  readonly url: string;
  readonly token: string;
  /** How many clients send one request after the other on one connection. */
  readonly keepAlive: number;
  /** How many clients open a connection for each request. */
  readonly fresh: number;
  /** The authority to trust (PEM). */
  readonly caCert?: string;
  /** Pause of each client between two requests, in milliseconds. */
  readonly backoffMs?: number;
}

/**
 * How requests ended: `ok`; `refused` (no connection); `closed` (a kept connection was closed before
 * anything of the response came); `cut` (a new connection was closed or reset before the whole response
 * came, or a kept one in the middle); `wrong` (not the response to this request); `late`; or the status.
 */
export type Outcome = "ok" | "refused" | "closed" | "cut" | "wrong" | "late" | `status ${number}`;

/** A load that runs. */
export interface Load extends AsyncDisposable {
  /** Outcomes so far, those that happened. */
  counts(): Partial<Record<Outcome, number>>;
  /** Outcomes other than `ok`, with what the system said. */
  failures(): readonly string[];
  /** Connections opened so far. */
  connections(): number;
  /** Resolves when this many more requests have ended well. */
  more(requests: number): Promise<void>;
  /** Lets the requests that run end and gives the outcomes. */
  stop(): Promise<Partial<Record<Outcome, number>>>;
}

/** Starts the clients. The upstream behind the proxy has to respond with 200 and `echo <path>`. */
export function startLoad(options: LoadOptions): Load {
  const counts = new Map<Outcome, number>();
  const failures: string[] = [];
  const began = performance.now();
  let connections = 0;
  let stopped = false;
  let notify = () => {};

  function count(outcome: Outcome, what = ""): void {
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    if (outcome !== "ok") {
      failures.push(`${Math.round(performance.now() - began)} ms: ${outcome} ${what}`);
    }
    notify();
  }

  async function client(name: string, keep: boolean): Promise<void> {
    let connection: Deno.Conn | undefined;
    for (let n = 0; !stopped && performance.now() - began < LOAD_LIMIT_MS; n++) {
      const reused = connection !== undefined;
      try {
        connection ??= await connect(options);
      } catch (error) {
        count("refused", `${name} ${text(error)}`);
        await pause(10);
        continue;
      }
      if (!reused) connections++;
      const response = await exchange(connection, options, `/${name}/${n}?q=${n}`, keep, reused);
      count(response.outcome, `${name}/${n} ${reused ? "reused" : "new"} ${response.what}`);
      if (!keep || !response.again) {
        connection.close();
        connection = undefined;
      }
      await pause(options.backoffMs ?? 0);
    }
    connection?.close();
  }

  const names = (kind: string, length: number) => Array.from({ length }, (_, at) => `${kind}${at}`);
  const running = Promise.all([
    ...names("keep", options.keepAlive).map((name) => client(name, true)),
    ...names("fresh", options.fresh).map((name) => client(name, false)),
  ]);
  const current = () => Object.fromEntries(counts) as Partial<Record<Outcome, number>>;
  async function stop() {
    stopped = true;
    await running;
    return current();
  }
  return {
    counts: current,
    failures: () => failures,
    connections: () => connections,
    more(requests) {
      const goal = (counts.get("ok") ?? 0) + requests;
      return new Promise((resolve, reject) => {
        const late = () => reject(new Error(`no progress: ${JSON.stringify(current())}`));
        const timer = setTimeout(late, RESPONSE_LIMIT_MS);
        notify = () => {
          if ((counts.get("ok") ?? 0) < goal) return;
          clearTimeout(timer);
          notify = () => {};
          resolve();
        };
      });
    },
    stop,
    [Symbol.asyncDispose]: async () => void await stop(),
  };
}

function connect({ url, caCert }: LoadOptions): Promise<Deno.Conn> {
  const { hostname, port } = new URL(url);
  const to = { hostname, port: Number(port) };
  return caCert === undefined
    ? Deno.connect(to)
    : Deno.connectTls({ ...to, caCerts: [caCert], alpnProtocols: ["http/1.1"] });
}

interface Exchanged {
  readonly outcome: Outcome;
  readonly what: string;
  /** Whether the connection may be used again. */
  readonly again: boolean;
}

async function exchange(
  connection: Deno.Conn,
  { url, token }: LoadOptions,
  target: string,
  keep: boolean,
  reused: boolean,
): Promise<Exchanged> {
  const close = keep ? "" : "Connection: close\r\n";
  const head = `GET ${target} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n${close}` +
    `Authorization: Bearer ${token}\r\n\r\n`;
  let received = "";
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    connection.close();
  }, RESPONSE_LIMIT_MS);
  try {
    await writeAll(connection, new TextEncoder().encode(head));
    const buffer = new Uint8Array(16 * 1024);
    for (;;) {
      const length = await connection.read(buffer);
      if (length === null) return broken("end of stream");
      received += Buffer.from(buffer.subarray(0, length)).toString("latin1");
      const message = parseMessage(received, false, "GET");
      if (!message.complete) continue;
      const again = message.header("connection")?.toLowerCase() !== "close";
      if (message.status !== 200) {
        return { outcome: `status ${message.status}`, what: message.body.trim(), again };
      }
      const right = message.body === `echo ${target}`;
      return { outcome: right ? "ok" : "wrong", what: right ? "" : received, again };
    }
  } catch (error) {
    return late ? { outcome: "late", what: target, again: true } : broken(text(error));
  } finally {
    clearTimeout(timer);
  }

  function broken(what: string): Exchanged {
    const outcome = reused && received === "" ? "closed" : "cut";
    return { outcome, what: `${what} ${received}`, again: false };
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
