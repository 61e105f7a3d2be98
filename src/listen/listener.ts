import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { fail, ok, type Result } from "../result.ts";
import type { ListenAddress } from "../config/address_kinds.ts";
import type { TlsIdentity } from "../tls/pfx.ts";
import { messageOf } from "../text.ts";
import type { Connection, Handler, ServerLoad } from "./connection.ts";
import { serveWithReopen } from "./reopening_server.ts";

/** An open listener. */
export interface Listener {
  /** The URL it is reached at, with the actual port. */
  readonly url: string;
  /**
   * Asks every client to leave: responses carry `Connection: close` from now on, so that busy
   * clients move on by themselves and none is cut off between two requests.
   */
  retire(): void;
  /**
   * Stops accepting and resolves when the last running request is over. Connections that have not brought
   * a request yet are closed without a response: the runtime does so, and offers no way to wait for them.
   * Those that it keeps although they have no request are left to the end of the process.
   */
  shutdown(): Promise<void>;
  /**
   * Ends everything at once; running requests are aborted. After `shutdown` the runtime offers no way
   * to do so: then it is the end of the process that ends them.
   */
  abort(): void;
}

/** What a listener needs from the worker it belongs to. */
export interface ListenerOwner {
  /** Called at every request, so that the handler can be replaced while the listener stays. */
  handler(): Handler;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Opens a listener: HTTP/1.1 and HTTP/2, the latter without TLS too, which the runtime gives no way to
 * switch off. Other processes, and another listener of this one,
 * may listen on the same address (`SO_REUSEPORT`).
 *
 * Fails with one line for the operator when the address cannot be used.
 *
 * @param identity makes it a TLS listener.
 */
export function openListener(
  address: ListenAddress,
  identity: TlsIdentity | undefined,
  owner: ListenerOwner,
): Result<Listener, string> {
  const { hostname } = address;
  const secure = identity !== undefined;
  const respond = (load: ServerLoad) => (request: Request, info: ServeInfo) => {
    const response = owner.handler()(request, new Peer(info, secure, load));
    return load.leaving ? response.then(askToLeave) : response;
  };

  try {
    const server = serveWithReopen(address.port, {
      ...owner,
      url: (port) => urlOf(secure, { hostname, port }),
      serve: (port, signal, load) =>
        Deno.serve({
          hostname,
          port,
          reusePort: true,
          signal,
          onListen() {},
          // Only aborted bodies end here; they have been logged where they failed.
          onError: () => new Response(null, { status: 500 }),
          ...(identity === undefined ? {} : { cert: identity.certPem, key: identity.keyPem }),
        }, respond(load)),
    });
    return ok(server);
  } catch (error) {
    return fail(listenFailure(secure, address, error));
  }
}

/**
 * Binds an address for a moment without sharing it: makes sure that no other program listens there, and
 * picks a port for 0. Fails with one line for the operator.
 */
export function probe(address: ListenAddress, secure: boolean): Result<ListenAddress, string> {
  try {
    const listener = Deno.listen({ hostname: address.hostname, port: address.port });
    const { port } = listener.addr;
    listener.close();
    return ok({ hostname: address.hostname, port });
  } catch (error) {
    return fail(listenFailure(secure, address, error));
  }
}

type ServeInfo = Deno.ServeHandlerInfo<Deno.NetAddr>;

/** The other end of a connection; its address is looked up only when it is used. */
class Peer implements Connection {
  readonly secure: boolean;
  readonly load: ServerLoad;
  readonly #info: ServeInfo;
  /** Kept, since the runtime no longer gives it when the request is over. */
  #address: string | undefined;

  constructor(info: ServeInfo, secure: boolean, load: ServerLoad) {
    this.#info = info;
    this.secure = secure;
    this.load = load;
  }

  runsUntilSent(): void {
    const { load } = this;
    load.running++;
    const over = () => void load.running--;
    this.#info.completed.then(over, over);
  }

  get address(): string {
    return this.#address ??= this.#info.remoteAddr.hostname;
  }
}

function askToLeave(response: Response): Response {
  response.headers.set("connection", "close");
  return response;
}

/** The URL of an address. */
export function urlOf(secure: boolean, { hostname, port }: ListenAddress): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${secure ? "https" : "http"}://${host}:${port}`;
}

function listenFailure(secure: boolean, address: ListenAddress, error: unknown): string {
  const setting = secure ? "LISTEN_SSL_URL" : "LISTEN_URL";
  return `${setting}: cannot listen on ${urlOf(secure, address)}: ${listenErrorText(error)}`;
}

/** Why an address cannot be used, and what to do. */
export function listenErrorText(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return "the address is in use; stop the other program or choose another port";
  }
  if (error instanceof Deno.errors.AddrNotAvailable) return "this machine has no such address";
  if (error instanceof Deno.errors.PermissionDenied) {
    return "not permitted; ports below 1024 need a privilege";
  }
  return messageOf(error);
}
