import type { HeaderList } from "../headers.ts";
import { IN_VALUE, isToken } from "./characters.ts";

/** What the head of a request is made of. */
export interface RequestHead {
  readonly method: string;
  /** The whole target in origin-form. */
  readonly target: string;
  /** Names in lower case, `host` among them; no hop-by-hop fields. */
  readonly headers: HeaderList;
  /** Whether `transfer-encoding: chunked` is added. */
  readonly chunked: boolean;
}

const encoder = new TextEncoder();

/**
 * Writes the head of a request as bytes (RFC 9112, sections 2.1, 3 and 5): method, target, names and
 * values byte for byte as they are, one character a byte.
 *
 * Refused (`undefined`): a method or name that is not a token, white space in the target, control
 * characters (a tab is fine in a value) and characters beyond Latin-1 in anything, so that no value
 * can start a line of its own.
 *
 * Does not check that a `host` is among the fields.
 *
 * @param room bytes to write into if they suffice; the result may be a part of it.
 */
export function writeRequestHead(head: RequestHead, room: Uint8Array): Uint8Array | undefined {
  const { method, target, headers, chunked } = head;
  if (!isToken(method) || target.includes(" ") || target.includes("\t")) return undefined;
  let text = method + " " + target + " HTTP/1.1\r\n";
  for (const [name, value] of headers) {
    if (!isToken(name)) return undefined;
    text += name + ": " + value + "\r\n";
  }
  text += chunked ? "transfer-encoding: chunked\r\n\r\n" : "\r\n";
  const lines = headers.length + (chunked ? 3 : 2);

  const bytes = room.length < text.length ? new Uint8Array(text.length) : room;
  const { read, written } = encoder.encodeInto(text, bytes);
  const ascii = read === text.length && written === text.length;
  if (!ascii && !writeLatin1(text, bytes)) return undefined;
  // The line ends are the only bytes that may not stand in a value, and as many as there are lines.
  const ends = text.length - visible(bytes, text.length);
  return ends === 2 * lines ? bytes.subarray(0, text.length) : undefined;
}

/** The announced length of a body in bytes; `undefined` without one, `NaN` for a malformed one. */
export function contentLength(headers: HeaderList): number | undefined {
  for (const [name, value] of headers) {
    if (name === "content-length") return /^\d{1,15}$/.test(value) ? Number(value) : NaN;
  }
  return undefined;
}

/** Writes one byte a character; false if a character does not fit. */
function writeLatin1(text: string, bytes: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) return false;
    bytes[i] = code;
  }
  return true;
}

/** Counts the bytes that may stand in a value. */
function visible(bytes: Uint8Array, length: number): number {
  let count = 0;
  for (let i = 0; i < length; i++) count += IN_VALUE[bytes[i] ?? 0] ?? 0;
  return count;
}
