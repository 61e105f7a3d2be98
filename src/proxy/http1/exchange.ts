import { type Failure, failure } from "../../failure.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { HeaderList } from "../headers.ts";
import type { UpgradedConnection, UpstreamRequest, UpstreamResponse } from "../upstream.ts";

/** What an exchange reports to its pool. */
export interface ExchangeOwner {
  /** The exchange has ended, well or not. Called once. */
  over(exchange: Exchange): void;
}

/** The connection that carries an exchange; of no use once the exchange is given up. */
export interface Carrier {
  destroy(): void;
}

/** One request and its response, from `send` until the response's body has been handed over. */
export class Exchange {
  readonly request: UpstreamRequest;
  /** What `send` returns. */
  readonly response: Promise<Result<UpstreamResponse, Failure>>;
  /** When it is given up, on the monotonic clock. */
  deadline: number;
  /** When the head of the response has to be there, on the same clock; `undefined` while the request is sent. */
  headDeadline: number | undefined;
  /** When it began, on the same clock. */
  readonly began: number;
  /** Whether it has been sent again after a stale connection. */
  retried = false;
  /** Bytes of the response's body handed over so far. */
  bytes = 0;
  carrier: Carrier | undefined;
  over = false;
  readonly #owner: ExchangeOwner;
  #resolve: ((response: Result<UpstreamResponse, Failure>) => void) | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #watching = false;

  constructor(request: UpstreamRequest, began: number, timeoutMs: number, owner: ExchangeOwner) {
    this.request = request;
    this.began = began;
    this.deadline = began + timeoutMs;
    this.#owner = owner;
    this.response = new Promise((resolve) => this.#resolve = resolve);
  }

  /** Whether the head of the response has been handed over. */
  get responded(): boolean {
    return this.#controller !== undefined || this.over;
  }

  /** From now on, the client's leaving ends the exchange at once. */
  watchClient(): void {
    if (this.#watching || this.over) return;
    this.#watching = true;
    const { signal } = this.request;
    if (signal.aborted) this.#clientLeft();
    else signal.addEventListener("abort", this.#clientLeft, { once: true });
  }

  readonly #clientLeft = () => this.giveUp(failure("client_gone"));

  /** Hands the whole response over. */
  respondWhole(status: number, headers: HeaderList, body: Uint8Array<ArrayBuffer> | null): void {
    this.#resolve?.(ok({ status, headers, body }));
    this.#finish();
  }

  /** Hands a 101 over, and the connection that speaks another protocol now. */
  respondUpgraded(headers: HeaderList, upgraded: UpgradedConnection): void {
    this.#resolve?.(ok({ status: 101, headers, body: null, upgraded }));
    this.#finish();
  }

  /**
   * Hands the head of the response over, and its body piece by piece: `pull` is called whenever a
   * piece is wanted.
   */
  respondStream(
    status: number,
    headers: HeaderList,
    pull: (controller: ReadableStreamDefaultController<Uint8Array>) => Promise<void>,
  ): void {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      pull,
      cancel: () => this.#clientLeft(),
    }, { highWaterMark: 0 });
    this.#resolve?.(ok({ status, headers, body }));
  }

  /** The last piece of the response has been handed over. */
  end(): void {
    this.#controller?.close();
    this.#finish();
    this.request.onEnd({ bytes: this.bytes });
  }

  /** Ends the exchange for a reason: `send` fails with it, or the response's body ends with an error. */
  giveUp(why: Failure): void {
    if (this.over) return;
    this.#finish();
    this.carrier?.destroy();
    if (this.#controller === undefined) {
      this.#resolve?.(fail(why));
      return;
    }
    // Without effect on a body that the client has cancelled.
    this.#controller.error(new Error(why.reason));
    this.request.onEnd({ bytes: this.bytes, failure: why });
  }

  #finish(): void {
    this.over = true;
    if (this.#watching) this.request.signal.removeEventListener("abort", this.#clientLeft);
    this.#owner.over(this);
  }
}
