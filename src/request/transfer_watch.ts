import { type Failure, failure } from "../failure.ts";
import { MIN_RATE_AFTER_MS, TRANSFER_SWEEP_MS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import type { ClientLimits } from "./limits.ts";

/** What is called when a client has sent too much, or nothing for too long. */
export interface ClientFaults {
  /** Called at most once a transfer, before the transfer is aborted. */
  onClientFault(why: Failure): void;
}

type Bytes = ReadableStream<Uint8Array>;
type Piece = ReadableStreamReadResult<Uint8Array>;

/** Stands for the time since which a client is waited for, when it is not. */
const NOT_WAITING = -1;

/** The sweeps in which a client has to be waited for before its rate counts. */
const MIN_RATE_SWEEPS = MIN_RATE_AFTER_MS / TRANSFER_SWEEP_MS;

/** What a watch needs to know of the limits for clients. */
type TransferLimits = Pick<ClientLimits, "maxBodyBytes" | "idleTimeoutMs" | "minRate">;

/**
 * Watches the clients of running transfers. A client that sends nothing of a body that is read, or
 * does not read what is ready for it, for longer than allowed (and up to a second more): its transfer
 * is aborted with `client_timeout`. So is an upload that is too slow on the whole, once its client has
 * been waited for long enough. A body with more bytes than allowed is aborted with `content_too_large`.
 *
 * Waiting for the upstream does not count, neither for its response nor for it to take more of a body.
 * Does not see clients that read a little of a response now and then.
 */
export class TransferWatch {
  readonly #maxBodyBytes: number;
  readonly #idleSweeps: number;
  readonly #bytesPerSweep: number;
  readonly #clock: Clock;
  readonly #transfers = new Set<Transfer>();
  #stop: (() => void) | undefined;
  #closed = false;
  /** The number of sweeps so far: a clock that costs nothing to read. */
  sweeps = 0;

  constructor({ maxBodyBytes, idleTimeoutMs, minRate }: TransferLimits, clock: Clock) {
    this.#maxBodyBytes = maxBodyBytes ?? Infinity;
    this.#idleSweeps = Math.ceil(idleTimeoutMs / TRANSFER_SWEEP_MS);
    this.#bytesPerSweep = minRate * TRANSFER_SWEEP_MS / 1000;
    this.#clock = clock;
  }

  /**
   * The same body of a request, watched, as soon as its first byte is there; `null` if it ends without
   * one.
   *
   * Fails with the client's fault, or with `broken_body` when the body is aborted before that.
   */
  async upload(body: Bytes, faults: ClientFaults): Promise<Result<Bytes | null, Failure>> {
    const transfer = new Transfer(body, this, faults, true, this.#maxBodyBytes);
    const begun = await transfer.first();
    if (begun === undefined) return fail(transfer.why ?? ABORTED);
    return ok(begun ? streamOf(transfer) : null);
  }

  /** The same body of a response, watched. */
  download(body: Bytes, faults: ClientFaults): Bytes {
    const transfer = new Transfer(body, this, faults, false, Infinity);
    this.begin(transfer);
    return streamOf(transfer);
  }

  /** A transfer is to be looked at from now on. */
  begin(transfer: Transfer): void {
    this.#transfers.add(transfer);
    this.#stop ??= this.#sweepLater();
  }

  /** A transfer is over. */
  over(transfer: Transfer): void {
    this.#transfers.delete(transfer);
    if (this.#closed) this.#stopIfUnused();
  }

  /** No more transfers begin; those that run are watched until they end. */
  close(): void {
    this.#closed = true;
    this.#stopIfUnused();
  }

  #stopIfUnused(): void {
    if (this.#transfers.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  #sweepLater(): () => void {
    return this.#clock.after(TRANSFER_SWEEP_MS, () => this.#sweep());
  }

  #sweep(): void {
    const now = ++this.sweeps;
    // Kept for the transfers to come: a timer for each would cost more than all else here.
    this.#stop = this.#transfers.size > 0 ? this.#sweepLater() : undefined;
    for (const transfer of [...this.#transfers]) {
      const { waitingSince } = transfer;
      if (waitingSince === NOT_WAITING) continue;
      if (now - waitingSince > this.#idleSweeps || transfer.isTooSlow(this.#bytesPerSweep)) {
        transfer.fail(failure("client_timeout"));
      }
    }
  }
}

const ABORTED = failure("broken_body", "the client's body was aborted");

function streamOf(transfer: Transfer): Bytes {
  return new ReadableStream(transfer, { highWaterMark: 0 });
}

/** A body on its way; as an object with methods, it is the source of the stream that goes on. */
class Transfer implements UnderlyingDefaultSource<Uint8Array> {
  /** The sweep since which the client is waited for. */
  waitingSince: number;
  readonly #source: Bytes;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #watch: TransferWatch;
  readonly #faults: ClientFaults;
  readonly #upload: boolean;
  readonly #maxBytes: number;
  #bytes = 0;
  /** The sweeps that found the client of an upload waited for. */
  #waited = 0;
  /** The beginning of an upload, until it is wanted. */
  #first: Uint8Array | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #over = false;
  /** Why it was aborted here. */
  why: Failure | undefined;

  constructor(
    source: Bytes,
    watch: TransferWatch,
    faults: ClientFaults,
    upload: boolean,
    maxBytes: number,
  ) {
    this.#source = source;
    this.#watch = watch;
    this.#faults = faults;
    this.#upload = upload;
    this.#maxBytes = maxBytes;
    // The client of a response is to take its head first.
    this.waitingSince = upload ? NOT_WAITING : watch.sweeps;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
  }

  /**
   * Waits for the first byte of an upload.
   *
   * @returns whether there is one before the end; `undefined` if the upload is aborted.
   */
  async first(): Promise<boolean | undefined> {
    const reader = this.#reader = this.#source.getReader();
    this.#wait();
    let piece: Piece;
    try {
      // The server begins a body that has nothing in it with an empty piece.
      do piece = await reader.read(); while (!piece.done && piece.value.length === 0);
    } catch {
      this.#end();
      return undefined;
    }
    if (this.#over || (!piece.done && !this.#count(piece.value))) return undefined;
    if (piece.done) {
      this.#end();
      return false;
    }
    this.#first = piece.value;
    // Until the upstream wants it.
    this.#watch.over(this);
    return true;
  }

  /** Whether an upload has brought fewer bytes in each sweep that waited for its client than it has to. */
  isTooSlow(bytesPerSweep: number): boolean {
    return this.#upload && ++this.#waited >= MIN_RATE_SWEEPS &&
      this.#bytes < this.#waited * bytesPerSweep;
  }

  /** The other end wants more: the upstream of an upload, the client of a response. */
  pull(): Promise<void> | void {
    const first = this.#first;
    if (first !== undefined) {
      this.#first = undefined;
      this.#controller?.enqueue(first);
      return;
    }
    if (this.#upload) this.#wait();
    else this.waitingSince = NOT_WAITING;
    this.#reader ??= this.#source.getReader();
    return this.#reader.read().then(this.#onRead, this.#onError);
  }

  /** From now on the client of an upload is waited for. */
  #wait(): void {
    this.waitingSince = this.#watch.sweeps;
    this.#watch.begin(this);
  }

  readonly #onRead = ({ done, value }: Piece) => {
    if (this.#over) return;
    if (done) {
      this.#end();
      this.#controller?.close();
    } else if (this.#count(value)) this.#controller?.enqueue(value);
  };

  /** Counts a piece that has come; false if it is one too many, which aborts the transfer. */
  #count(piece: Uint8Array): boolean {
    this.#bytes += piece.length;
    if (this.#bytes > this.#maxBytes) {
      this.fail(failure("content_too_large"));
      return false;
    }
    this.waitingSince = this.#upload ? NOT_WAITING : this.#watch.sweeps;
    return true;
  }

  readonly #onError = (error: unknown) => {
    if (this.#end()) this.#controller?.error(error);
  };

  cancel(reason: unknown): Promise<void> {
    this.#end();
    return (this.#reader ?? this.#source).cancel(reason);
  }

  /** Aborts the transfer, towards both ends. */
  fail(why: Failure): void {
    if (!this.#end()) return;
    this.why = why;
    this.#faults.onClientFault(why);
    this.#controller?.error(new Error(why.reason));
    // A body that has ended already has nothing to cancel.
    (this.#reader ?? this.#source).cancel().catch(() => {});
  }

  /** Whether it was not over yet. */
  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#watch.over(this);
    return true;
  }
}
