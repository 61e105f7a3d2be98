/**
 * An upstream that judges: it keeps every byte it was sent, reads it by the letter of RFC 9112 with a
 * parser of its own, and responds to each whole request. What it cannot read that way is a fault.
 */
import { Buffer } from "node:buffer";
import net from "node:net";

/** One request exactly as it arrived. Text stands for bytes one to one (Latin-1). */
export interface JudgedRequest {
  /** The request line without its line end. */
  readonly line: string;
  /** Names in lower case and values, in order, repeated ones repeated. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The body without chunk framing. */
  readonly body: string;
  /** Whether it came in chunks. */
  readonly chunked: boolean;
}

/** What a stream of bytes is, read strictly. */
export interface Judgement {
  readonly requests: readonly JudgedRequest[];
  /** What follows the last whole request: the beginning of one, or nothing. */
  readonly rest: string;
  /** Why `rest` can never become a request; `undefined` if it can. */
  readonly fault: string | undefined;
}

/** An upstream that judges. Disposing closes it. */
export interface JudgingUpstream extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  /** The whole requests that came since the last call. */
  take(): JudgedRequest[];
  /** Faults of requests on any connection so far. */
  readonly faults: readonly string[];
  /** The beginnings of requests on connections that are still open. */
  unfinished(): string[];
  /** All bytes of all connections. */
  all(): string;
  close(): Promise<void>;
}

const REQUEST_LINE = /^[\w!#$%&'*+.^`|~-]+ \/[\x21-\x7e]* HTTP\/1\.1$/;
const FIELD = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;

/** Reads requests strictly (RFC 9112, sections 2.2, 3, 5, 6 and 7.1). */
export function judge(text: string): Judgement {
  const requests: JudgedRequest[] = [];
  let rest = text;
  for (;;) {
    const one = readRequest(rest);
    if (typeof one === "string") return { requests, rest, fault: one };
    if (one === undefined) return { requests, rest, fault: undefined };
    requests.push(one.request);
    rest = rest.slice(one.length);
  }
}

/** The first request and its length in bytes; `undefined` if some of it is missing; or the fault. */
function readRequest(
  text: string,
): { request: JudgedRequest; length: number } | string | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [line = "", ...lines] = text.slice(0, end).split("\r\n");
  if (!REQUEST_LINE.test(line)) return `request line ${JSON.stringify(line)}`;
  const fields: [string, string][] = [];
  for (const one of lines) {
    const [, name, value] = FIELD.exec(one) ?? [];
    if (name === undefined || value === undefined) return `field line ${JSON.stringify(one)}`;
    fields.push([name.toLowerCase(), value]);
  }
  const of = (wanted: string) =>
    fields.filter(([name]) => name === wanted).map(([, value]) => value);
  if (of("host").length !== 1) return `${of("host").length} Host fields`;
  const [length, ...lengths] = of("content-length");
  const [coding, ...codings] = of("transfer-encoding");
  if (lengths.length > 0 || codings.length > 0) return "a repeated framing field";
  const bodyAt = end + 4;
  const whole = (body: string, chunked: boolean, length: number) => ({
    request: { line, fields, body, chunked },
    length,
  });
  if (coding !== undefined) {
    if (length !== undefined) return "Transfer-Encoding besides Content-Length";
    if (coding !== "chunked") return `Transfer-Encoding: ${coding}`;
    const body = readChunks(text, bodyAt);
    return typeof body === "object" ? whole(body.body, true, body.end) : body;
  }
  if (length === undefined) return whole("", false, bodyAt);
  if (!/^(0|[1-9]\d*)$/.test(length)) return `Content-Length: ${length}`;
  const bodyEnd = bodyAt + Number(length);
  return text.length < bodyEnd ? undefined : whole(text.slice(bodyAt, bodyEnd), false, bodyEnd);
}

/** Reads a chunked body without extensions and trailers: this proxy sends neither. */
function readChunks(
  text: string,
  from: number,
): { body: string; end: number } | string | undefined {
  let body = "";
  let at = from;
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    const line = text.slice(at, lineEnd);
    if (!/^[\da-f]{1,8}$/i.test(line)) return `chunk line ${JSON.stringify(line)}`;
    const size = parseInt(line, 16);
    const next = lineEnd + 2 + size;
    if (text.length < next + 2) return undefined;
    if (text.slice(next, next + 2) !== "\r\n") return "a chunk without line end, or a trailer";
    if (size === 0) return { body, end: next + 2 };
    body += text.slice(lineEnd + 2, next);
    at = next + 2;
  }
}

/** Starts an upstream that judges on a free port of 127.0.0.1. It responds to each request with 200 `ok`. */
export async function judgingUpstream(): Promise<JudgingUpstream> {
  const requests: JudgedRequest[] = [];
  const faults: string[] = [];
  const open = new Map<net.Socket, string>();
  let everything = "";

  const server = net.createServer((socket) => {
    open.set(socket, "");
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      const text = chunk.toString("latin1");
      everything += text;
      const { requests: came, rest, fault } = judge((open.get(socket) ?? "") + text);
      open.set(socket, rest);
      requests.push(...came);
      for (const { line } of came) {
        const body = line.startsWith("HEAD ") ? "" : "ok";
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${body}`);
      }
      if (fault === undefined) return;
      faults.push(fault);
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");

  async function close(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of open.keys()) socket.destroy();
    await closed;
  }

  return {
    url: `http://127.0.0.1:${address.port}`,
    take: () => requests.splice(0),
    faults,
    unfinished: () => [...open.values()].filter((rest) => rest !== ""),
    all: () => everything,
    close,
    [Symbol.asyncDispose]: close,
  };
}
