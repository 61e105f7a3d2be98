import { type Failure, failure } from "../../failure.ts";
import { WEBSOCKET_CLIENT_SILENCE_SECS } from "../../limits.ts";
import type { Clock } from "../../ops/clock.ts";
import { fail, ok, type Result } from "../../result.ts";
import { type HeaderList, responseHeaders } from "../headers.ts";
import type {
  BodyEnd,
  SendUpgrade,
  UpgradedConnection,
  UpstreamRequest,
  UpstreamResponse,
} from "../upstream.ts";
import {
  acceptFor,
  handshakeHeaders,
  newKey,
  offeredProtocols,
  upgradeHeaders,
  wrongWithHandshake,
} from "./handshake.ts";
import { type Relay, type RelayEnd, startRelay } from "./relay.ts";

/** What all relays to one upstream have in common. */
export interface WebSocketRelaysOptions {
  /** Sends the handshake to the upstream. */
  readonly sendUpgrade: SendUpgrade;
  /** How long an open relay may rest, in milliseconds: neither side has sent anything. */
  readonly idleTimeoutMs: number;
}

/** One request for which `isWebSocketUpgrade` holds and that may go on. */
export interface WebSocketRequest {
  /** As the server gave it; its body has not been touched. */
  readonly request: Request;
  /** Path and query as the client sent them. */
  readonly pathAndQuery: string;
  /** Fields for the upstream, without hop-by-hop ones; `sec-websocket-*` are dealt with here. */
  readonly headers: HeaderList;
  /** When the relay has to end because the token does, in milliseconds since the epoch. */
  readonly expiresAtMs: number | undefined;
  /** Called once after `connect` has resolved with a response: when the relay, or the refusal's body, is over. */
  readonly onEnd: (end: BodyEnd | RelayEnd) => void;
}

/** The WebSockets of one upstream. */
export interface WebSocketRelays {
  /**
   * Connects a client to the upstream: first the upstream's handshake, then the client's. The response
   * is the 101 that has to be returned to the server as it is (fields may be added, the object may not
   * be replaced: the server ends if it gets another), or the upstream's refusal like any other response.
   *
   * Failures: `upstream_refused`, `upstream_timeout`, `upstream_broken`, `upstream_busy`, `client_gone`,
   * `bad_target`.
   */
  connect(asked: WebSocketRequest): Promise<Result<Response, Failure>>;
  /** How many relays are open. */
  readonly open: number;
  /**
   * Closes (1001) both sides of all relays, now and from now on, and resolves when they are
   * over, within `WEBSOCKET_CLOSE_TIMEOUT_MS`. To be awaited before the server is shut down, which
   * would otherwise close the clients itself and leave the upstreams without a code.
   */
  closeAll(): Promise<void>;
}

/**
 * WebSockets through the proxy, over HTTP/1.1 only. No extension is negotiated on either side, so
 * nothing is compressed. Other protocols of `Upgrade` cannot be relayed: the server gives no access to
 * the client's connection.
 */
export function makeWebSocketRelays(
  { sendUpgrade, idleTimeoutMs }: WebSocketRelaysOptions,
  clock: Clock,
): WebSocketRelays {
  const relays = new Set<Relay>();
  let closing = false;

  function relay(
    { request, expiresAtMs, onEnd }: WebSocketRequest,
    headers: HeaderList,
    { wire, rest }: UpgradedConnection,
  ): Result<Response, Failure> {
    const upgraded = upgradeClient(request, headers);
    if (!upgraded.ok) {
      wire.close();
      return upgraded;
    }
    const { socket: client, response } = upgraded.value;
    const started = startRelay({
      client,
      signal: request.signal,
      wire,
      rest,
      idleTimeoutMs,
      expiresAtMs,
      clock,
      onEnd(end) {
        relays.delete(started);
        onEnd(end);
      },
    });
    relays.add(started);
    if (closing) void started.close();
    return ok(response);
  }

  return {
    async connect(asked) {
      const key = newKey();
      const protocols = offeredProtocols(asked.request.headers);
      const sent = await sendUpgrade(handshake(asked, key, protocols));
      if (!sent.ok) return sent;
      const { upgraded } = sent.value;
      if (upgraded === undefined) return ok(refusal(sent.value, asked.onEnd));
      const headers = [...sent.value.headers];
      const wrong = wrongWithHandshake(headers, await acceptFor(key), protocols);
      if (wrong === undefined) return relay(asked, headers, upgraded);
      upgraded.wire.close();
      return fail(failure("upstream_broken", wrong));
    },
    get open() {
      return relays.size;
    },
    async closeAll() {
      closing = true;
      await Promise.all([...relays].map((relay) => relay.close()));
    },
  };
}

/** The request that opens a WebSocket at the upstream. */
function handshake(
  { request, pathAndQuery, headers, onEnd }: WebSocketRequest,
  key: string,
  protocols: readonly string[],
): UpstreamRequest {
  return {
    method: "GET",
    pathAndQuery,
    headers: handshakeHeaders(headers, key, protocols),
    body: null,
    upgrade: true,
    signal: request.signal,
    onEnd,
  };
}

/** The response of an upstream that does not switch, passed on like any other. */
function refusal(
  { status, headers, body }: UpstreamResponse,
  onEnd: (end: BodyEnd) => void,
): Response {
  // A stream ends by itself; what has come whole is over already.
  if (!(body instanceof ReadableStream)) onEnd({ bytes: body?.length ?? 0 });
  return new Response(body, { status, headers: responseHeaders(headers) });
}

/**
 * Switches the client's side, with the fields of the upstream's 101. The subprotocol is among them
 * rather than an option: the runtime overlooks one that was offered as `a,b`, without a blank.
 */
function upgradeClient(
  request: Request,
  headers: HeaderList,
): Result<Deno.WebSocketUpgrade, Failure> {
  // Once the client has left, the runtime would make a socket without any event.
  if (request.signal.aborted) return fail(failure("client_gone"));
  let upgraded: Deno.WebSocketUpgrade;
  try {
    upgraded = Deno.upgradeWebSocket(request, { idleTimeout: WEBSOCKET_CLIENT_SILENCE_SECS });
  } catch {
    return fail(failure(request.signal.aborted ? "client_gone" : "internal", "no upgrade"));
  }
  for (const [name, value] of upgradeHeaders(headers)) {
    upgraded.response.headers.append(name, value);
  }
  upgraded.socket.binaryType = "arraybuffer";
  return ok(upgraded);
}
