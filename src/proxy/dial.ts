import { type Failure, failure } from "../failure.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import { messageOf } from "../text.ts";

/** Where the upstream listens. */
export type UpstreamAddress =
  | { readonly transport: "tcp" | "tls"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

/**
 * The address behind an upstream URL: its Unix socket if there is one, otherwise the host and port of
 * its `http://` or `https://` origin (no slash at the end).
 */
export function upstreamAddress(
  { origin, socketPath }: { readonly origin: string; readonly socketPath?: string },
): UpstreamAddress {
  if (socketPath !== undefined) return { transport: "unix", path: socketPath };
  const { protocol, hostname, port } = new URL(origin);
  const secure = protocol === "https:";
  return {
    transport: secure ? "tls" : "tcp",
    // An IPv6 address stands in brackets only in a URL.
    hostname: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname,
    port: port === "" ? (secure ? 443 : 80) : Number(port),
  };
}

/** What is presented to and expected of an upstream over TLS. Certificates are always checked. */
export interface UpstreamTls {
  /** Authorities in PEM that are trusted besides the runtime's own. */
  readonly caCerts?: readonly string[];
  /** Certificate chain in PEM to show to the upstream; needs `key`. */
  readonly cert?: string;
  /** Private key in PEM. */
  readonly key?: string;
}

/** Bytes to and from the upstream. */
export interface Wire {
  /** Reads into `into`; `null` when the upstream has closed its side. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes the first bytes of `from` and returns how many. */
  write(from: Uint8Array): Promise<number>;
  /** Closes at once; what is being read or written rejects. May be called once. */
  close(): void;
}

/** Writes all of `bytes`. Rejects when the upstream takes no more. */
export async function writeAll(wire: Wire, bytes: Uint8Array): Promise<void> {
  let at = 0;
  while (at < bytes.length) at += await wire.write(at === 0 ? bytes : bytes.subarray(at));
}

/** Opens one connection. */
export type Dial = () => Promise<Result<Wire, Failure>>;

/**
 * A function that opens connections to the upstream, each within `timeoutMs` milliseconds, the TLS
 * handshake included.
 *
 * A name is looked up anew for each connection and its addresses are tried as in RFC 8305, which
 * is what the runtime does by itself. Over TLS, `http/1.1` is the only protocol offered.
 *
 * Failures: `upstream_timeout`, and `upstream_refused` for everything else, a certificate that is
 * not trusted among it. Throws where `tls` has a certificate without its key, or the reverse.
 */
export function makeDial(
  address: UpstreamAddress,
  tls: UpstreamTls,
  timeoutMs: number,
  clock: Clock,
): Dial {
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new Error("cert and key go together");
  }
  return async () => {
    const abort = new AbortController();
    const timedOut = Promise.withResolvers<undefined>();
    const cancelTimer = clock.after(timeoutMs, () => {
      abort.abort();
      timedOut.resolve(undefined);
    });
    const opening = open(address, tls, abort.signal);
    try {
      const wire = await Promise.race([opening, timedOut.promise]);
      if (wire !== undefined) return ok(wire);
    } catch (error) {
      if (!abort.signal.aborted) {
        const detail = messageOf(error);
        return fail(failure("upstream_refused", detail));
      }
    } finally {
      cancelTimer();
    }
    // A connection that still opens is not needed any more.
    opening.then((late) => late.close(), () => {});
    return fail(failure("upstream_timeout", "no connection in time"));
  };
}

/** The one protocol spoken, as ALPN names it (RFC 7301). */
const PROTOCOLS = ["http/1.1"];

async function open(
  address: UpstreamAddress,
  tls: UpstreamTls,
  signal: AbortSignal,
): Promise<Wire> {
  if (address.transport === "unix") {
    return await Deno.connect({ transport: "unix", path: address.path });
  }
  const { hostname, port } = address;
  if (address.transport === "tcp") {
    const plain = await Deno.connect({ hostname, port, signal });
    plain.setNoDelay(true);
    return plain;
  }
  const { caCerts = [], cert, key } = tls;
  const identity = cert === undefined || key === undefined ? {} : { cert, key };
  const options = { hostname, port, caCerts: [...caCerts], alpnProtocols: PROTOCOLS, ...identity };
  return await shakeHands(await Deno.connectTls(options), signal);
}

/** Waits for the handshake, so that a certificate that is not trusted shows here and not later. */
async function shakeHands(connection: Deno.TlsConn, signal: AbortSignal): Promise<Wire> {
  const giveUp = () => connection.close();
  signal.addEventListener("abort", giveUp);
  try {
    await connection.handshake();
    return connection;
  } catch (error) {
    if (!signal.aborted) connection.close();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
