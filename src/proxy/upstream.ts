import type { Failure } from "../failure.ts";
import type { Result } from "../result.ts";
import type { Wire } from "./dial.ts";
import type { HeaderList } from "./headers.ts";

/** One request to the upstream. */
export interface UpstreamRequest {
  readonly method: string;
  /** Path and query as the client sent them; the upstream's own path comes before it. */
  readonly pathAndQuery: string;
  /** Fields without hop-by-hop ones; names in lower case. */
  readonly headers: HeaderList;
  /** `null` where the request has no body. */
  readonly body: ReadableStream<Uint8Array> | null;
  /** Whether it asks for another protocol, so that a 101 is a good response to it; for `SendUpgrade`. */
  readonly upgrade?: boolean;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  /**
   * Called once for a response whose body is a stream: when it has been handed over whole, or why it
   * was not. A response without a stream is over when `send` resolves with it.
   */
  onEnd(end: BodyEnd): void;
}

/** How the transfer of a response's body ended. */
export interface BodyEnd {
  readonly bytes: number;
  readonly failure?: Failure;
}

/** The head of the upstream's response, and its body as it arrives. */
export interface UpstreamResponse {
  readonly status: number;
  /** As the upstream sent them, hop-by-hop fields included; names in lower case. */
  readonly headers: Iterable<[string, string]>;
  /**
   * Bytes where all of it has arrived already. A stream errors when the upstream fails, so that
   * a part never looks like the whole. A piece of it is there until the next one is asked for: who keeps
   * it for longer copies it.
   */
  readonly body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;
  /** With a 101 to a request for another protocol, and with nothing else. */
  readonly upgraded?: UpgradedConnection;
}

/** A connection on which the upstream speaks another protocol now. Its receiver has to close it. */
export interface UpgradedConnection {
  readonly wire: Wire;
  /** What came right behind the head of the response. */
  readonly rest: Uint8Array<ArrayBuffer>;
}

/**
 * How many connections to the upstream a worker has, those that carry WebSockets among them. All its
 * pools count here: a reload makes a new one, while requests and WebSockets of earlier ones go on.
 */
export interface ConnectionCount {
  open: number;
  /** Those that are being opened. */
  opening: number;
}

/** One way of talking to the protected API. */
export interface Upstream {
  /**
   * Sends one request and resolves with the head of the response. Redirects are responses like any other;
   * the target is never resolved against anything but the configured upstream.
   *
   * Failures: `upstream_refused`, `upstream_broken`, `upstream_timeout`, `upstream_busy`, `client_gone`,
   * `broken_body`, `bad_target` where this transport cannot keep the target as it is.
   */
  send(request: UpstreamRequest): Promise<Result<UpstreamResponse, Failure>>;
  /** Closes idle connections. */
  close(): void;
}

/**
 * Sends a request that asks for another protocol: `upgrade` is set, `body` is `null`, and the fields
 * that ask are among its headers. Resolves with a 101 and its connection, or with a response like any
 * other. Does not check that the 101 is for the protocol asked for.
 *
 * Failures: those of `Upstream.send`.
 */
export type SendUpgrade = (
  request: UpstreamRequest,
) => Promise<Result<UpstreamResponse, Failure>>;
