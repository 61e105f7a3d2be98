import { failure } from "../../failure.ts";
import type { Clock } from "../../ops/clock.ts";
import type { Dial } from "../dial.ts";
import type { SendUpgrade } from "../upstream.ts";
import { Http1Connection } from "./connection.ts";
import { Exchange } from "./exchange.ts";

/** How the upstream is reached, and how long it may take. */
export interface UpgradeOptions {
  /** Opens a connection to it. */
  readonly dial: Dial;
  /** Text between the origin and every target. */
  readonly prefix: string;
  /** Time from the open connection to the head of the response, in milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** Total time of a response that is not a 101, its body included, in milliseconds. */
  readonly timeoutMs: number;
  /** How long such a response may be silent if it is a stream of events, in milliseconds. */
  readonly idleTimeoutMs: number;
}

/**
 * Requests for another protocol over HTTP/1.1 (RFC 9110, section 7.8), each on a connection of its
 * own: after a 101 it is the caller's, after any other response it is closed.
 */
export function makeSendUpgrade(options: UpgradeOptions, clock: Clock): SendUpgrade {
  const { dial, prefix, handshakeTimeoutMs, timeoutMs, idleTimeoutMs } = options;
  return async (request) => {
    const dialled = await dial();
    if (!dialled.ok) return dialled;
    const openedAt = clock.monotonic();
    let cancelDeadline = () => {};
    const cancelHandshake = clock.after(handshakeTimeoutMs, timeOut);
    const exchange = new Exchange(request, openedAt, timeoutMs, {
      over() {
        cancelHandshake();
        cancelDeadline();
      },
    });
    const connection = new Http1Connection(dialled.value, openedAt, {
      prefix,
      ready: () => connection.destroy(),
      gone() {},
      // Never called: only a connection that was used before is stale.
      retry: () => exchange.giveUp(failure("upstream_broken")),
      lasts() {
        exchange.deadline = clock.monotonic() + idleTimeoutMs;
        cancelDeadline();
        checkDeadline();
      },
    });
    exchange.carrier = connection;

    function timeOut(): void {
      exchange.giveUp(failure("upstream_timeout"));
    }

    function checkDeadline(): void {
      const left = exchange.deadline - clock.monotonic();
      if (left > 0) cancelDeadline = clock.after(left, checkDeadline);
      else timeOut();
    }

    checkDeadline();
    exchange.watchClient();
    if (!exchange.over) connection.start(exchange);
    const response = await exchange.response;
    cancelHandshake();
    return response;
  };
}
