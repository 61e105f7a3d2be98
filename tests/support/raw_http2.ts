/**
 * HTTP/2 as frames: requests that no client library would send, and what became of them. Each goes on
 * a connection of its own. Text stands for bytes one to one (Latin-1).
 */
import { openRaw, type RawAddress, type RawConnectOptions } from "./raw.ts";

/** Names and values as they are put into the frames. */
export type RawFields = readonly (readonly [name: string, value: string])[];

/** One request on stream 1. */
export interface RawHttp2Request {
  readonly fields: RawFields;
  /** Pieces of the body; none if absent. */
  readonly body?: readonly string[];
  readonly trailers?: RawFields;
}

/** What a connection begins with (RFC 9113, section 3.4). */
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** Types of frames and their flags. */
export const [DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY] = [0, 1, 3, 4, 7] as const;
export const [END_STREAM, END_HEADERS] = [1, 4] as const;
const FRAME_HEAD_BYTES = 9;

/** The error code of a client that is no longer interested (RFC 9113, section 7). */
const CANCEL = "\0\0\0\x08";

/** How long an outcome may take, in milliseconds. */
const LIMIT_MS = 5000;

/**
 * Sends one request and returns what became of it: the status of its response, `reset <code>`,
 * `goaway <code>` (RFC 9113, section 7), or `closed`.
 */
export async function rawHttp2(
  address: RawAddress,
  { fields, body = [], trailers }: RawHttp2Request,
  options: RawConnectOptions = {},
): Promise<string> {
  await using socket = await openRaw(address, options);
  const ends = body.length === 0 && trailers === undefined;
  const pieces = body.map((piece, at) =>
    frame(DATA, trailers === undefined && at === body.length - 1 ? END_STREAM : 0, 1, piece)
  );
  await socket.send([
    PREFACE,
    frame(SETTINGS, 0, 0, ""),
    frame(HEADERS, END_HEADERS | (ends ? END_STREAM : 0), 1, block(fields)),
    ...pieces,
    trailers === undefined ? "" : frame(HEADERS, END_HEADERS | END_STREAM, 1, block(trailers)),
  ].join(""));
  let outcome: string | undefined;
  await socket.waitFor((came) => (outcome = outcomeOf(came)) !== undefined, LIMIT_MS);
  return outcome ?? (socket.ended ? "closed" : "nothing");
}

/**
 * Opens a connection and sends the same request on so many streams of it, none of which has a body.
 *
 * @returns how to reset all of them at once (RFC 9113, section 6.4).
 */
export async function openStreams(
  address: RawAddress,
  fields: RawFields,
  count: number,
  options: RawConnectOptions = {},
): Promise<AsyncDisposable & { reset(): Promise<void> }> {
  const socket = await openRaw(address, options);
  const streams = Array.from({ length: count }, (_, index) => 2 * index + 1);
  const head = block(fields);
  const requests = streams.map((id) => frame(HEADERS, END_HEADERS | END_STREAM, id, head));
  await socket.send([PREFACE, frame(SETTINGS, 0, 0, ""), ...requests].join(""));
  return {
    reset: () => socket.send(streams.map((id) => frame(RST_STREAM, 0, id, CANCEL)).join("")),
    [Symbol.asyncDispose]: () => socket.close(),
  };
}

/** One frame (RFC 9113, section 4.1). */
export function frame(type: number, flags: number, stream: number, payload: string): string {
  const { length } = payload;
  const id = [stream >> 24, stream >> 16, stream >> 8, stream];
  return bytes(length >> 16, length >> 8, length, type, flags, ...id) + payload;
}

function bytes(...values: readonly number[]): string {
  return String.fromCharCode(...values.map((value) => value & 0xff));
}

/** Fields as literals without indexing (RFC 7541, section 6.2.2). */
export function block(fields: RawFields): string {
  return fields.map(([name, value]) => `\0${literal(name)}${literal(value)}`).join("");
}

function literal(text: string): string {
  let { length } = text;
  if (length < 127) return bytes(length) + text;
  let head = bytes(127);
  for (length -= 127; length >= 128; length >>= 7) head += bytes(128 | length);
  return head + bytes(length) + text;
}

/** What the frames say about stream 1; `undefined` while they say nothing. */
function outcomeOf(came: string): string | undefined {
  const at = (index: number) => came.charCodeAt(index);
  const number = (index: number) =>
    at(index) * 2 ** 24 + (at(index + 1) << 16) + (at(index + 2) << 8) + at(index + 3);
  for (let from = 0; from + FRAME_HEAD_BYTES <= came.length;) {
    const length = (at(from) << 16) + (at(from + 1) << 8) + at(from + 2);
    const payload = from + FRAME_HEAD_BYTES;
    if (came.length < payload + length) return undefined;
    const type = at(from + 3);
    if (type === HEADERS) return statusOf(came.slice(payload, payload + length));
    if (type === RST_STREAM) return `reset ${number(payload)}`;
    if (type === GOAWAY) return `goaway ${number(payload + 4)}`;
    from = payload + length;
  }
  return undefined;
}

/** Statuses of the static table from index 8 on (RFC 7541, appendix A). */
const INDEXED = [200, 204, 206, 304, 400, 404, 500];

/** The digits in Huffman code (RFC 7541, appendix B). */
const DIGITS = [
  "00000",
  "00001",
  "00010",
  "011001",
  "011010",
  "011011",
  "011100",
  "011101",
  "011110",
  "011111",
];

/** The `:status` that begins the block of a connection's first response. */
function statusOf(block: string): string {
  const first = block.charCodeAt(0);
  if (first >= 0x88 && first <= 0x8e) return String(INDEXED[first - 0x88]);
  const [length, huffman] = [block.charCodeAt(1) & 0x7f, (block.charCodeAt(1) & 0x80) !== 0];
  const value = block.slice(2, 2 + length);
  if (!huffman) return value;
  let bits = [...value].map((c) => c.charCodeAt(0).toString(2).padStart(8, "0")).join("");
  let status = "";
  while (status.length < 3) {
    const digit = DIGITS.findIndex((code) => bits.startsWith(code));
    if (digit === -1) return `? ${bits}`;
    status += digit;
    bits = bits.slice(DIGITS[digit]?.length);
  }
  return status;
}
