/**
 * The opening handshake of RFC 6455, section 4: what a client asks of us, what we ask of the
 * upstream, and whether its response is good.
 */
import { type HeaderList, responseHeaders } from "../headers.ts";

/** What RFC 6455, section 1.3 adds to a key before it is hashed. */
const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const KEY_BYTES = 16;

/** As many bytes in base64 (section 4.1). */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/**
 * Whether a request asks for a WebSocket (RFC 6455, section 4.2.1): GET, `Upgrade: websocket`, the
 * option `upgrade` in `Connection`, a well-formed key and version 13.
 *
 * A request that is not quite one is a request like any other: what it says about upgrading is
 * dropped before it is forwarded. Cannot distinguish HTTP/1.0 from HTTP/1.1, which the server hides.
 */
export function isWebSocketUpgrade(method: string, headers: Headers): boolean {
  const upgrade = headers.get("upgrade");
  if (upgrade === null || method !== "GET") return false;
  return hasElement(upgrade, "websocket") && hasElement(headers.get("connection"), "upgrade") &&
    headers.get("sec-websocket-version") === "13" &&
    KEY.test(headers.get("sec-websocket-key") ?? "");
}

/** The subprotocols that a request offers, in its order (section 4.1); names keep their case. */
export function offeredProtocols(headers: Headers): readonly string[] {
  return elements(headers.get("sec-websocket-protocol"));
}

/**
 * The fields of the handshake with the upstream: those given, less the client's own handshake and
 * anything about a body, plus ours. No extension is offered.
 *
 * @param headers as they go on: no hop-by-hop fields, `host` among them.
 * @param key see `newKey`.
 */
export function handshakeHeaders(
  headers: HeaderList,
  key: string,
  protocols: readonly string[],
): HeaderList {
  const sent = headers.filter(([name]) => !isOfHandshake(name) && name !== "content-length");
  sent.push(
    ["connection", "Upgrade"],
    ["upgrade", "websocket"],
    ["sec-websocket-version", "13"],
    ["sec-websocket-key", key],
  );
  if (protocols.length > 0) sent.push(["sec-websocket-protocol", protocols.join(", ")]);
  return sent;
}

/** A key for one handshake (section 4.1): random bytes in base64. */
export function newKey(): string {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toBase64();
}

/** The `Sec-WebSocket-Accept` that a key asks for (section 4.2.2). */
export async function acceptFor(key: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + KEY_SUFFIX));
  return new Uint8Array(hash).toBase64();
}

/**
 * What is wrong with a response of status 101, for the log; `undefined` for a good one (section 4.1):
 * the right `Upgrade`, `Connection` and `Sec-WebSocket-Accept`, no extension, and a subprotocol only
 * if it was offered.
 */
export function wrongWithHandshake(
  headers: HeaderList,
  accept: string,
  protocols: readonly string[],
): string | undefined {
  const value = (wanted: string) => {
    const values = headers.filter(([name]) => name === wanted).map(([, value]) => value);
    return values.length === 0 ? null : values.join(",");
  };
  if (value("upgrade")?.toLowerCase() !== "websocket") return "a 101 for another protocol";
  if (!hasElement(value("connection"), "upgrade")) return "a 101 without Connection: upgrade";
  if (value("sec-websocket-accept") !== accept) return "a wrong Sec-WebSocket-Accept";
  if (elements(value("sec-websocket-extensions")).length > 0) {
    return "an extension that was not offered";
  }
  const protocol = value("sec-websocket-protocol");
  if (protocol !== null && !protocols.includes(protocol)) {
    return "a subprotocol that was not offered";
  }
  return undefined;
}

/** The fields of a good 101 that go to the client, the chosen subprotocol among them. */
export function upgradeHeaders(headers: Iterable<[string, string]>): HeaderList {
  return responseHeaders(headers).filter(([name]) =>
    name === "sec-websocket-protocol" || !isOfHandshake(name) && !name.startsWith("content-")
  );
}

function isOfHandshake(name: string): boolean {
  return name.startsWith("sec-websocket-");
}

function hasElement(list: string | null, wanted: string): boolean {
  return elements(list).some((element) => element.toLowerCase() === wanted);
}

function elements(list: string | null): string[] {
  if (list === null) return [];
  return list.split(",").map((element) => element.trim()).filter((element) => element !== "");
}
