/**
 * The relay between a client's WebSocket, of which the runtime shows whole messages, and an upstream
 * whose frames we read and write ourselves.
 */
import { type Failure, failure } from "../../failure.ts";
import {
  WEBSOCKET_CLOSE_TIMEOUT_MS,
  WEBSOCKET_DRAIN_POLL_MS,
  WEBSOCKET_HIGH_WATER_BYTES,
  WEBSOCKET_LOW_WATER_BYTES,
  WEBSOCKET_MAX_MESSAGE_BYTES,
  WEBSOCKET_MAX_WAITING_BYTES,
  WEBSOCKET_READ_BYTES,
} from "../../limits.ts";
import type { Clock } from "../../ops/clock.ts";
import type { Wire } from "../dial.ts";
import type { BodyEnd } from "../upstream.ts";
import { type Closing, encodeClosing, FrameReader, type Incoming, Opcode } from "./frames.ts";
import { makeFrameWriter } from "./frame_writer.ts";

/** What a relay connects, and how long it lasts. */
export interface RelayOptions {
  /** The client's side; `binaryType` has to be `arraybuffer`. May still be connecting. */
  readonly client: WebSocket;
  /** Aborts if the client goes away before its side is open, which `client` does not show. */
  readonly signal: AbortSignal;
  /** The upstream's side, after the handshake. It is closed here. */
  readonly wire: Wire;
  /** What came from the upstream right behind its handshake. */
  readonly rest: Uint8Array;
  /** How long neither side may send anything, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** When the token ends, in milliseconds since the epoch; `undefined` to go on. */
  readonly expiresAtMs: number | undefined;
  readonly clock: Clock;
  /** Called once, when all is over. */
  readonly onEnd: (end: RelayEnd) => void;
}

/** How a relay ended; `bytes` are the payload's that went to the client. */
export interface RelayEnd extends BodyEnd {
  /** The code that the client's side ended with; 1005 for a close without one, 1006 for none. */
  readonly code: number;
}

/** One open relay. */
export interface Relay {
  /** Closes both sides (1001) and resolves when all is over. */
  close(): Promise<void>;
}

/** What is said to each side at the end. */
interface Ending {
  /** To the client; `undefined` if it has closed itself. */
  readonly client?: Closing;
  /** To the upstream; `undefined` to break the connection off, so that it sees no close frame. */
  readonly upstream?: Closing;
  /** What the client's side ended with, where it was the client that ended it. */
  readonly code?: number;
  readonly failure?: Failure;
}

/** Codes of RFC 6455, section 7.4.1, and of its registry. */
const Code = {
  GoingAway: 1001,
  None: 1005,
  Abnormal: 1006,
  Policy: 1008,
  TooBig: 1009,
  Internal: 1011,
  TryLater: 1013,
} as const;

const encoder = new TextEncoder();

/**
 * Starts a relay (RFC 6455, sections 5 to 7). Each message goes on as it came, text as text; close
 * codes and reasons go on both ways, a close without a code too.
 *
 * - Pings of the upstream get their pong here; those of the client from the runtime, which hides them.
 * - While the client is slow, the upstream is not read. The client cannot be paused: what waits for a
 *   slow upstream is bounded, and beyond it the relay ends (client: 1013; a single message that is
 *   too big: 1009).
 * - A client that leaves without a close frame is not made up for: the upstream sees its connection
 *   end the same way. An upstream that does so, or breaks the protocol, ends the client's side with 1011.
 * - Both sides get 1001 when neither has sent anything for the idle time; when the token ends, the
 *   client gets 1008.
 *
 * A client that never replies to our close frame keeps its connection: the runtime has no way to cut it.
 */
export function startRelay(options: RelayOptions): Relay {
  const { client, wire, clock } = options;
  const writer = makeFrameWriter(wire);
  const clientClosed = Promise.withResolvers<void>();
  const upstreamClosed = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const timers = makeTimers(options, end);
  let reading = Promise.resolve();
  let bytes = 0;
  let ended = false;
  let wake = () => {};

  function end(ending: Ending): void {
    if (ended) return;
    ended = true;
    timers.cancel();
    wake();
    void finish(ending);
  }

  async function finish({ client: toClient, upstream, code, failure }: Ending): Promise<void> {
    if (toClient !== undefined) closeClient(client, toClient);
    if (upstream === undefined) upstreamClosed.resolve();
    else writer.send(Opcode.Close, encodeClosing(upstream));
    const late = Promise.withResolvers<void>();
    const cancelTimer = clock.after(WEBSOCKET_CLOSE_TIMEOUT_MS, late.resolve);
    const closed = Promise.all([clientClosed.promise, upstreamClosed.promise]);
    await Promise.race([closed, late.promise]);
    cancelTimer();
    wire.close();
    await reading;
    await writer.flushed();
    options.onEnd({
      bytes,
      code: code ?? toClient?.code ?? Code.None,
      ...(failure === undefined ? {} : { failure }),
    });
    over.resolve();
  }

  function toUpstream(opcode: number, payload: Uint8Array): void {
    if (payload.length > WEBSOCKET_MAX_MESSAGE_BYTES) {
      end({ client: { code: Code.TooBig, reason: "message too big" }, upstream: LEAVING });
    } else if (writer.waiting + payload.length > WEBSOCKET_MAX_WAITING_BYTES) {
      end({ client: { code: Code.TryLater, reason: "upstream too slow" }, upstream: LEAVING });
    } else writer.send(opcode, payload);
  }

  function onMessage({ data }: MessageEvent): void {
    if (ended) return;
    timers.touch();
    if (typeof data === "string") toUpstream(Opcode.Text, encoder.encode(data));
    else if (data instanceof ArrayBuffer) toUpstream(Opcode.Binary, new Uint8Array(data));
  }

  function onClose({ code, reason, wasClean }: CloseEvent): void {
    clientClosed.resolve();
    if (!wasClean) end({ code: Code.Abnormal, failure: failure("client_gone") });
    else if (code === Code.None) end({ upstream: { reason: "" }, code });
    else end({ upstream: { code, reason }, code });
  }

  /** Passes on what came; false if nothing more will come. */
  async function take(incoming: Incoming): Promise<boolean> {
    switch (incoming.kind) {
      case "text":
      case "binary":
        if (ended) return true;
        client.send(incoming.data);
        bytes += incoming.size;
        return true;
      case "ping":
        if (!ended) toUpstream(Opcode.Pong, incoming.data);
        return true;
      case "pong":
        return true;
      case "close":
        end({ client: incoming.closing, upstream: incoming.closing });
        break;
      case "wrong":
        end({
          client: { code: Code.Internal, reason: "the upstream broke the protocol" },
          upstream: { code: incoming.code, reason: incoming.detail },
          failure: failure("upstream_broken", incoming.detail),
        });
    }
    await writer.flushed();
    return false;
  }

  async function readUpstream(): Promise<void> {
    const frames = new FrameReader(WEBSOCKET_MAX_MESSAGE_BYTES);
    const room = new Uint8Array(WEBSOCKET_READ_BYTES);
    let arrived: Uint8Array | null = options.rest;
    while (arrived !== null) {
      for (const incoming of frames.take(arrived)) {
        if (!await take(incoming)) return;
      }
      await clientReady();
      arrived = await readSome(wire, room);
      timers.touch();
    }
    end({
      client: { code: Code.Internal, reason: "the upstream closed the connection" },
      failure: failure("upstream_broken", "closed without a close frame"),
    });
  }

  /** Waits while too much is on its way to the client. */
  async function clientReady(): Promise<void> {
    let unsent = client.bufferedAmount;
    if (unsent < WEBSOCKET_HIGH_WATER_BYTES) return;
    while (!ended && unsent > WEBSOCKET_LOW_WATER_BYTES) {
      const woken = Promise.withResolvers<void>();
      wake = woken.resolve;
      const cancelTimer = clock.after(WEBSOCKET_DRAIN_POLL_MS, woken.resolve);
      await woken.promise;
      cancelTimer();
      if (client.bufferedAmount < unsent) timers.touch();
      unsent = client.bufferedAmount;
    }
  }

  /** The client has left before its side was open. */
  function neverOpened(): void {
    clientClosed.resolve();
    end({ code: Code.Abnormal, failure: failure("client_gone") });
  }

  options.signal.addEventListener("abort", neverOpened, { once: true });
  client.addEventListener("open", () => {
    options.signal.removeEventListener("abort", neverOpened);
    reading = readUpstream().catch((error) =>
      end({
        client: { code: Code.Internal, reason: "internal server error" },
        failure: failure("internal", String(error)),
      })
    ).then(upstreamClosed.resolve);
  });
  client.addEventListener("message", onMessage);
  client.addEventListener("close", onClose);
  if (options.signal.aborted) neverOpened();

  return {
    close() {
      end({ client: LEAVING, upstream: LEAVING });
      return over.promise;
    },
  };
}

const LEAVING: Closing = { code: Code.GoingAway, reason: "shutting down" };

/** The two clocks of a relay. */
interface Timers {
  /** Something has moved. */
  touch(): void;
  cancel(): void;
}

function makeTimers(
  { idleTimeoutMs, expiresAtMs, clock }: RelayOptions,
  end: (ending: Ending) => void,
): Timers {
  let lastMoved = clock.monotonic();
  let cancelIdle = () => {};
  let cancelExpiry = () => {};

  // One timer that looks when the last move was costs less than a timer for each move.
  function watchIdle(): void {
    const left = lastMoved + idleTimeoutMs - clock.monotonic();
    if (left > 0) cancelIdle = clock.after(left, watchIdle);
    else {
      const idle = { code: Code.GoingAway, reason: "idle for too long" };
      end({ client: idle, upstream: idle });
    }
  }

  // A far expiry is beyond what a timer takes: it is set again then.
  function watchExpiry(at: number): void {
    const left = at - clock.now();
    if (left > 0) cancelExpiry = clock.after(left, () => watchExpiry(at));
    else {
      const reason = "the token has expired";
      end({
        client: { code: Code.Policy, reason },
        upstream: { code: Code.GoingAway, reason },
      });
    }
  }

  watchIdle();
  if (expiresAtMs !== undefined) watchExpiry(expiresAtMs);
  return {
    touch: () => void (lastMoved = clock.monotonic()),
    cancel() {
      cancelIdle();
      cancelExpiry();
    },
  };
}

/** Closes the client's side, as soon as it is open: before that nothing can be sent. */
function closeClient(client: WebSocket, { code, reason }: Closing): void {
  const close = () => code === undefined ? client.close() : client.close(code, reason);
  if (client.readyState === WebSocket.CONNECTING) {
    client.addEventListener("open", close, { once: true });
  } else close();
}

/** The next bytes, `null` once there are none, whether the upstream has closed or reset the connection. */
async function readSome(wire: Wire, room: Uint8Array): Promise<Uint8Array | null> {
  try {
    const count = await wire.read(room);
    return count === null ? null : room.subarray(0, count);
  } catch {
    return null;
  }
}
