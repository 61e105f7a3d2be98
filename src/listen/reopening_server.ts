import { LISTENER_REOPEN_PAUSE_MS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { messageOf } from "../text.ts";

/** What a reopening server is made of. */
export interface ReopeningServerOptions {
  /** Begins to serve; throws where the address cannot be used. */
  serve(port: number, signal: AbortSignal): Deno.HttpServer<Deno.NetAddr>;
  /** How it is called in the log, by the actual port. */
  url(port: number): string;
  readonly clock: Clock;
  readonly log: Log;
}

/** A server of the runtime that opens again when it had to stop. */
export interface ReopeningServer {
  readonly url: string;
  /** Stops accepting and resolves when the last running request is over. */
  shutdown(): Promise<void>;
  /** Ends everything at once; without effect after `shutdown`. */
  abort(): void;
}

/**
 * Serves until `shutdown` or `abort`. The runtime stops accepting for good once accepting fails, as it
 * does when the process has as many files open as it may. Then connections that wait for a request
 * or have brought only a part of its head, for as long as they like, are closed, the requests that run
 * go on, and the server opens again.
 *
 * Throws what `serve` throws at the first attempt.
 *
 * @param port 0 takes a free one, and keeps it.
 */
export function serveWithReopen(port: number, options: ReopeningServerOptions): ReopeningServer {
  const { clock, log } = options;
  /** What accepts; none between an unwanted end and the next attempt. */
  let current: { readonly server: Deno.HttpServer<Deno.NetAddr>; abort(): void } | undefined;
  /** Those that accept no more but still have requests. */
  const ending = new Set<Promise<void>>();
  let closing = false;
  let stopWaiting = () => {};

  function open(at: number): Deno.HttpServer<Deno.NetAddr> {
    const abort = new AbortController();
    const server = options.serve(at, abort.signal);
    server.finished.catch((error) => stopped(server, error));
    current = { server, abort: () => abort.abort() };
    return server;
  }

  function stopped(server: Deno.HttpServer, error: unknown): void {
    if (closing) return;
    current = undefined;
    log.warn("accept failed (EMFILE?): closing idle connections and reopening listener", {
      url,
      error: messageOf(error),
      hint: "allow more open files (ulimit -n, LimitNOFILE), or limit connections in front",
    });
    // Rejects with the same reason again.
    const ended = server.shutdown().catch(() => {}).then(() => void ending.delete(ended));
    ending.add(ended);
    listenAgain();
  }

  function listenAgain(): void {
    stopWaiting = clock.after(LISTENER_REOPEN_PAUSE_MS, () => {
      try {
        open(taken);
        log.info("listener reopened", { url });
      } catch {
        listenAgain();
      }
    });
  }

  const taken = open(port).addr.port;
  const url = options.url(taken);
  return {
    url,
    async shutdown() {
      closing = true;
      stopWaiting();
      await Promise.all([current?.server.shutdown(), ...ending]);
    },
    abort() {
      if (closing) return;
      closing = true;
      stopWaiting();
      current?.abort();
    },
  };
}
