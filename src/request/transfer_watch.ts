import { type Failure, failure } from "../failure.ts";
import { TRANSFER_SWEEP_MS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import type { ClientLimits } from "./limits.ts";

/** What is called when a client has sent too much, or nothing for too long. */
export interface ClientFaults {
  /** Called at most once a transfer, before the transfer is aborted. */
  onClientFault(why: Failure): void;
}

type Bytes = ReadableStream<Uint8Array>;

/** Stands for the time since which a client is waited for, when it is not. */
const NOT_WAITING = -1;

/**
 * Watches the clients of running transfers. A client that sends nothing of a body that is read, or
 * does not read what is ready for it, for longer than allowed (and up to a second more): its transfer
 * is aborted with `client_timeout`. A body with more bytes than allowed is aborted with
 * `content_too_large`.
 *
 * Waiting for the upstream does not count, neither for its response nor for it to take more of a body.
 * Does not see clients that move a little now and then.
 */
export class TransferWatch {
  readonly #maxBodyBytes: number;
  readonly #idleSweeps: number;
  readonly #clock: Clock;
  readonly #transfers = new Set<Transfer>();
  #stop: (() => void) | undefined;
  #closed = false;
  /** The number of sweeps so far: a clock that costs nothing to read. */
  sweeps = 0;

  constructor(
    { maxBodyBytes, idleTimeoutMs }: Pick<ClientLimits, "maxBodyBytes" | "idleTimeoutMs">,
    clock: Clock,
  ) {
    this.#maxBodyBytes = maxBodyBytes ?? Infinity;
    this.#idleSweeps = Math.ceil(idleTimeoutMs / TRANSFER_SWEEP_MS);
    this.#clock = clock;
  }

  /**
   * The same body of a request, watched from its first use: one that is not read stays untouched,
   * since the server waits for ever for the reader of one that was.
   */
  upload(body: Bytes, faults: ClientFaults): Bytes {
    return streamOf(new Transfer(body, this, faults, true, this.#maxBodyBytes));
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
      if (waitingSince !== NOT_WAITING && now - waitingSince > this.#idleSweeps) {
        transfer.fail(failure("client_timeout"));
      }
    }
  }
}

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
  #bytesLeft: number;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #over = false;

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
    this.#bytesLeft = maxBytes;
    // The client of a response is to take its head first.
    this.waitingSince = upload ? NOT_WAITING : watch.sweeps;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
  }

  /** The other end wants more: the upstream of an upload, the client of a response. */
  pull(): Promise<void> {
    this.waitingSince = this.#upload ? this.#watch.sweeps : NOT_WAITING;
    if (this.#reader === undefined) {
      this.#reader = this.#source.getReader();
      if (this.#upload) this.#watch.begin(this);
    }
    return this.#reader.read().then(this.#onRead, this.#onError);
  }

  readonly #onRead = ({ done, value }: ReadableStreamReadResult<Uint8Array>) => {
    if (this.#over) return;
    if (done) {
      this.#end();
      this.#controller?.close();
      return;
    }
    this.#bytesLeft -= value.length;
    if (this.#bytesLeft < 0) return this.fail(failure("content_too_large"));
    this.waitingSince = this.#upload ? NOT_WAITING : this.#watch.sweeps;
    this.#controller?.enqueue(value);
  };

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
