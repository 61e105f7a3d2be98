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
  /** Whether the last read got all it had room for, so that more is likely to be there. */
  #full = false;

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
  }

  /** Hands the next piece over, or ends the exchange. */
  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
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
      this.#full = count === into.length;
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
    const { expected } = this.#decoder;
    if (expected >= LARGE_BODY_BYTES) return new Uint8Array(Math.min(expected, LARGE_READ_BYTES));
    return this.#full ? new Uint8Array(LARGE_READ_BYTES) : this.#small;
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
  }

  #break(detail: string): void {
    this.#exchange.giveUp(failure("upstream_broken", detail));
  }

  #end(clean: boolean): void {
    this.#exchange.end();
    this.#events.ended(clean);
  }
}
