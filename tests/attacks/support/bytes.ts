/** What hostile clients send, byte by byte. Text stands for bytes one to one (Latin-1). */

/** An HTTP/1.1 request, its head alone. */
export function requestOf(line: string, fields: readonly string[] = []): string {
  return [`${line} HTTP/1.1`, "Host: a", ...fields, "", ""].join("\r\n");
}

/** One chunk of so many bytes of a chunked body. */
export function chunkOf(bytes: number): string {
  return `${bytes.toString(16)}\r\n${"x".repeat(bytes)}\r\n`;
}

const [DATA, HEADERS, PRIORITY, SETTINGS, PING] = [0, 1, 2, 4, 6];
const END_HEADERS = 4;

/** The frame (RFC 9113, section 4.1) of a type on a stream. */
export function frame(type: number, flags: number, stream: number, payload: string): string {
  const { length } = payload;
  const head = [length >> 16, length >> 8, length, type, flags, 0, 0, 0, stream];
  return String.fromCharCode(...head.map((value) => value & 0xff)) + payload;
}

/** What opens HTTP/2 without TLS, by prior knowledge, with the settings that have to follow. */
export const PREFACE = `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${frame(SETTINGS, 0, 0, "")}`;

/** Frames that the server has to look at, and mostly to answer. */
export const SMALL_FRAMES = {
  PING: frame(PING, 0, 0, "12345678"),
  SETTINGS: frame(SETTINGS, 0, 0, ""),
  PRIORITY: frame(PRIORITY, 0, 3, "\0\0\0\0\x10"),
} as const;

/** A request whose body begins and never gets a byte. */
export const emptyData = {
  // POST, http, / of the static table, and `host` (RFC 7541, appendix A) as a literal.
  first: frame(HEADERS, END_HEADERS, 1, "\x83\x86\x84\x01\x01a\x0f\x17\x01a"),
  again: frame(DATA, 0, 1, ""),
} as const;

/** Half a request head of about so many bytes. */
export function halfHead(bytes: number): string {
  const start = "GET / HTTP/1.1\r\nHost: a\r\nX-";
  const line = `X-${"a".repeat(20)}: ${"b".repeat(974)}\r\n`;
  return start.slice(0, -2) + line.repeat(Math.floor(bytes / line.length)) + "X-";
}

/** The beginning of a TLS handshake: the head of a record, and the first bytes of a hello. */
export const HALF_HELLO = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
