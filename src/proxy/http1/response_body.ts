import { failure } from "../../failure.ts";
import { LARGE_BODY_BYTES, LARGE_READ_BYTES } from "../../limits.ts";
import { messageOf } from "../../text.ts";
import type { Wire } from "../dial.ts";
import type { BodyDecoder } from "./body_decoder.ts";
import type { Exchange } from "./exchange.ts";

/** What happens while the body of a response is read. */
export interface BodyEvents {
  /** The body is whole; `clean` unless the upstream has closed or sent more than the body. */
  ended(clean: boolean): void;
  /** Something of the body has arrived. */
  moved(): void;
}

/** The body of a response that did not come together with its head, read as it is wanted. */
export class ResponseBody {
  readonly #exchange: Exchange;
  readonly #decoder: BodyDecoder;
  readonly #wire: Wire;
  /** For small reads, used again and again: what is handed over from it is copied. */
  readonly #small: Uint8Array<ArrayBuffer>;
  readonly #events: BodyEvents;
  /** Of the last bytes decoded: what is wrong behind them. */
  #wrong: string | undefined;
  /** Whether the head brought something of the body along. */
  #started: boolean;
  /** How much to read next, in bytes: follows what the reads before have brought. */
  #size: number;
  /** The memory of the piece handed over last, where it was not `#small`. */
  #lent: ArrayBuffer | undefined;

  /**
   * @param decoder has decoded what came with the head, which lies in `small`.
   * @param wrong what it found wrong with that.
   */
  constructor(
    exchange: Exchange,
    decoder: BodyDecoder,
    wire: Wire,
    small: Uint8Array<ArrayBuffer>,
    events: BodyEvents & { readonly wrong: string | undefined },
  ) {
    this.#exchange = exchange;
    this.#decoder = decoder;
    this.#wire = wire;
    this.#small = small;
    this.#events = events;
    this.#wrong = events.wrong;
    this.#started = decoder.start < decoder.end;
    this.#size = decoder.expected >= LARGE_BODY_BYTES ? LARGE_READ_BYTES : small.length;
  }

  /**
   * Hands the next piece over, or ends the exchange. Since the receiver wants another one it has done
   * with the last one, whose memory is released.
   */
  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    this.#release();
    if (this.#started) {
      this.#started = false;
      this.#handOver(controller, this.#small);
      return;
    }
    while (!this.#exchange.over) {
      if (this.#wrong !== undefined) return this.#break(this.#wrong);
      const into = this.#room();
      let count: number | null;
      try {
        count = await this.#wire.read(into);
      } catch (error) {
        return this.#break(messageOf(error));
      }
      if (this.#exchange.over) return;
      if (count === null) {
        if (!this.#decoder.closed()) return this.#break("closed before the end of the body");
        return this.#end(false);
      }
      this.#adapt(count, into.length);
      this.#events.moved();
      this.#wrong = this.#decoder.decode(into, 0, count);
      const brought = this.#decoder.start < this.#decoder.end;
      if (brought) this.#handOver(controller, into);
      if (this.#wrong === undefined && this.#decoder.done) {
        return this.#end(this.#decoder.used === count);
      }
      if (brought) return;
    }
  }

  #room(): Uint8Array<ArrayBuffer> {
    const { expected, exact } = this.#decoder;
    const bounded = exact || expected >= LARGE_BODY_BYTES;
    const size = bounded ? Math.min(expected, this.#size) : this.#size;
    return size <= this.#small.length ? this.#small : new Uint8Array(size);
  }

  /** Fits the next read to one that had room for more, or had not. */
  #adapt(count: number, room: number): void {
    if (count === room) this.#size = Math.min(4 * this.#size, LARGE_READ_BYTES);
    else if (2 * count < room) this.#size = Math.max(room >> 1, this.#small.length);
  }

  #handOver(
    controller: ReadableStreamDefaultController<Uint8Array>,
    bytes: Uint8Array<ArrayBuffer>,
  ): void {
    const { start, end } = this.#decoder;
    this.#exchange.bytes += end - start;
    // A small piece would keep all of a large read's memory.
    const copied = bytes === this.#small || 2 * (end - start) < bytes.length;
    controller.enqueue(copied ? bytes.slice(start, end) : bytes.subarray(start, end));
    if (bytes !== this.#small) this.#lent = bytes.buffer;
  }

  /**
   * Lets go of the last piece's memory: it is free as soon as the runtime, which counts its own
   * references, has sent it, not only when garbage is collected. Large bodies need half the memory then.
   */
  #release(): void {
    this.#lent?.transfer(0);
    this.#lent = undefined;
  }

  #break(detail: string): void {
    this.#exchange.giveUp(failure("upstream_broken", detail));
  }

  #end(clean: boolean): void {
    this.#exchange.end();
    this.#events.ended(clean);
  }
}
