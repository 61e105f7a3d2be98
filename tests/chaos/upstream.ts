/**
 * The upstream of a chaos run: it reads requests strictly, writes down every one of them, and responds
 * as it is set to. The response follows from the request alone, so that a client can tell whether
 * a response is its own and whole.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import net from "node:net";
import { acceptOf, frame } from "../proxy/websocket/support.ts";
import { judge, type JudgedRequest } from "../support/raw_upstream.ts";
import { pause } from "../support/waiting.ts";
import type { Seen, Treatment } from "./history.ts";

/** The field by which a request is known. */
export const ID_FIELD = "x-chaos-id";

/** How late a response is in the treatment `late`, in milliseconds. */
const LATE_MS = 1_200;

/** Events of a stream, and the time between two, in milliseconds. */
const EVENTS = 16;
const EVENT_MS = 150;

/** How long a stream of events lasts, in milliseconds. */
export const EVENT_STREAM_MS = EVENTS * EVENT_MS;

/** Largest download, in bytes. */
export const MAX_DOWNLOAD_BYTES = 200_000;

/** Size of a piece of a download, in bytes. */
const PIECE_BYTES = 16_000;

/** What downloads are cut out of: text that does not repeat, one character a byte. */
const POOL = Array.from(
  { length: Math.ceil((MAX_DOWNLOAD_BYTES * 2) / 64) },
  (_, i) => hashOf(`piece ${i}`),
).join("");

/** The upstream. */
export interface ChaosUpstream {
  readonly url: string;
  readonly seen: readonly Seen[];
  /** What came that is no request. */
  readonly faults: readonly string[];
  /** How requests are treated from now on. */
  treat(treatment: Treatment): void;
  /** Refuses connections from now on, and drops those that there are. */
  die(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

/** SHA-256 in hex of a text, one character a byte. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text, "latin1").digest("hex");
}

/** The body of the right response to a request. */
export function rightBody(id: string, method: string, target: string, bodyHash: string): string {
  const [, operation, size] = target.split("/");
  if (operation === "download" || operation === "chunks") {
    const from = parseInt(hashOf(id).slice(0, 8), 16) % (POOL.length - MAX_DOWNLOAD_BYTES);
    return POOL.slice(from, from + Number(size));
  }
  if (operation === "events") {
    return Array.from({ length: EVENTS }, (_, i) => `data: ${id} ${i}\n\n`).join("");
  }
  return `${id} ${method} ${target} ${bodyHash}`;
}

/** Starts it on a free port. `now` gives the time of the run. */
export async function startChaosUpstream(now: () => number): Promise<ChaosUpstream> {
  const seen: Seen[] = [];
  const faults: string[] = [];
  const sockets = new Set<net.Socket>();
  let treatment: Treatment = "right";
  let server = makeServer();
  const port = await listen(server, 0);

  function makeServer(): net.Server {
    return net.createServer((socket) => {
      sockets.add(socket);
      let unread = "";
      let upgraded = false;
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        if (!upgraded) sawBeginning(unread);
      });
      socket.on("data", (chunk: Buffer) => {
        const text = chunk.toString("latin1");
        if (upgraded) return echoFrames(socket, chunk);
        const { requests, rest, fault } = judge(unread + text);
        unread = rest;
        if (fault !== undefined) {
          faults.push(fault);
          socket.destroy();
        }
        for (const request of requests) {
          upgraded ||= fieldOf(request, "upgrade") !== undefined;
          void respond(socket, request);
        }
      });
    });
  }

  /** A request that never came to its end is recorded too: it should not have begun either. */
  function sawBeginning(unread: string): void {
    const end = unread.indexOf("\r\n\r\n");
    if (end === -1) return;
    const [line = "", ...lines] = unread.slice(0, end).split("\r\n");
    const fields = lines.map((one): [string, string] => {
      const colon = one.indexOf(":");
      return [one.slice(0, colon).toLowerCase(), one.slice(colon + 1).trim()];
    });
    seen.push(seenOf({ line, fields }, treatment));
  }

  function seenOf({ line, fields }: Pick<JudgedRequest, "line" | "fields">, treatment: Treatment) {
    const of = (name: string) => fields.find(([known]) => known === name)?.[1];
    const [method = "", target = ""] = line.split(" ");
    const token = of("authorization")?.slice("Bearer ".length);
    return { id: of(ID_FIELD) ?? "", at: now(), treatment, method, target, token };
  }

  async function respond(socket: net.Socket, request: JudgedRequest): Promise<void> {
    const bodyHash = hashOf(request.body);
    const one = { ...seenOf(request, treatment), bodyHash };
    seen.push(one);
    switch (one.treatment) {
      case "hang":
        return;
      case "drop":
        socket.end();
        return;
      case "garbage":
        socket.end("this is no response\r\n\r\n");
        return;
      case "late":
        await pause(LATE_MS);
    }
    if (fieldOf(request, "upgrade") !== undefined) {
      const accept = acceptOf(fieldOf(request, "sec-websocket-key") ?? "");
      if (one.treatment === "truncate") return void socket.end("HTTP/1.1 101 Switch");
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          `Sec-WebSocket-Accept: ${accept}\r\n${ID_FIELD}: ${one.id}\r\n\r\n`,
      );
      return;
    }
    const body = rightBody(one.id, one.method, one.target, bodyHash);
    await write(socket, one, body);
    if (one.treatment === "closing") socket.end();
  }

  async function close(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    faults,
    treat: (wanted) => void (treatment = wanted),
    die: close,
    async comeBack() {
      server = makeServer();
      await listen(server, port);
    },
    close,
  };
}

/** Writes a response in its pieces; half of it where it is to be cut off. */
async function write(socket: net.Socket, { id, target, treatment }: Seen, body: string) {
  const events = target.startsWith("/events");
  const chunked = events || target.startsWith("/chunks");
  const type = events ? "text/event-stream" : "text/plain";
  const framing = chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`;
  socket.write(
    `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\n${framing}\r\n${ID_FIELD}: ${id}\r\n\r\n`,
    "latin1",
  );
  const size = events ? Math.ceil(body.length / EVENTS) : PIECE_BYTES;
  const end = treatment === "truncate" ? Math.floor(body.length / 2) : body.length;
  for (let at = 0; at < end && !socket.destroyed; at += size) {
    const piece = body.slice(at, Math.min(at + size, end));
    const head = chunked ? `${piece.length.toString(16)}\r\n` : "";
    socket.write(`${head}${piece}${chunked ? "\r\n" : ""}`, "latin1");
    if (events) await pause(EVENT_MS);
  }
  if (treatment === "truncate") socket.end();
  else if (chunked) socket.write("0\r\n\r\n");
}

/** Sends the payload of a short masked frame back; replies to a close frame. */
function echoFrames(socket: net.Socket, bytes: Buffer): void {
  const length = (bytes[1] ?? 0) & 0x7f;
  const mask = bytes.subarray(2, 6);
  const payload = bytes.subarray(6, 6 + length).map((byte, i) => byte ^ (mask[i & 3] ?? 0));
  const first = bytes[0] ?? 0;
  socket.write(frame(first, new Uint8Array(payload)));
  if ((first & 0x0f) === 8) socket.end();
}

function fieldOf({ fields }: JudgedRequest, name: string): string | undefined {
  return fields.find(([known]) => known === name)?.[1];
}

function listen(server: net.Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("no port"));
      else resolve(address.port);
    });
  });
}
