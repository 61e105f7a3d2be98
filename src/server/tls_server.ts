import { setImmediate } from "node:timers";
import { FIRST_REQUEST_MS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";

/** What `Deno.serve` offers and this has as well. */
export interface TlsServer {
  readonly addr: Deno.NetAddr;
  shutdown(): Promise<void>;
}

/** Answers one request. */
export type Answer = (
  request: Request,
  info: Deno.ServeHandlerInfo<Deno.NetAddr>,
) => Promise<Response>;

/** What to serve TLS with. */
export interface TlsServerOptions {
  readonly hostname: string;
  readonly port: number;
  readonly cert: string;
  readonly key: string;
  /** Ends every connection. */
  readonly signal: AbortSignal;
  readonly answer: Answer;
  readonly onError: () => Response;
  readonly clock: Clock;
}

/** Serves HTTP on one connection: the runtime's own part behind `Deno.serve`. */
type ServeConnection = (
  connection: Deno.Conn,
  signal: AbortSignal,
  answer: Answer,
  onError: () => Response,
  onListen: () => void,
) => Deno.HttpServer;

/** Most looks at the queue before a listener closes; a flood of connections must not keep it open. */
const MAX_QUIET_TURNS = 10_000;

/** How long a look at the queue may have taken to count, in milliseconds. */
const QUICK_TURN_MS = 0.2;

/** Pause after a failed accept, in milliseconds: out of file handles, say. */
const ACCEPT_PAUSE_MS = 50;

/**
 * Serves TLS like `Deno.serve`, except that `shutdown` first closes the listener alone and lets the
 * connections that have just been made send their first request. `Deno.serve` closes those unheard,
 * so every change of the certificate would break some. (What is in the kernel's queue at that moment
 * is lost with either; the queue is nearly always empty.)
 *
 * The runtime has the part that serves one connection, but does not document it: where it is not to be
 * found, the result is `undefined` and the caller has to use `Deno.serve`.
 *
 * Throws where the address cannot be had.
 */
export function serveTls(options: TlsServerOptions): TlsServer | undefined {
  const serveConnection = findServeConnection();
  if (serveConnection === undefined) return undefined;
  const { hostname, port, cert, key, signal, answer, onError, clock } = options;
  const listener = Deno.listenTls({
    hostname,
    port,
    cert,
    key,
    reusePort: true,
    alpnProtocols: ["h2", "http/1.1"],
  });
  /** How each open connection is ended at once. */
  const open = new Map<Deno.HttpServer, () => void>();
  /** Connections that have not brought a request yet. */
  const silent = new Set<Deno.HttpServer>();
  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    listener.close();
  };
  signal.addEventListener("abort", () => {
    close();
    open.forEach((end) => end());
  }, { once: true });

  function serve(connection: Deno.Conn): void {
    const ending = makeEnding();
    const server = serveConnection?.(
      connection,
      ending.signal,
      (request, info) => {
        if (server !== undefined) silent.delete(server);
        return answer(request, info);
      },
      onError,
      () => {},
    );
    if (server === undefined) return;
    open.set(server, ending.end);
    silent.add(server);
    const over = () => {
      open.delete(server);
      silent.delete(server);
      // The runtime frees a connection that broke off in an answer only when it is shut down as well.
      server.shutdown().catch(() => {});
    };
    // A handshake that fails is the client's affair.
    server.finished.then(over, over);
  }

  /** How many connections have been taken from the kernel's queue. */
  let accepted = 0;
  async function accept(): Promise<void> {
    while (!closed) {
      try {
        const connection = await listener.accept();
        accepted++;
        serve(connection);
      } catch {
        if (!closed) await pause(ACCEPT_PAUSE_MS, clock);
      }
    }
  }

  /**
   * Closes right after a look at the queue has found it empty, and only if that look was quick: what has
   * come into the queue since would be reset.
   */
  async function closeWhenQuiet(): Promise<void> {
    for (let turns = 0; turns < MAX_QUIET_TURNS && !closed; turns++) {
      const before = { accepted, at: clock.monotonic() };
      await turn();
      const quick = clock.monotonic() - before.at < QUICK_TURN_MS;
      if (accepted === before.accepted && quick) break;
    }
    close();
  }

  void accept();
  return {
    addr: listener.addr,
    async shutdown() {
      await closeWhenQuiet();
      const end = clock.monotonic() + FIRST_REQUEST_MS;
      while (silent.size > 0 && clock.monotonic() < end) await pause(10, clock);
      await Promise.allSettled([...open.keys()].map((server) => server.shutdown()));
    },
  };
}

/**
 * A signal for one connection that does not outlive it, and may be given when the connection is over
 * already: the runtime's own signals report the complaint about that as an uncaught error.
 */
function makeEnding(): { readonly signal: AbortSignal; readonly end: () => void } {
  let action = () => {};
  const listenable = { addEventListener: (_type: "abort", end: () => void) => void (action = end) };
  return {
    // All that the runtime does with the signal of a connection is to listen once.
    signal: listenable as unknown as AbortSignal,
    end() {
      try {
        action();
      } catch {
        // It is over already.
      }
    },
  };
}

function findServeConnection(): ServeConnection | undefined {
  const runtime = Deno as unknown as Record<PropertyKey, Record<string, unknown> | undefined> & {
    readonly internal?: symbol;
  };
  const found = runtime.internal && runtime[runtime.internal]?.serveHttpOnConnection;
  return typeof found === "function" ? found as ServeConnection : undefined;
}

/** Resolves when the runtime has once looked at everything that waits for it. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function pause(ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}
