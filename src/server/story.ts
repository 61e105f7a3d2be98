import type { VerifiedToken } from "../auth/verify.ts";
import { type Failure, isUpstreamFailure, type Reason } from "../failure.ts";
import { MAX_LOGGED_PATH } from "../limits.ts";
import type { AccessLog, AccessRecord } from "../ops/access_log.ts";
import type { Clock } from "../ops/clock.ts";
import type { Decision, Meter } from "../ops/metrics.ts";
import type { BodyEnd } from "../proxy/upstream.ts";
import type { Blamed } from "./client_watch.ts";
import type { Connection } from "./handler.ts";

/** What the story of a request is told with. */
export interface StoryParts {
  readonly accessLog: AccessLog | undefined;
  readonly clock: Clock;
  readonly meter: Meter;
}

/** What is known about a request while it is answered; counted and told once, when all is over. */
export class Story implements Blamed {
  readonly requestId: string;
  path = "";
  caller: VerifiedToken | undefined;
  upstreamMs: number | undefined;
  /** What the client is to blame for, whatever comes of it elsewhere. */
  blamed: Failure | undefined;
  readonly #parts: StoryParts;
  readonly #method: string;
  readonly #client: Connection;
  readonly #timeMs: number;
  readonly #began: number;
  #status: number | undefined;
  #end: BodyEnd | undefined;

  constructor(method: string, connection: Connection, requestId: string, parts: StoryParts) {
    this.requestId = requestId;
    this.#parts = parts;
    this.#method = method;
    this.#client = connection;
    this.#timeMs = parts.clock.now();
    this.#began = parts.clock.monotonic();
    parts.meter.add("inFlight");
  }

  /**
   * The head of the answer is there.
   *
   * @param bytes of its body, where that has come whole.
   * @param now on the clock that never jumps, where it is known.
   */
  answered(status: number, bytes?: number, now?: number): void {
    this.#status = status;
    if (bytes !== undefined) this.#end ??= { bytes };
    this.#tellIfOver(now);
  }

  blame(why: Failure): void {
    this.blamed ??= why;
  }

  /** The body of the answer is over. */
  ended(end: BodyEnd): void {
    if (this.#end !== undefined) return;
    const { blamed } = this;
    this.#end = end.failure !== undefined && blamed !== undefined
      ? { ...end, failure: blamed }
      : end;
    this.#tellIfOver();
  }

  #tellIfOver(now?: number): void {
    if (this.#status === undefined || this.#end === undefined) return;
    const { meter, accessLog, clock } = this.#parts;
    const durationMs = (now ?? clock.monotonic()) - this.#began;
    meter.add("inFlight", 0, -1);
    const reason = this.#end.failure?.reason;
    meter.countRequest(decisionOf(reason), this.#status, reason, durationMs / 1000);
    if (this.upstreamMs !== undefined) meter.observe("upstreamDuration", this.upstreamMs / 1000);
    accessLog?.(this.#record(this.#status, this.#end, durationMs));
  }

  #record(status: number, { bytes, failure }: BodyEnd, durationMs: number): AccessRecord {
    const { subject, clientId } = this.caller ?? {};
    return {
      timeMs: this.#timeMs,
      requestId: this.requestId,
      client: this.#client.address,
      method: this.#method,
      path: this.path.slice(0, MAX_LOGGED_PATH),
      status,
      reason: failure?.reason,
      detail: failure?.detail,
      subject,
      clientId,
      bytes,
      durationMs,
      upstreamMs: this.upstreamMs,
    };
  }
}

function decisionOf(reason: Reason | undefined): Decision {
  if (reason === undefined) return "allowed";
  return isUpstreamFailure(reason) ? "failed" : "refused";
}
