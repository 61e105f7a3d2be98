import type { Identity } from "../auth/identity.ts";
import type { Failure } from "../failure.ts";
import { MAX_LOGGED_PATH } from "../limits.ts";
import type { Connection } from "../listen/connection.ts";
import type { AccessLog, AccessRecord } from "../ops/access_log.ts";
import type { Clock } from "../ops/clock.ts";
import { UNNAMED } from "../provider_name.ts";
import type { Meter } from "../ops/meter.ts";
import type { Deprecated } from "../ops/metrics.ts";
import type { BodyEnd } from "../proxy/upstream.ts";
import type { ClientFaults } from "./transfer_watch.ts";

/** Where a record goes when its request is completed. */
export interface RecordSinks {
  readonly accessLog: AccessLog | undefined;
  readonly clock: Clock;
  readonly meter: Meter;
}

/**
 * What becomes known about a request while it is carried out; counted and logged once, when it is
 * completed: the head of its response is known, and the body has ended.
 */
export class RequestRecord implements ClientFaults {
  readonly requestId: string;
  readonly #sinks: RecordSinks;
  readonly #method: string;
  readonly #client: Connection;
  readonly #timeMs: number;
  readonly #began: number;
  #path = "";
  #identity: Identity | undefined;
  #allowed = false;
  #clientFault: Failure | undefined;
  #upstreamMs: number | undefined;
  #status: number | undefined;
  #end: BodyEnd | undefined;

  constructor(method: string, connection: Connection, requestId: string, sinks: RecordSinks) {
    this.requestId = requestId;
    this.#sinks = sinks;
    this.#method = method;
    this.#client = connection;
    this.#timeMs = sinks.clock.now();
    this.#began = sinks.clock.monotonic();
    sinks.meter.add("inFlight");
    const { load } = connection;
    if (load !== undefined) load.running++;
  }

  /** The path that is asked for, without the query. */
  asksFor(path: string): void {
    this.#path = path;
  }

  /**
   * The caller, from a verified token.
   *
   * @param deprecated what made the rule accept the token and ends some day.
   */
  calledBy(identity: Identity, deprecated?: Deprecated): void {
    this.#identity = identity;
    if (identity.deprecated !== undefined || deprecated !== undefined) {
      for (const what of [identity.deprecated, deprecated]) {
        if (what !== undefined) this.#sinks.meter.countDeprecated(identity.provider, what);
      }
    }
  }

  /** The decision is to let it through: from now on it counts towards `MAX_REQUESTS`. */
  allowed(): void {
    this.#allowed = true;
    this.#sinks.meter.add("allowedInFlight");
  }

  /** The client sent too much, or nothing for too long: that is the reason logged, not what follows from it. */
  onClientFault(why: Failure): void {
    this.#clientFault ??= why;
  }

  /** The limit that the client broke, if any. */
  get clientFault(): Failure | undefined {
    return this.#clientFault;
  }

  /** The upstream's response head took so long, in milliseconds. */
  upstreamTook(ms: number): void {
    this.#upstreamMs = ms;
  }

  /**
   * The head of the response is known.
   *
   * @param bytes of its body, where all of it has arrived.
   * @param now on the monotonic clock, where it is known.
   */
  responded(status: number, bytes?: number, now?: number): void {
    this.#status = status;
    if (bytes !== undefined) this.#end ??= { bytes };
    this.#emitIfCompleted(now);
  }

  /** The body of the response has ended. */
  finish(end: BodyEnd): void {
    if (this.#end !== undefined) return;
    const fault = this.#clientFault;
    this.#end = end.failure !== undefined && fault !== undefined ? { ...end, failure: fault } : end;
    this.#emitIfCompleted();
  }

  #emitIfCompleted(now?: number): void {
    if (this.#status === undefined || this.#end === undefined) return;
    const { meter, accessLog, clock } = this.#sinks;
    const durationMs = (now ?? clock.monotonic()) - this.#began;
    meter.add("inFlight", 0, -1);
    if (this.#allowed) meter.add("allowedInFlight", 0, -1);
    const { load } = this.#client;
    if (load !== undefined) load.running--;
    meter.countRequest(this.#status, this.#end.failure?.reason, durationMs / 1000);
    if (this.#upstreamMs !== undefined) meter.observe("upstreamDuration", this.#upstreamMs / 1000);
    accessLog?.(this.#record(this.#status, this.#end, durationMs));
  }

  #record(status: number, { bytes, failure }: BodyEnd, durationMs: number): AccessRecord {
    const { provider, subject, clientId } = this.#identity ?? {};
    return {
      timeMs: this.#timeMs,
      requestId: this.requestId,
      client: this.#client.address,
      method: this.#method,
      path: this.#path.slice(0, MAX_LOGGED_PATH),
      status,
      reason: failure?.reason,
      detail: failure?.detail,
      verified: this.#identity !== undefined,
      provider: provider === UNNAMED ? undefined : provider,
      subject,
      clientId,
      bytes,
      durationMs,
      upstreamMs: this.#upstreamMs,
    };
  }
}
