/**
 * One hostile client in a process of its own, so that it does not share an event loop with those who
 * measure: `deno run -A sender.ts '{…}'`. Sends the same bytes again and again on a few connections, drops
 * what comes back, and prints what it sent.
 */
import { fileURLToPath } from "node:url";
import { chunkOf, emptyData, PREFACE, requestOf, SMALL_FRAMES } from "./bytes.ts";

/** What is sent. */
export interface Hostile {
  readonly port: number;
  readonly what: keyof typeof SENT;
  readonly connections: number;
  readonly forMs: number;
  /** The value of `Authorization`, where there is one. */
  readonly token?: string;
  /** Bytes after which a connection stops. */
  readonly maxBytes?: number;
}

/** What became of it. */
export interface Sent {
  readonly bytes: number;
  /** Until the last of them was taken. */
  readonly seconds: number;
  /** How often the server ended a connection. */
  readonly ended: number;
}

/** What opens a connection, and what is repeated on it. */
interface Script {
  readonly first: string;
  readonly again: string;
  /** Sent once behind all the rest. */
  readonly last?: string;
}

/** Bytes in one write. */
const WRITE_BYTES = 256 * 1024;

const repeated = (piece: string) => piece.repeat(Math.ceil(WRITE_BYTES / piece.length));

const SENT = {
  PING: () => ({ first: PREFACE, again: repeated(SMALL_FRAMES.PING) }),
  SETTINGS: () => ({ first: PREFACE, again: repeated(SMALL_FRAMES.SETTINGS) }),
  PRIORITY: () => ({ first: PREFACE, again: repeated(SMALL_FRAMES.PRIORITY) }),
  "empty DATA": () => ({ first: PREFACE + emptyData.first, again: repeated(emptyData.again) }),
  "pipelined requests": () => ({ first: "", again: repeated(requestOf("GET /")) }),
  "bytes behind a request": ({ token = "" }) => ({
    first: requestOf("GET /held", [`Authorization: Bearer ${token}`]),
    again: "x".repeat(WRITE_BYTES),
  }),
  "chunked upload": ({ token = "" }) => ({
    first: requestOf("POST /", [`Authorization: Bearer ${token}`, "Transfer-Encoding: chunked"]),
    again: chunkOf(WRITE_BYTES),
    last: "0\r\n\r\n",
  }),
} as const satisfies Readonly<Record<string, (hostile: Hostile) => Script>>;

/** Each character is one byte. */
function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

async function send(hostile: Hostile): Promise<Sent> {
  const { first, again, last }: Script = SENT[hostile.what](hostile);
  const [head, piece, tail] = [latin1(first), latin1(again), latin1(last ?? "")];
  const began = performance.now();
  const end = began + hostile.forMs;
  let bytes = 0;
  let seconds = 0;
  let ended = 0;

  async function write(connection: Deno.Conn, data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length;) at += await connection.write(data.subarray(at));
    bytes += data.length;
    seconds = (performance.now() - began) / 1000;
  }

  async function drop(connection: Deno.Conn): Promise<void> {
    const room = new Uint8Array(64 * 1024);
    while (await connection.read(room) !== null);
  }

  async function one(): Promise<void> {
    while (performance.now() < end) {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: hostile.port });
      const dropped = drop(connection).catch(() => {});
      // A write that waits must not outlast the time.
      const stop = setTimeout(() => connection.close(), end - performance.now());
      let sent = 0;
      try {
        await write(connection, head);
        while (performance.now() < end && sent < (hostile.maxBytes ?? Infinity)) {
          await write(connection, piece);
          sent += piece.length;
        }
        await write(connection, tail);
        if (performance.now() < end) await dropped;
      } catch {
        if (performance.now() < end) ended++;
      } finally {
        clearTimeout(stop);
      }
      if (hostile.maxBytes !== undefined) return;
    }
  }

  await Promise.all(Array.from({ length: hostile.connections }, one));
  return { bytes, seconds, ended };
}

/** Sends from a process of its own; resolves when that has ended. */
export async function sendFromElsewhere(hostile: Hostile): Promise<Sent> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", fileURLToPath(import.meta.url)],
    env: { HOSTILE: JSON.stringify(hostile) },
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)) as Sent;
}

if (import.meta.main) {
  const sent = await send(JSON.parse(Deno.env.get("HOSTILE") ?? "") as Hostile);
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(sent)));
  // Connections that the system still closes hold nothing up.
  Deno.exit(0);
}
