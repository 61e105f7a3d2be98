/** What the tests of the WebSocket relay share: a proxy that does nothing else, and frames as bytes. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { failureResponse } from "../../../src/failure.ts";
import { type Clock, systemClock } from "../../../src/ops/clock.ts";
import { makeDial } from "../../../src/proxy/dial.ts";
import { ReceivedFields, requestHeaders } from "../../../src/proxy/headers.ts";
import { type Http1Upstream, makeHttp1Upstream } from "../../../src/proxy/http1/upstream.ts";
import type { PoolOptions } from "../../../src/proxy/http1/pool.ts";
import { LIMITS, noConnections } from "../http1/support.ts";
import { makeWebSocketRelays, type WebSocketRelays } from "../../../src/proxy/websocket/relays.ts";
import type { RelayEnd } from "../../../src/proxy/websocket/relay.ts";
import { isWebSocketUpgrade } from "../../../src/proxy/websocket/handshake.ts";
import { openRaw, type RawMessage, type RawSocket } from "../../support/raw.ts";
import { type ConnectionScript, type RawUpstream, rawUpstream } from "../../support/upstream.ts";
import { eventually } from "../../support/waiting.ts";

const IDLE_TIMEOUT_MS = 60_000;

/** A proxy for WebSockets alone. */
export interface RelayProxy extends AsyncDisposable {
  readonly port: number;
  readonly relays: WebSocketRelays;
  /** How relays and refusals ended, in order. */
  readonly ends: Partial<RelayEnd>[];
  /** Waits until so many have ended. */
  ended(count?: number): Promise<Partial<RelayEnd>>;
}

/** Where tests differ. */
export interface RelayProxyOptions extends Partial<PoolOptions> {
  readonly clock?: Clock;
  readonly expiresAtMs?: number;
}

/** Starts the proxy in front of a port of 127.0.0.1. */
export function relayProxy(upstreamPort: number, options: RelayProxyOptions = {}): RelayProxy {
  const clock = options.clock ?? systemClock;
  const ends: Partial<RelayEnd>[] = [];
  const { idleTimeoutMs = IDLE_TIMEOUT_MS } = options;
  const upstream = upgradesOf(upstreamPort, clock, options);
  const relays = makeWebSocketRelays({ sendUpgrade: upstream.send, idleTimeoutMs }, clock);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      if (!isWebSocketUpgrade(request.method, request.headers)) return new Response("no WebSocket");
      const response = await relays.connect({
        request,
        pathAndQuery: request.url.slice(request.url.indexOf("/", "http://".length)),
        headers: requestHeaders(new ReceivedFields(request.headers), {
          address: "127.0.0.1",
          protocol: "http",
          host: request.headers.get("host") ?? "",
          requestId: "id-1",
        }),
        expiresAtMs: options.expiresAtMs,
        onEnd: (end) => ends.push(end),
      });
      return response.ok ? response.value : failureResponse(response.failure, "test");
    },
  );
  return {
    port: server.addr.port,
    relays,
    ends,
    async ended(count = 1) {
      await eventually("the end of the relay", () => ends.length >= count);
      const end = ends[count - 1];
      if (end === undefined) throw new Error("no end");
      return end;
    },
    async [Symbol.asyncDispose]() {
      await relays.closeAll();
      await server.shutdown();
      upstream.close();
    },
  };
}

/** Handshakes with a port of 127.0.0.1. */
export function upgradesOf(
  port: number,
  clock: Clock,
  options: Partial<PoolOptions> = {},
): Http1Upstream {
  return makeHttp1Upstream({
    ...LIMITS,
    dial: makeDial({ transport: "tcp", hostname: "127.0.0.1", port }, {}, 2000, clock),
    handshakeTimeoutMs: 2000,
    timeoutMs: 30_000,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    connections: noConnections(),
    ...options,
  }, clock);
}

/** A proxy with a bare upstream behind it. */
export interface Pair extends AsyncDisposable {
  readonly raw: RawUpstream;
  readonly proxy: RelayProxy;
  /** Opens a client's WebSocket as a bare socket; the 101 has been read. */
  client(fields?: readonly string[], path?: string): Promise<RawSocket>;
}

/** Starts both. */
export async function pair(
  script: ConnectionScript,
  options: RelayProxyOptions = {},
): Promise<Pair> {
  const raw = await rawUpstream(script);
  const proxy = relayProxy(raw.port, options);
  const clients: RawSocket[] = [];
  return {
    raw,
    proxy,
    async client(fields = [], path = "/") {
      const socket = await openRaw(proxy.port);
      clients.push(socket);
      await socket.send(clientHandshake(fields, path));
      const head = await socket.readUntil("\r\n\r\n");
      if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(head);
      return socket;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client.close();
      try {
        // First, so that no relay waits for its close frame.
        await raw.close();
      } finally {
        await proxy[Symbol.asyncDispose]();
      }
    },
  };
}

/** The key of RFC 6455, section 1.3. */
export const SAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** A client's handshake with these further fields. */
export function clientHandshake(fields: readonly string[] = [], path = "/"): string {
  return [
    `GET ${path} HTTP/1.1`,
    "Host: client.test",
    "Connection: keep-alive, Upgrade",
    "Upgrade: WebSocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${SAMPLE_KEY}`,
    ...fields,
    "\r\n",
  ].join("\r\n");
}

/** An upstream's good response to a handshake, with these further fields. */
export function switching(request: RawMessage, fields: readonly string[] = []): string {
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptOf(request.header("sec-websocket-key") ?? "")}`,
    ...fields,
    "\r\n",
  ].join("\r\n");
}

/** Reads a handshake and accepts it. */
export async function accept(socket: RawSocket, fields?: readonly string[]): Promise<RawMessage> {
  const request = await socket.readRequest();
  await socket.send(switching(request, fields));
  return request;
}

/** Section 4.2.2. */
export function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** One frame, taken apart; the payload unmasked, one character a byte. */
export interface Frame {
  readonly first: number;
  readonly opcode: number;
  readonly final: boolean;
  readonly mask: string | undefined;
  readonly payload: string;
}

/** Writes a server's frame; `first` is its first byte, `FIN` and opcode. */
export function frame(first: number, payload: string | Uint8Array = ""): Uint8Array {
  return encode(first, payload);
}

function encode(
  first: number,
  payload: string | Uint8Array,
  mask?: readonly [number, number, number, number],
): Uint8Array {
  const bytes = Buffer.from(payload as string, "latin1");
  const bit = mask === undefined ? 0 : 0x80;
  const { length } = bytes;
  const head = Buffer.alloc(length < 126 ? 2 : length < 0x10000 ? 4 : 10);
  head[0] = first;
  head[1] = bit | (length < 126 ? length : length < 0x10000 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  const keys = Buffer.from(mask ?? []);
  const masked = mask === undefined ? bytes : bytes.map((byte, i) => byte ^ (mask[i & 3] ?? 0));
  return new Uint8Array(Buffer.concat([head, keys, masked]));
}

/** A client's frame. */
export function masked(first: number, payload: string | Uint8Array = ""): Uint8Array {
  return encode(first, payload, [0x37, 0xfa, 0x21, 0x3d]);
}

/** The payload of a close frame. */
export function closing(code: number, reason = ""): string {
  return String.fromCharCode(code >> 8, code & 0xff) + reason;
}

/** Takes the next whole frame. */
export async function nextFrame(socket: RawSocket, timeoutMs?: number): Promise<Frame> {
  await socket.waitFor((text) => frameLength(text) !== undefined, timeoutMs);
  const length = frameLength(socket.unread());
  if (length === undefined) throw new Error(`no frame in ${JSON.stringify(socket.unread())}`);
  const text = await takeText(socket, length);
  const bytes = Buffer.from(text, "latin1");
  const { dataAt, maskAt } = layout(bytes);
  const mask = maskAt === undefined ? undefined : bytes.subarray(maskAt, dataAt);
  const payload = bytes.subarray(dataAt).map((byte, i) => byte ^ (mask?.[i & 3] ?? 0));
  const first = bytes[0] ?? 0;
  return {
    first,
    opcode: first & 0x0f,
    final: first >= 0x80,
    mask: mask && mask.toString("latin1"),
    payload: Buffer.from(payload).toString("latin1"),
  };
}

/** Takes so many characters, which are there. */
function takeText(socket: RawSocket, length: number): Promise<string> {
  return socket.readUntil(socket.unread().slice(0, length));
}

function frameLength(text: string): number | undefined {
  if (text.length < 2) return undefined;
  const bytes = Buffer.from(text.slice(0, 14), "latin1");
  const short = (bytes[1] ?? 0) & 0x7f;
  if (bytes.length < (short === 126 ? 4 : short === 127 ? 10 : 2)) return undefined;
  const { dataAt, length } = layout(bytes);
  return text.length >= dataAt + length ? dataAt + length : undefined;
}

function layout(bytes: Buffer) {
  const second = bytes[1] ?? 0;
  const short = second & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  const length = extended === 0
    ? short
    : extended === 2
    ? bytes.readUInt16BE(2)
    : Number(bytes.readBigUInt64BE(2));
  const maskAt = second >= 0x80 ? 2 + extended : undefined;
  return { length, maskAt, dataAt: 2 + extended + (maskAt === undefined ? 0 : 4) };
}
