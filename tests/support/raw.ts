/**
 * HTTP as bytes: sockets on which a test says exactly what is sent, sees exactly what came back,
 * and can close, half-close or reset at any point. Text stands for bytes one to one (Latin-1).
 */
import { Buffer } from "node:buffer";
import net from "node:net";
import tls from "node:tls";
import { pause } from "./waiting.ts";

/** How long a step waits unless given, in milliseconds. */
const STEP_LIMIT_MS = 5000;

/** One parsed HTTP message. */
export interface RawMessage {
  /** The request or status line. */
  readonly startLine: string;
  /** 0 for a request, and for anything that is not HTTP. */
  readonly status: number;
  /** Names as sent, in order, repeated ones repeated. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The first value of the header of this name (any case), if any. */
  header(name: string): string | undefined;
  /** What follows the head: with the chunk framing, if there is any. */
  readonly rawBody: string;
  /** The body without chunk framing (as far as it came). */
  readonly body: string;
  /** Whether the framing says that all of it came. */
  readonly complete: boolean;
}

/** Everything that came back on one connection, and its first message parsed. */
export interface RawResponse extends RawMessage {
  readonly text: string;
  readonly bytes: Uint8Array;
  /** Whether the server closed (or reset) the connection within the time given. */
  readonly closed: boolean;
  /** The code of the connection's error, for example `ECONNRESET`. */
  readonly error: string | undefined;
}

/** One end of a connection. Nothing is taken from the network except while a step waits for it. */
export interface RawSocket extends AsyncDisposable {
  /** Everything that came so far. */
  all(): string;
  /** What came and was not yet taken by a `read...`. */
  unread(): string;
  /** Whether the peer closed its side, or the connection is gone. */
  readonly ended: boolean;
  /** The code of the connection's error, for example `ECONNRESET`. */
  readonly error: string | undefined;
  /** Waits until `met(unread)` holds; false when the connection or the time ended before that. */
  waitFor(met: (unread: string) => boolean, timeoutMs?: number): Promise<boolean>;
  /** Takes everything up to and with `mark`; throws, showing what came, if it does not come. */
  readUntil(mark: string, timeoutMs?: number): Promise<string>;
  /** Takes one whole request; throws if it does not come. */
  readRequest(timeoutMs?: number): Promise<RawMessage>;
  /** Takes one whole response; throws if it does not come. `method` is that of its request. */
  readResponse(timeoutMs?: number, method?: string): Promise<RawMessage>;
  /** Reads on until the peer closes; false when the time ended first. */
  untilClosed(timeoutMs?: number): Promise<boolean>;
  /** Sends; resolves once handed to the system, also when the peer is gone (see `error`). */
  send(data: string | Uint8Array): Promise<void>;
  /** Sends the pieces in order with a pause after each, in milliseconds. */
  sendInPieces(pieces: readonly (string | Uint8Array)[], backoffMs?: number): Promise<void>;
  /** Closes our sending side only. */
  halfClose(): void;
  /** Closes the connection at once, without reading what may still come. */
  close(): Promise<void>;
  /** Ends the connection with a TCP reset. */
  reset(): Promise<void>;
}

/** Where to connect: a port of 127.0.0.1, or the `addr` of a listener. */
export type RawAddress = number | { readonly port: number; readonly hostname?: string };

/** How to connect. */
export interface RawConnectOptions {
  /** Speaks TLS, trusting only this authority (PEM). */
  readonly tls?: {
    readonly caCert: string;
    /** The name to ask for and to check; `localhost` if absent. */
    readonly serverName?: string;
    readonly alpn?: readonly string[];
  };
}

/** How to send a request and how long to wait. */
export interface RawRequestOptions extends RawConnectOptions {
  /** Closes our sending side after the request. */
  readonly halfClose?: boolean;
  /** Milliseconds to wait for the end. */
  readonly timeoutMs?: number;
  /** When to stop: at the server's close (the default), or also after one whole response. */
  readonly until?: "close" | "response";
}

/** Opens a connection to read and write in steps; rejects if it is refused. */
export function openRaw(address: RawAddress, options: RawConnectOptions = {}): Promise<RawSocket> {
  const to = typeof address === "number" ? { port: address } : address;
  const where = { host: "127.0.0.1", port: to.port, allowHalfOpen: true };
  if (to.hostname !== undefined) where.host = to.hostname;
  return new Promise((resolve, reject) => {
    const socket = options.tls === undefined ? net.connect(where) : tls.connect({
      ...where,
      ca: options.tls.caCert,
      servername: options.tls.serverName ?? "localhost",
      ALPNProtocols: [...(options.tls.alpn ?? ["http/1.1"])],
    });
    socket.once("error", reject);
    socket.once(options.tls === undefined ? "connect" : "secureConnect", () => {
      const opened = rawSocket(socket);
      socket.off("error", reject);
      resolve(opened);
    });
  });
}

/**
 * Sends bytes on a connection of their own and collects what comes back, until the server closes
 * or the time has passed (or, with `until: "response"`, one whole response has come).
 */
export async function rawRequest(
  address: RawAddress,
  data: string | Uint8Array,
  options: RawRequestOptions = {},
): Promise<RawResponse> {
  await using socket = await openRaw(address, options);
  const text = typeof data === "string" ? data : Buffer.from(data).toString("latin1");
  const method = text.slice(0, text.indexOf(" "));
  void socket.send(data);
  if (options.halfClose === true) socket.halfClose();
  const whole = (unread: string) =>
    options.until === "response" && messageLength(unread, false, method) !== undefined;
  await socket.waitFor(whole, options.timeoutMs);
  const all = socket.all();
  const bytes = new Uint8Array(Buffer.from(all, "latin1"));
  const { ended: closed, error } = socket;
  return { ...parseMessage(all, closed, method), text: all, bytes, closed, error };
}

/** Puts the step-wise interface around a connected socket. */
export function rawSocket(socket: net.Socket): RawSocket {
  let received = "";
  let taken = 0;
  let ended = false;
  let error: string | undefined;
  let notify = () => {};
  const gone = Promise.withResolvers<void>();
  socket.pause();
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString("latin1");
    notify();
  });
  const finish = () => {
    ended = true;
    notify();
  };
  socket.on("end", finish);
  socket.on("error", (cause: Error & { code?: string }) => {
    error = cause.code ?? cause.message;
    finish();
  });
  socket.on("close", () => {
    finish();
    gone.resolve();
  });

  const unread = () => received.slice(taken);

  function waitFor(met: (unread: string) => boolean, timeoutMs = STEP_LIMIT_MS): Promise<boolean> {
    return new Promise((resolve) => {
      const check = (last: boolean) => {
        const held = met(unread());
        if (!held && !ended && !last) return;
        clearTimeout(timer);
        notify = () => {};
        socket.pause();
        resolve(held);
      };
      const timer = setTimeout(() => check(true), timeoutMs);
      notify = () => check(false);
      socket.resume();
      check(false);
    });
  }

  function take(length: number): string {
    const text = unread().slice(0, length);
    taken += length;
    return text;
  }

  async function readUntil(mark: string, timeoutMs?: number): Promise<string> {
    if (await waitFor((text) => text.includes(mark), timeoutMs)) {
      return take(unread().indexOf(mark) + mark.length);
    }
    throw new Error(`no ${JSON.stringify(mark)} in ${JSON.stringify(unread())}`);
  }

  async function readMessage(isRequest: boolean, timeoutMs?: number, method = "GET") {
    const length = () => messageLength(unread(), ended, isRequest ? undefined : method);
    if (!await waitFor(() => length() !== undefined, timeoutMs)) {
      throw new Error(`no whole message in ${JSON.stringify(unread())} ${error ?? ""}`);
    }
    return parseMessage(take(length() ?? 0), ended, isRequest ? undefined : method);
  }

  function send(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => socket.write(toBytes(data), () => resolve()));
  }

  async function sendInPieces(pieces: readonly (string | Uint8Array)[], backoffMs = 0) {
    const [piece, ...rest] = pieces;
    if (piece === undefined) return;
    await send(piece);
    await pause(backoffMs);
    await sendInPieces(rest, backoffMs);
  }

  async function close(): Promise<void> {
    // `end` lets what was sent go out first; `destroy` then gives the socket back in any case.
    if (!socket.destroyed && !socket.writableLength) socket.end();
    socket.destroy();
    await gone.promise;
  }

  return {
    all: () => received,
    unread,
    get ended() {
      return ended;
    },
    get error() {
      return error;
    },
    waitFor,
    readUntil,
    readRequest: (timeoutMs) => readMessage(true, timeoutMs),
    readResponse: (timeoutMs, method) => readMessage(false, timeoutMs, method),
    async untilClosed(timeoutMs) {
      await waitFor(() => false, timeoutMs);
      return ended;
    },
    send,
    sendInPieces,
    halfClose: () => void socket.end(),
    close,
    async reset() {
      socket.resetAndDestroy();
      await gone.promise;
    },
    [Symbol.asyncDispose]: close,
  };
}

/** Bytes of a text, one a character; throws on a character that is not one byte. */
function toBytes(data: string | Uint8Array): Uint8Array {
  if (typeof data !== "string") return data;
  if ([...data].some((character) => character > "\xff")) {
    throw new Error("a character above U+00FF: encode the text and send bytes");
  }
  return Buffer.from(data, "latin1");
}

/**
 * Takes the first HTTP message of `text` apart, however broken it is.
 *
 * @param ended Whether nothing can follow, which completes a body that has no length.
 * @param method For a response, the method of its request; for a request, absent.
 */
export function parseMessage(text: string, ended: boolean, method?: string): RawMessage {
  const { startLine, headers, header, bodyAt } = parseHead(text);
  const length = messageLength(text, ended, method);
  const rawBody = text.slice(bodyAt, length);
  const chunked = isChunked(header("transfer-encoding"));
  return {
    startLine,
    status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(startLine)?.[1] ?? 0),
    headers,
    header,
    rawBody,
    body: chunked ? unchunk(rawBody).body : rawBody,
    complete: length !== undefined,
  };
}

/**
 * How many characters the first message of `text` takes by its framing (RFC 9112, section 6), or
 * `undefined` while some of it is missing. `method` as in `parseMessage`.
 */
function messageLength(text: string, ended: boolean, method?: string): number | undefined {
  const { startLine, header, bodyAt } = parseHead(text);
  if (bodyAt === text.length && !text.endsWith("\r\n\r\n")) return undefined;
  const isResponse = method !== undefined;
  if (isResponse && (method === "HEAD" || /^\S+ (1\d\d|204|304)/.test(startLine))) return bodyAt;
  if (isChunked(header("transfer-encoding"))) {
    const { end } = unchunk(text.slice(bodyAt));
    return end === undefined ? undefined : bodyAt + end;
  }
  const length = header("content-length");
  if (length !== undefined) {
    const end = bodyAt + Number(length);
    return text.length >= end ? end : undefined;
  }
  if (!isResponse) return bodyAt;
  return ended ? text.length : undefined;
}

function parseHead(text: string) {
  const headEnd = text.indexOf("\r\n\r\n");
  const [startLine = "", ...lines] = (headEnd < 0 ? text : text.slice(0, headEnd)).split("\r\n");
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const header = (name: string) =>
    headers.find(([known]) => known.toLowerCase() === name.toLowerCase())?.[1];
  return { startLine, headers, header, bodyAt: headEnd < 0 ? text.length : headEnd + 4 };
}

function isChunked(transferEncoding: string | undefined): boolean {
  return /(^|[\s,])chunked\s*$/i.test(transferEncoding ?? "");
}

/** Reads a chunked body: its content as far as it came, and where it ends if it does. */
function unchunk(text: string): { readonly body: string; readonly end: number | undefined } {
  let body = "";
  let at = 0;
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return { body, end: undefined };
    const size = parseInt(text.slice(at, lineEnd), 16);
    if (Number.isNaN(size)) return { body, end: undefined };
    if (size === 0) {
      // A trailer section, or none: either way it ends with the first empty line.
      const end = text.indexOf("\r\n\r\n", lineEnd);
      return { body, end: end < 0 ? undefined : end + 4 };
    }
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
    if (at > text.length) return { body, end: undefined };
  }
}
