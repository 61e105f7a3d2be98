import { Buffer } from "node:buffer";
import { failure } from "../../failure.ts";
import {
  MAX_INTERIM_RESPONSES,
  MAX_RESPONSE_HEAD_BYTES,
  UPSTREAM_HEAD_BUFFER_BYTES,
  UPSTREAM_READ_BYTES,
} from "../../limits.ts";
import { messageOf } from "../../text.ts";
import type { Wire } from "../dial.ts";
import { ResponseBody } from "./response_body.ts";
import { type BodyDecoder, ChunkedDecoder, CloseDecoder, LengthDecoder } from "./body_decoder.ts";
import type { Exchange } from "./exchange.ts";
import { contentLength, writeRequestHead } from "./request_head.ts";
import {
  findHeadEnd,
  mayBeResponse,
  NOT_HTTP,
  parseResponseHead,
  type ResponseHead,
} from "./response_head.ts";
import { startUpload, type Upload } from "./upload.ts";

const NOTHING = new Uint8Array();

/** What a connection reports to its owner. */
export interface ConnectionOwner {
  /** Text between the origin and every target. */
  readonly prefix: string;
  /** The connection can carry another exchange. */
  ready(connection: Http1Connection): void;
  /** The connection is closed, by whom it was handed over to if it speaks another protocol. */
  gone(connection: Http1Connection): void;
  /** The connection was stale: the exchange, which left no trace, may be carried by another one. */
  retry(exchange: Exchange): void;
  /** The response is a stream of events and lasts as long as events come. */
  lasts(exchange: Exchange): void;
}

/** Methods whose effect is the same when they come twice (RFC 9110, section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/**
 * One connection to the upstream, which carries one exchange at a time (RFC 9112).
 *
 * While it waits for a request or a response, a read is always pending: an upstream that closes, or
 * sends something between two exchanges, is noticed at once and the connection never used again. The
 * same goes for everything that the RFC does not allow. A response too many that comes when the next
 * request has been sent cannot be told from the response to that one.
 */
export class Http1Connection {
  /** When it was opened, on the monotonic clock. */
  readonly openedAt: number;
  /** Since when it waits for an exchange; kept by the pool. */
  idleSince = 0;
  /** After how many seconds without an exchange the upstream said it closes. */
  idleSecs: number | undefined;
  readonly #wire: Wire;
  readonly #owner: ConnectionOwner;
  #open = true;
  #exchange: Exchange | undefined;
  /** Whether it has carried an exchange before, so that the upstream may have closed it meanwhile. */
  #used = false;

  #input = new Uint8Array(UPSTREAM_READ_BYTES);
  /** The same bytes, for the parser. */
  #text = Buffer.from(this.#input.buffer);
  /** Up to where `#input` has been read into, and from where no head's end has been looked for. */
  #filled = 0;
  #headAt = 0;
  #scanned = 0;
  #interim = 0;

  #output = new Uint8Array(UPSTREAM_HEAD_BUFFER_BYTES);
  /** What is being written; `undefined` once it is. */
  #unwritten: Uint8Array | undefined;
  #tookNothing = false;
  #respondedEarly = false;
  #upload: Upload | undefined;

  constructor(wire: Wire, openedAt: number, owner: ConnectionOwner) {
    this.#wire = wire;
    this.openedAt = openedAt;
    this.#owner = owner;
    this.#read();
  }

  /** The exchange that it carries. */
  get exchange(): Exchange | undefined {
    return this.#exchange;
  }

  /** Whether it has carried an exchange to its end. */
  get used(): boolean {
    return this.#used;
  }

  /** Whether all of the request has been sent: from then on it is the upstream's turn. */
  get sent(): boolean {
    return this.#upload === undefined || this.#upload.whole;
  }

  /** Carries an exchange. Only for one that is ready. */
  start(exchange: Exchange): void {
    const { method, pathAndQuery, headers, body } = exchange.request;
    const length = body === null ? undefined : contentLength(headers);
    const head = Number.isNaN(length) ? undefined : writeRequestHead({
      method,
      target: this.#owner.prefix + pathAndQuery,
      headers,
      chunked: body !== null && length === undefined,
    }, this.#output);
    if (head === undefined) {
      exchange.giveUp(failure("bad_target", "a character that cannot be sent"));
      this.#owner.ready(this);
      return;
    }
    exchange.carrier = this;
    this.#exchange = exchange;
    this.#tookNothing = false;
    if (body === null) {
      this.#write(head);
      return;
    }
    this.#upload = startUpload(this.#wire, head, body, length, {
      broken: (why) =>
        exchange.giveUp(exchange.request.signal.aborted ? failure("client_gone") : why),
    });
  }

  /** Closes at once; does not end the exchange. */
  destroy(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#exchange = undefined;
    this.#upload?.stop();
    this.#wire.close();
    this.#owner.gone(this);
  }

  #write(bytes: Uint8Array): void {
    this.#unwritten = bytes;
    this.#wire.write(bytes).then(this.#onWritten, this.#onWriteError);
  }

  readonly #onWritten = (count: number) => {
    const bytes = this.#unwritten;
    if (bytes === undefined || !this.#open) return;
    if (count < bytes.length) {
      this.#write(bytes.subarray(count));
      return;
    }
    this.#unwritten = undefined;
    if (this.#respondedEarly) this.#becomeReady();
  };

  /** The pending read shows the state of the connection. */
  readonly #onWriteError = () => {
    this.#tookNothing = this.#unwritten?.byteOffset === 0;
    if (this.#respondedEarly) this.destroy();
  };

  #read(): void {
    const { length } = this.#input;
    const into = this.#filled === 0 ? this.#input : this.#input.subarray(this.#filled, length);
    this.#wire.read(into).then(this.#onRead, this.#onReadError);
  }

  readonly #onRead = (count: number | null) => {
    if (!this.#open) return;
    const exchange = this.#exchange;
    // Closed, or sent something unasked.
    if (exchange === undefined) this.destroy();
    else if (count === null) this.#lose(exchange, "closed before the response");
    else {
      this.#filled += count;
      this.#readHead(exchange);
    }
  };

  readonly #onReadError = (error: unknown) => {
    if (!this.#open) return;
    if (this.#exchange === undefined) this.destroy();
    else this.#lose(this.#exchange, messageOf(error));
  };

  /** The connection is gone before the head of the response has come. */
  #lose(exchange: Exchange, detail: string): void {
    const { method, body } = exchange.request;
    const stale = this.#used && this.#filled === 0 && !exchange.retried;
    const again = stale && body === null && (this.#tookNothing || IDEMPOTENT.has(method));
    this.destroy();
    if (again) this.#owner.retry(exchange);
    else exchange.giveUp(failure("upstream_broken", detail));
  }

  #break(exchange: Exchange, detail: string): void {
    this.destroy();
    exchange.giveUp(failure("upstream_broken", detail));
  }

  /** Looks for the head of the response in what has come so far. */
  #readHead(exchange: Exchange): void {
    for (;;) {
      const end = findHeadEnd(this.#input, this.#scanned, this.#filled);
      if (end === -1) {
        // No more has to come to know this, and no more may.
        if (!mayBeResponse(this.#input, this.#headAt, this.#filled)) {
          return this.#break(exchange, NOT_HTTP);
        }
        this.#scanned = Math.max(this.#headAt, this.#filled - 3);
        if (this.#filled === this.#input.length && !this.#grow()) {
          this.#break(exchange, "a head that is too long");
        } else this.#read();
        return;
      }
      const head = parseResponseHead(this.#text, this.#headAt, end);
      if (typeof head === "string") return this.#break(exchange, head);
      if (head.status >= 200) return this.#respond(exchange, head, end);
      if (head.status === 101) return this.#switchProtocols(exchange, head, end);
      if (++this.#interim > MAX_INTERIM_RESPONSES) {
        return this.#break(exchange, "too many interim responses");
      }
      this.#headAt = this.#scanned = end;
    }
  }

  /** Leaves the connection to the caller, who asked for another protocol, with what came from `restAt` on. */
  #switchProtocols(exchange: Exchange, head: ResponseHead, restAt: number): void {
    if (exchange.request.upgrade !== true || this.#unwritten !== undefined) {
      return this.#break(exchange, "a switch of protocols that was not asked for");
    }
    this.#open = false;
    this.#exchange = undefined;
    const rest = this.#input.slice(restAt, this.#filled);
    // It lasts, and needs its buffers no more.
    this.#input = this.#output = NOTHING;
    this.#text = Buffer.from(NOTHING.buffer);
    exchange.respondUpgraded(head.headers, { wire: this.#handedOver(), rest });
  }

  /** The wire for somebody else, which still counts as this connection until it is closed. */
  #handedOver(): Wire {
    const [wire, owner] = [this.#wire, this.#owner];
    return {
      read: (into) => wire.read(into),
      write: (from) => wire.write(from),
      close: () => {
        wire.close();
        owner.gone(this);
      },
    };
  }

  #grow(): boolean {
    const { length } = this.#input;
    if (length >= MAX_RESPONSE_HEAD_BYTES) return false;
    const larger = new Uint8Array(Math.min(2 * length, MAX_RESPONSE_HEAD_BYTES));
    larger.set(this.#input);
    this.#input = larger;
    this.#text = Buffer.from(larger.buffer);
    return true;
  }

  /** Hands the response over; its body starts at `bodyAt`. */
  #respond(exchange: Exchange, head: ResponseHead, bodyAt: number): void {
    const { status, keepAlive } = head;
    this.idleSecs = head.idleSecs;
    const decoder = bodyDecoder(exchange.request.method, head);
    if (decoder === undefined) {
      const odd = isOdd(head);
      const clean = keepAlive && !odd && bodyAt === this.#filled;
      const headers = odd
        ? head.headers.filter(([name]) => name !== "content-length")
        : head.headers;
      exchange.respondWhole(status, headers, null);
      this.#finish(clean);
      return;
    }
    const wrong = decoder.decode(this.#input, bodyAt, this.#filled);
    if (wrong === undefined && decoder.done) {
      const body = this.#input.slice(decoder.start, decoder.end);
      const clean = keepAlive && decoder.used === this.#filled;
      exchange.respondWhole(status, head.headers, body);
      this.#finish(clean);
      return;
    }
    if (head.events) this.#owner.lasts(exchange);
    const body = new ResponseBody(exchange, decoder, this.#wire, this.#input, {
      wrong,
      ended: (clean) => this.#finish(clean && keepAlive),
      moved: () => head.events && this.#owner.lasts(exchange),
    });
    exchange.respondStream(status, head.headers, (controller) => body.pull(controller));
  }

  /** The response has come whole; `clean` if the connection can carry another exchange. */
  #finish(clean: boolean): void {
    if (!this.#open) return;
    const upload = this.#upload;
    this.#exchange = undefined;
    upload?.stop();
    if (!clean || (upload !== undefined && !upload.whole)) this.destroy();
    else if (this.#unwritten === undefined) this.#becomeReady();
    else this.#respondedEarly = true;
  }

  #becomeReady(): void {
    this.#used = true;
    this.#respondedEarly = false;
    this.#upload = undefined;
    this.#filled =
      this.#headAt =
      this.#scanned =
      this.#interim =
        0;
    this.#read();
    this.#owner.ready(this);
  }
}

/** How the body of a response is to be read; `undefined` where there is none (RFC 9112, section 6.3). */
function bodyDecoder(method: string, head: ResponseHead): BodyDecoder | undefined {
  const { status, length, chunked } = head;
  if (method === "HEAD" || status === 204 || status === 205 || status === 304) return undefined;
  if (chunked) return new ChunkedDecoder();
  if (length === undefined) return new CloseDecoder();
  return length === 0 ? undefined : new LengthDecoder(length);
}

/**
 * Whether a response that has no body says that it has one. A 205 is framed as any other response, but
 * must not have content (RFC 9110, section 15.3.6); any that it has is dropped.
 */
function isOdd({ status, length, chunked }: ResponseHead): boolean {
  if (status === 204) return chunked || (length ?? 0) > 0;
  return status === 205 && length !== 0;
}
