import { MAX_CHUNK_LINE_BYTES, MAX_CHUNK_SIZE_DIGITS, MAX_TRAILER_BYTES } from "../../limits.ts";
import { IN_NAME, IN_VALUE } from "./characters.ts";

/** Where the bytes of a response's body end, read piece by piece as they arrive. */
export interface BodyDecoder {
  /** Whether the end has been seen. Nothing may be decoded after it. */
  readonly done: boolean;
  /** Where the body's bytes of the last call start and end; equal where there were none. */
  readonly start: number;
  readonly end: number;
  /** Up to where the last call has used the bytes up; less than `to` only when `done`. */
  readonly used: number;
  /**
   * Takes the bytes from `from` to `to`. The body's bytes among them are moved together within
   * `bytes`, so that they are one piece from `start` to `end`.
   *
   * @returns what is wrong with the framing, for the log; `undefined` if nothing is.
   */
  decode(bytes: Uint8Array, from: number, to: number): string | undefined;
  /** The upstream has closed: whether the body is whole. */
  closed(): boolean;
  /** How many bytes of the body are still to come, as far as that is known: for choosing a buffer. */
  readonly expected: number;
  /** Whether no more than those will come. */
  readonly exact: boolean;
}

/** A body of known length (RFC 9112, section 6.2). */
export class LengthDecoder implements BodyDecoder {
  start = 0;
  end = 0;
  used = 0;
  readonly exact = true;
  expected: number;

  constructor(length: number) {
    this.expected = length;
  }

  get done(): boolean {
    return this.expected === 0;
  }

  decode(_bytes: Uint8Array, from: number, to: number): undefined {
    this.start = from;
    this.end = this.used = Math.min(to, from + this.expected);
    this.expected -= this.end - from;
  }

  closed(): boolean {
    return this.done;
  }
}

/** A body that lasts until the upstream closes (RFC 9112, section 6.3, rule 8). */
export class CloseDecoder implements BodyDecoder {
  done = false;
  start = 0;
  end = 0;
  used = 0;
  readonly exact = false;
  readonly expected = 0;

  decode(_bytes: Uint8Array, from: number, to: number): undefined {
    this.start = from;
    this.end = this.used = to;
  }

  closed(): boolean {
    this.done = true;
    return true;
  }
}

/** What a chunked body is made of, in order. */
const enum Part {
  Size,
  Extension,
  SizeLineEnd,
  Data,
  DataEnd,
  DataLineEnd,
  /** First byte of a line behind the last chunk. */
  TrailerStart,
  TrailerName,
  TrailerValue,
  TrailerLineEnd,
  LastLineEnd,
  Done,
}

const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
const SEMICOLON = 0x3b;

/** A body in chunks (RFC 9112, section 7.1). Extensions and trailers are read and dropped. */
export class ChunkedDecoder implements BodyDecoder {
  start = 0;
  end = 0;
  used = 0;
  readonly exact = false;
  /** Of the current chunk. */
  expected = 0;
  #part = Part.Size;
  /** Digits of the size so far. */
  #digits = 0;
  /** Bytes of the line or of the trailer section so far. */
  #line = 0;

  get done(): boolean {
    return this.#part === Part.Done;
  }

  closed(): boolean {
    return this.done;
  }

  decode(bytes: Uint8Array, from: number, to: number): string | undefined {
    this.start = this.end = from;
    let at = from;
    while (at < to && this.#part !== Part.Done) {
      if (this.#part === Part.Data) {
        at = this.#take(bytes, at, to);
        continue;
      }
      const wrong = this.#step(bytes[at] ?? 0);
      if (wrong !== undefined) return wrong;
      at++;
    }
    this.used = at;
    return undefined;
  }

  /** Adds the data of the current chunk to the piece; returns where it ends. */
  #take(bytes: Uint8Array, at: number, to: number): number {
    const next = Math.min(to, at + this.expected);
    if (this.end === this.start) {
      this.start = at;
      this.end = next;
    } else {
      bytes.copyWithin(this.end, at, next);
      this.end += next - at;
    }
    this.expected -= next - at;
    if (this.expected === 0) this.#part = Part.DataEnd;
    return next;
  }

  /** Reads one byte of the framing. */
  #step(byte: number): string | undefined {
    switch (this.#part) {
      case Part.Size: {
        const value = hexDigit(byte);
        if (value !== -1) {
          if (++this.#digits > MAX_CHUNK_SIZE_DIGITS) return "a chunk that is too large";
          this.expected = this.expected * 16 + value;
        } else if (this.#digits === 0) return "a malformed chunk size";
        else if (byte === CR) this.#part = Part.SizeLineEnd;
        else if (byte === SEMICOLON) this.#part = Part.Extension;
        else return "a malformed chunk size";
        return undefined;
      }
      case Part.Extension:
        if (byte === CR) this.#part = Part.SizeLineEnd;
        else if (IN_VALUE[byte] !== 1) return "a control character in a chunk extension";
        else if (++this.#line > MAX_CHUNK_LINE_BYTES) return "a chunk extension that is too long";
        return undefined;
      case Part.SizeLineEnd:
        if (byte !== LF) return "a malformed chunk line";
        this.#part = this.expected === 0 ? Part.TrailerStart : Part.Data;
        this.#digits = this.#line = 0;
        return undefined;
      case Part.DataEnd:
        if (byte !== CR) return "a chunk longer than announced";
        this.#part = Part.DataLineEnd;
        return undefined;
      case Part.DataLineEnd:
        if (byte !== LF) return "a chunk longer than announced";
        this.#part = Part.Size;
        return undefined;
      default:
        return this.#stepTrailer(byte);
    }
  }

  /** Reads one byte behind the last chunk (RFC 9112, section 7.1.2). */
  #stepTrailer(byte: number): string | undefined {
    if (++this.#line > MAX_TRAILER_BYTES) return "a trailer section that is too long";
    switch (this.#part) {
      case Part.TrailerStart:
        if (byte === CR) this.#part = Part.LastLineEnd;
        else if (IN_NAME[byte] !== 1) return "a malformed trailer";
        else this.#part = Part.TrailerName;
        return undefined;
      case Part.TrailerName:
        if (byte === COLON) this.#part = Part.TrailerValue;
        else if (IN_NAME[byte] !== 1) return "a malformed trailer";
        return undefined;
      case Part.TrailerValue:
        if (byte === CR) this.#part = Part.TrailerLineEnd;
        else if (IN_VALUE[byte] !== 1) return "a control character in a trailer";
        return undefined;
      case Part.TrailerLineEnd:
        if (byte !== LF) return "a malformed trailer";
        this.#part = Part.TrailerStart;
        return undefined;
      default:
        if (byte !== LF) return "a malformed end of chunks";
        this.#part = Part.Done;
        return undefined;
    }
  }
}

/** The value of a hexadecimal digit, -1 for another byte. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}
