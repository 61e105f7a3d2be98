import { LISTENER_LOOK_MS, LISTENER_QUIET_MS, LISTENER_REOPEN_PAUSE_MS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { messageOf } from "../text.ts";
import type { ServerLoad } from "./connection.ts";

/** What a reopening server is made of. */
export interface ReopeningServerOptions {
  /** Begins to serve; throws where the address cannot be used. `load` is for what it serves to count in. */
  serve(port: number, signal: AbortSignal, load: ServerLoad): Deno.HttpServer<Deno.NetAddr>;
  /** How it is called in the log, by the actual port. */
  url(port: number): string;
  readonly clock: Clock;
  readonly log: Log;
}

/** A server of the runtime that opens again when it had to stop. */
export interface ReopeningServer {
  readonly url: string;
  /** Asks clients to leave from now on. */
  retire(): void;
  /** Stops accepting and resolves when the last running request is over. */
  shutdown(): Promise<void>;
  /** Ends everything at once; without effect after `shutdown`. */
  abort(): void;
}

/** One server of the runtime. */
interface Serving {
  readonly server: Deno.HttpServer<Deno.NetAddr>;
  readonly load: ServerLoad;
  abort(): void;
}

/**
 * Serves until `shutdown` or `abort`. The runtime stops accepting for good once accepting fails, as it
 * does when the process has as many files open as it may. Then clients are asked to leave, and a moment
 * later the server opens again: where no request runs by then, every connection is closed. Otherwise
 * only those that wait for a request or have brought a part of its head are, since the runtime cannot
 * tell the others apart, and the requests that run go on.
 *
 * Throws what `serve` throws at the first attempt.
 *
 * @param port 0 takes a free one, and keeps it.
 */
export function serveWithReopen(port: number, options: ReopeningServerOptions): ReopeningServer {
  const { clock, log } = options;
  /** What accepts; after an unwanted end the same one until the next opens. */
  let current: Serving | undefined;
  /** Those before it that still have requests. */
  const ending = new Set<Promise<void>>();
  let closing = false;
  let retired = false;
  let stopWaiting = () => {};

  function open(at: number): Deno.HttpServer<Deno.NetAddr> {
    const abort = new AbortController();
    const load = { running: 0, leaving: retired };
    const server = options.serve(at, abort.signal, load);
    const serving = { server, load, abort: () => abort.abort() };
    server.finished.catch((error) => stopped(serving, error));
    current = serving;
    return server;
  }

  function stopped(serving: Serving, error: unknown): void {
    if (closing) return;
    serving.load.leaving = true;
    log.warn("accept failed (EMFILE?): closing idle connections and reopening listener", {
      url,
      error: messageOf(error),
      hint: "allow more open files (ulimit -n, LimitNOFILE), or limit connections in front",
    });
    stopWaiting = clock.after(LISTENER_REOPEN_PAUSE_MS, () => {
      if (serving.load.running === 0) serving.abort();
      // Rejects with the same reason again.
      const ended = drained(serving, clock).then(() => void ending.delete(ended));
      ending.add(ended);
      listenAgain();
    });
  }

  function listenAgain(): void {
    try {
      open(taken);
      log.info("listener reopened", { url });
    } catch {
      stopWaiting = clock.after(LISTENER_REOPEN_PAUSE_MS, listenAgain);
    }
  }

  const taken = open(port).addr.port;
  const url = options.url(taken);
  return {
    url,
    retire() {
      retired = true;
      if (current !== undefined) current.load.leaving = true;
    },
    async shutdown() {
      closing = true;
      stopWaiting();
      await Promise.all([current && drained(current, clock), ...ending]);
    },
    abort() {
      if (closing) return;
      closing = true;
      stopWaiting();
      current?.abort();
    },
  };
}

/**
 * Stops accepting, and waits for the requests that run. The runtime waits for connections instead, and
 * without end for some: one whose refused body does not come, or that speaks HTTP/2 and asks nothing.
 * They are no reason to stay once no request has run for a while, in which the last responses go out.
 */
function drained({ server, load }: Serving, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    let quietMs = 0;
    let cancel = () => {};
    const look = () => {
      quietMs = load.running === 0 ? quietMs + LISTENER_LOOK_MS : 0;
      if (quietMs > LISTENER_QUIET_MS) resolve();
      else cancel = clock.after(LISTENER_LOOK_MS, look);
    };
    look();
    server.shutdown().catch(() => {}).then(() => {
      cancel();
      resolve();
    });
  });
}
