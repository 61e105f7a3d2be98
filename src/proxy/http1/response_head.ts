import { Buffer } from "node:buffer";
import { MAX_RESPONSE_FIELDS } from "../../limits.ts";
import type { HeaderList } from "../headers.ts";
import { IN_NAME, IN_VALUE } from "./characters.ts";

/** The head of a response. */
export interface ResponseHead {
  readonly status: number;
  /** In order, names in lower case, values decoded as Latin-1; without superfluous `content-length`s. */
  readonly headers: HeaderList;
  /** `content-length`, `undefined` without one. */
  readonly length: number | undefined;
  readonly chunked: boolean;
  /** Whether the upstream keeps the connection open after this response (RFC 9112, section 9.3). */
  readonly keepAlive: boolean;
  /** Seconds after which the upstream says it closes an idle connection. */
  readonly idleSecs: number | undefined;
  /** Whether the body is a stream of events, which may last. */
  readonly events: boolean;
}

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;

/** What every response begins with, and what is wrong with one that does not. */
const VERSION = "HTTP/1.";
export const NOT_HTTP = "not an HTTP/1 response";

/** Common spellings of names, so that few have to be put into lower case. */
const LOWER = commonNames();

/**
 * The index behind the empty line that ends a head, or -1.
 *
 * @param from where to start: at most three bytes before what was not looked at yet.
 */
export function findHeadEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let i = from + 3; i < to; i++) {
    if (bytes[i] !== LF) continue;
    if (bytes[i - 1] === CR && bytes[i - 2] === LF && bytes[i - 3] === CR) return i + 1;
  }
  return -1;
}

/**
 * Whether these bytes can be the beginning of a response: as far as they go, they are `HTTP/1.`.
 *
 * @param from first byte; `to` the index behind the last one that has come.
 */
export function mayBeResponse(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = 0; i < VERSION.length && from + i < to; i++) {
    if (bytes[from + i] !== VERSION.charCodeAt(i)) return false;
  }
  return true;
}

/**
 * Parses the head of a response (RFC 9112, sections 4, 5 and 6.3), strictly: no bare CR or LF, no
 * folded lines, no white space before a colon, no control characters.
 *
 * Refused as well: lengths that are malformed or differ, a transfer coding other than `chunked`,
 * one together with a length or in HTTP/1.0, more than `MAX_RESPONSE_FIELDS` fields, and a status
 * outside 100 to 599. A missing space behind the status code is fine: many servers leave it out
 * where there is no reason phrase.
 *
 * Does not look at what the status or the request's method mean for the body.
 *
 * @param from first byte; `to` the index behind the empty line (see `findHeadEnd`).
 * @returns the head, or what is wrong with it, for the log.
 */
export function parseResponseHead(
  bytes: Buffer,
  from: number,
  to: number,
): ResponseHead | string {
  const text = bytes.toString("latin1", from, to);
  if (!text.startsWith(VERSION)) return NOT_HTTP;
  const minor = text.charCodeAt(7) - 0x30;
  const status = digit(text, 9) * 100 + digit(text, 10) * 10 + digit(text, 11);
  const afterStatus = text.charCodeAt(12);
  if (!(minor >= 0 && minor <= 9) || text.charCodeAt(8) !== SPACE) return "malformed status line";
  if (!(afterStatus === SPACE || afterStatus === CR)) return "malformed status line";
  if (!(status >= 100 && status <= 599)) return "malformed status";

  const headers: HeaderList = [];
  const framing = new Framing();
  // `at` counts from the start of the text, `from + at` in the bytes.
  let at = valueEnd(bytes, from + 12) - from;
  for (;;) {
    if (text.charCodeAt(at) !== CR || text.charCodeAt(at + 1) !== LF) {
      return "a control character in the head";
    }
    at += 2;
    if (from + at === to - 2) break;
    const nameAt = at;
    while (IN_NAME[text.charCodeAt(at)] === 1) at++;
    if (at === nameAt || text.charCodeAt(at) !== COLON) return "malformed field name";
    if (headers.length === MAX_RESPONSE_FIELDS) return "too many fields";
    const written = text.substring(nameAt, at);
    const name = LOWER.get(written) ?? written.toLowerCase();
    at++;
    while (text.charCodeAt(at) === SPACE || text.charCodeAt(at) === TAB) at++;
    const valueAt = at;
    at = valueEnd(bytes, from + at) - from;
    let end = at;
    while (
      end > valueAt && (text.charCodeAt(end - 1) === SPACE || text.charCodeAt(end - 1) === TAB)
    ) {
      end--;
    }
    const value = text.substring(valueAt, end);
    const kept = framing.see(name, value);
    if (kept !== undefined) headers.push([name, kept]);
  }
  const wrong = framing.wrong(minor);
  if (wrong !== undefined) return wrong;
  const { length, chunked, idleSecs, events } = framing;
  const keepAlive = !framing.close && (minor > 0 || framing.keepAlive);
  return { status, headers, length, chunked, keepAlive, idleSecs, events };
}

/** The first byte that cannot be part of a value. The head ends with CR LF, so there is one. */
function valueEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (IN_VALUE[bytes[at] ?? 0] === 1) at++;
  return at;
}

/** What the fields of a head say about its body and its connection. */
class Framing {
  length: number | undefined;
  chunked = false;
  close = false;
  keepAlive = false;
  idleSecs: number | undefined;
  events = false;
  #wrong: string | undefined;

  /** Takes note of a field; returns the value to pass on, `undefined` for a repeated length. */
  see(name: string, value: string): string | undefined {
    switch (name) {
      case "content-length":
        return this.#seeLength(value);
      case "transfer-encoding":
        if (this.chunked || value.toLowerCase() !== "chunked") {
          this.#wrong = "a transfer coding other than chunked";
        }
        this.chunked = true;
        break;
      case "connection":
        this.#seeConnection(value);
        break;
      case "keep-alive":
        this.idleSecs = idleSecs(value);
        break;
      case "content-type":
        this.events = value.length >= 17 &&
          value.slice(0, 17).toLowerCase() === "text/event-stream";
        break;
    }
    return value;
  }

  /** A list of equal lengths counts as one (RFC 9112, section 6.3). */
  #seeLength(value: string): string | undefined {
    const length = decimal(value.includes(",") ? sameInAll(value) : value);
    if (length === undefined || (this.length !== undefined && this.length !== length)) {
      this.#wrong = "a malformed or conflicting content-length";
      return undefined;
    }
    if (this.length !== undefined) return undefined;
    this.length = length;
    return String(length);
  }

  #seeConnection(value: string): void {
    if (value === "keep-alive") this.keepAlive = true;
    else if (value === "close") this.close = true;
    else {
      for (const option of value.toLowerCase().split(",")) {
        if (option.trim() === "close") this.close = true;
        if (option.trim() === "keep-alive") this.keepAlive = true;
      }
    }
  }

  wrong(minor: number): string | undefined {
    if (this.#wrong !== undefined) return this.#wrong;
    if (!this.chunked) return undefined;
    if (this.length !== undefined) return "a transfer coding together with a content-length";
    return minor === 0 ? "a transfer coding in HTTP/1.0" : undefined;
  }
}

/** The element that a list consists of; "" if its elements differ. */
function sameInAll(list: string): string {
  const [first = "", ...others] = list.split(",").map((element) => element.trim());
  return others.every((other) => other === first) ? first : "";
}

/** A number of at most 15 digits, which a double holds exactly. */
function decimal(value: string): number | undefined {
  if (value.length === 0 || value.length > 15) return undefined;
  let number = 0;
  for (let i = 0; i < value.length; i++) {
    const next = digit(value, i);
    if (!(next >= 0)) return undefined;
    number = number * 10 + next;
  }
  return number;
}

function digit(text: string, at: number): number {
  const value = text.charCodeAt(at) - 0x30;
  return value >= 0 && value <= 9 ? value : NaN;
}

/** The `timeout` of a `Keep-Alive` field, in seconds. */
function idleSecs(value: string): number | undefined {
  const at = value.toLowerCase().indexOf("timeout=");
  const [text = ""] = at === -1 ? [] : value.slice(at + "timeout=".length).split(",");
  return decimal(text.trim());
}

function commonNames(): ReadonlyMap<string, string> {
  const names = [
    "Accept-Ranges",
    "Access-Control-Allow-Origin",
    "Age",
    "Allow",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Security-Policy",
    "Content-Type",
    "Date",
    "ETag",
    "Etag",
    "Expires",
    "Keep-Alive",
    "Last-Modified",
    "Link",
    "Location",
    "Pragma",
    "Referrer-Policy",
    "Server",
    "Set-Cookie",
    "Strict-Transport-Security",
    "Transfer-Encoding",
    "Vary",
    "Via",
    "WWW-Authenticate",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-Powered-By",
    "X-Request-Id",
  ];
  return new Map(names.flatMap((name) => {
    const lower = name.toLowerCase();
    return [[name, lower], [lower, lower]];
  }));
}
