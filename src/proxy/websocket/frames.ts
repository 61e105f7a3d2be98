/**
 * The frames of RFC 6455, section 5, as a client speaks them: written masked, read unmasked, put
 * together to whole messages. Extensions are not spoken.
 */

/** What a frame is for (section 5.2). */
export const Opcode = {
  Continuation: 0,
  Text: 1,
  Binary: 2,
  Close: 8,
  Ping: 9,
  Pong: 10,
} as const;

/** What a close frame says; no `code` in one without a payload. */
export interface Closing {
  readonly code?: number;
  readonly reason: string;
}

/** What arrives from the other side. `size` is the payload's, in bytes. */
export type Incoming =
  | { readonly kind: "text"; readonly data: string; readonly size: number }
  | { readonly kind: "binary"; readonly data: Uint8Array<ArrayBuffer>; readonly size: number }
  | { readonly kind: "ping" | "pong"; readonly data: Uint8Array }
  | { readonly kind: "close"; readonly closing: Closing }
  | Wrong;

/** A breach of the protocol: the code to close with, and what it was, for the log. */
export interface Wrong {
  readonly kind: "wrong";
  readonly code: 1002 | 1007 | 1009;
  readonly detail: string;
}

/** Longest payload of a control frame, in bytes (section 5.5). */
const MAX_CONTROL_BYTES = 125;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Writes one unfragmented, masked frame (sections 5.2 and 5.3).
 *
 * Does not check that the payload fits the opcode: a control frame takes at most 125 bytes.
 *
 * @param mask four bytes that cannot be foreseen.
 */
export function encodeFrame(
  opcode: number,
  payload: Uint8Array,
  mask: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 0x10000 ? 2 : 8;
  const dataAt = 2 + extended + 4;
  const frame = new Uint8Array(dataAt + length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended > 0) {
    const view = new DataView(frame.buffer);
    if (extended === 2) view.setUint16(2, length);
    else view.setBigUint64(2, BigInt(length));
  }
  frame.set(mask, 2 + extended);
  const keys = [mask[0] ?? 0, mask[1] ?? 0, mask[2] ?? 0, mask[3] ?? 0] as const;
  for (let i = 0; i < length; i++) {
    frame[dataAt + i] = (payload[i] ?? 0) ^ (keys[i & 3] ?? 0);
  }
  return frame;
}

/** The payload of a close frame (section 5.5.1); a reason that does not fit is left out. */
export function encodeClosing({ code, reason }: Closing): Uint8Array {
  if (code === undefined) return new Uint8Array();
  const text = encoder.encode(reason);
  const room = text.length + 2 > MAX_CONTROL_BYTES ? 0 : text.length;
  const payload = new Uint8Array(2 + room);
  payload[0] = code >> 8;
  payload[1] = code & 0xff;
  if (room > 0) payload.set(text, 2);
  return payload;
}

/** Whether a close frame may carry this code (section 7.4, and the codes registered since). */
function isClosingCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

function decodeClosing(payload: Uint8Array): Incoming {
  if (payload.length === 0) return { kind: "close", closing: { reason: "" } };
  const code = (payload[0] ?? 0) << 8 | (payload[1] ?? 0);
  if (payload.length === 1 || !isClosingCode(code)) return wrong(1002, "a malformed close frame");
  const reason = decodeText(payload.subarray(2));
  if (reason === undefined) return wrong(1007, "a close reason that is not UTF-8");
  return { kind: "close", closing: { code, reason } };
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function wrong(code: Wrong["code"], detail: string): Wrong {
  return { kind: "wrong", code, detail };
}

/**
 * Reads what a server sends, in pieces of any size (sections 5.1 to 5.8): fragments are put
 * together, control frames between them come out at once.
 *
 * Refused: masked frames, reserved bits and opcodes, control frames that are long or fragmented,
 * fragments out of order, lengths in a longer form than needed, close codes that may not be sent
 * (1002), text and reasons that are not UTF-8 (1007), messages beyond the limit (1009, as soon as the
 * lengths say). A message's UTF-8 is looked at when it is whole.
 */
export class FrameReader {
  readonly #maxBytes: number;
  /** The head of the current frame: its first `#headLength` bytes of `#headNeeded`. */
  readonly #head = new Uint8Array(10);
  #headLength = 0;
  #headNeeded = 2;
  /** Bytes of the frame's payload that are still to come, once its head is whole. */
  #missing = 0;
  /** The opcode of the current message, 0 between messages. */
  #message = 0;
  #messageLength = 0;
  readonly #messageBytes = new Gathered();
  readonly #controlBytes = new Gathered();
  #over = false;

  /** @param maxBytes largest message, in bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes the next bytes and returns what they complete. A `close` or `wrong` comes last: nothing is
   * read after it. The bytes may be overwritten afterwards.
   */
  take(bytes: Uint8Array): Incoming[] {
    const taken: Incoming[] = [];
    let at = 0;
    while (at < bytes.length && !this.#over) {
      let payload: Uint8Array = NOTHING;
      if (this.#headLength < this.#headNeeded) {
        this.#head[this.#headLength++] = bytes[at++] ?? 0;
        const refused = this.#headLength < this.#headNeeded ? undefined : this.#readHead();
        if (refused !== undefined) this.#give(taken, refused);
        if (refused !== undefined || this.#headLength < this.#headNeeded) continue;
      } else {
        payload = bytes.subarray(at, at + this.#missing);
        this.#missing -= payload.length;
        at += payload.length;
      }
      if (this.#missing === 0) this.#endFrame(payload, taken);
      else this.#gathered.add(payload);
    }
    return taken;
  }

  #give(taken: Incoming[], incoming: Incoming): void {
    if (incoming.kind === "wrong" || incoming.kind === "close") this.#over = true;
    taken.push(incoming);
  }

  get #opcode(): number {
    return (this.#head[0] ?? 0) & 0x0f;
  }

  get #final(): boolean {
    return (this.#head[0] ?? 0) >= 0x80;
  }

  get #gathered(): Gathered {
    return this.#opcode >= Opcode.Close ? this.#controlBytes : this.#messageBytes;
  }

  /** Looks at a head that is whole as far as it is known; may find that it is longer. */
  #readHead(): Wrong | undefined {
    const short = (this.#head[1] ?? 0) & 0x7f;
    if (this.#headNeeded === 2) {
      const refused = this.#checkStart(short);
      if (refused !== undefined) return refused;
      if (short >= 126) {
        this.#headNeeded = short === 126 ? 4 : 10;
        return undefined;
      }
    }
    let length = short;
    if (short >= 126) {
      const view = new DataView(this.#head.buffer);
      length = short === 126 ? view.getUint16(2) : Number(view.getBigUint64(2));
      const least = short === 126 ? 126 : 0x10000;
      if (length < least || length >= 2 ** 63) return wrong(1002, "a malformed length");
    }
    this.#missing = length;
    if (this.#opcode >= Opcode.Close) return undefined;
    if (this.#opcode !== Opcode.Continuation) this.#message = this.#opcode;
    this.#messageLength += length;
    return this.#messageLength > this.#maxBytes
      ? wrong(1009, "a message that is too big")
      : undefined;
  }

  #checkStart(short: number): Wrong | undefined {
    const opcode = this.#opcode;
    if (((this.#head[0] ?? 0) & 0x70) !== 0) return wrong(1002, "a reserved bit");
    if ((this.#head[1] ?? 0) >= 0x80) return wrong(1002, "a masked frame");
    if (opcode > Opcode.Pong || (opcode > Opcode.Binary && opcode < Opcode.Close)) {
      return wrong(1002, "a reserved opcode");
    }
    if (opcode >= Opcode.Close) {
      return this.#final && short <= MAX_CONTROL_BYTES
        ? undefined
        : wrong(1002, "a long or fragmented control frame");
    }
    const begun = this.#message !== 0;
    return begun === (opcode === Opcode.Continuation)
      ? undefined
      : wrong(1002, "a fragment out of order");
  }

  /** The current frame ends with these bytes. */
  #endFrame(last: Uint8Array, taken: Incoming[]): void {
    this.#headLength = 0;
    this.#headNeeded = 2;
    if (this.#opcode >= Opcode.Close) this.#endControl(this.#controlBytes.end(last), taken);
    else if (this.#final) this.#endMessage(this.#messageBytes.end(last), taken);
    else this.#messageBytes.add(last);
  }

  #endControl(payload: Uint8Array, taken: Incoming[]): void {
    if (this.#opcode === Opcode.Close) this.#give(taken, decodeClosing(payload));
    else {
      const kind = this.#opcode === Opcode.Ping ? "ping" : "pong";
      this.#give(taken, { kind, data: new Uint8Array(payload) });
    }
  }

  #endMessage(payload: Uint8Array, taken: Incoming[]): void {
    const size = payload.length;
    if (this.#message === Opcode.Binary) {
      this.#give(taken, { kind: "binary", data: new Uint8Array(payload), size });
    } else {
      const data = decodeText(payload);
      const notText = () => wrong(1007, "a text message that is not UTF-8");
      this.#give(taken, data === undefined ? notText() : { kind: "text", data, size });
    }
    this.#message = this.#messageLength = 0;
  }
}

const NOTHING = new Uint8Array();

/** Bytes put together from pieces; one piece alone is not copied. */
class Gathered {
  #room: Uint8Array = NOTHING;
  #length = 0;

  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#room.length) {
      const larger = new Uint8Array(Math.max(2 * this.#room.length, length));
      larger.set(this.#room.subarray(0, this.#length));
      this.#room = larger;
    }
    this.#room.set(piece, this.#length);
    this.#length = length;
  }

  /** Everything, `last` included; begins anew. */
  end(last: Uint8Array): Uint8Array {
    if (this.#length === 0) return last;
    this.add(last);
    const whole = this.#room.subarray(0, this.#length);
    this.#room = NOTHING;
    this.#length = 0;
    return whole;
  }
}
