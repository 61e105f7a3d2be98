/**
 * Upstreams for the tests: one that speaks HTTP properly and writes down what it was asked, and
 * one that is a bare socket and sends whatever a test wants.
 */
import net from "node:net";
import { type RawSocket, rawSocket } from "./raw.ts";

/** One request as it arrived. */
export interface RecordedRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly headers: Headers;
  /** The body as text; only if the handler read it (the default handler does). */
  body: string | undefined;
}

/** Responds to a request; may fill in `recorded.body`. */
export type UpstreamHandler = (
  request: Request,
  recorded: RecordedRequest,
) => Response | Promise<Response>;

/** A running HTTP upstream. */
export interface HttpUpstream extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly requests: RecordedRequest[];
  close(): Promise<void>;
}

/**
 * Starts an HTTP upstream on a free port. Without a handler it reads the body and responds with 200
 * with the text `hello`.
 */
export function httpUpstream(
  handler?: UpstreamHandler,
  tls?: { readonly cert: string; readonly key: string },
): HttpUpstream {
  const requests: RecordedRequest[] = [];
  const stop = new AbortController();
  const options = { hostname: "127.0.0.1", port: 0, signal: stop.signal, onListen: () => {} };
  const server = Deno.serve({ ...options, ...tls }, (request) => {
    const recorded: RecordedRequest = {
      method: request.method,
      target: request.url.replace(/^[a-z]+:\/\/[^/?]*/, ""),
      headers: request.headers,
      body: undefined,
    };
    requests.push(recorded);
    return (handler ?? sayHello)(request, recorded);
  });
  const { port } = server.addr;
  const close = async () => {
    stop.abort();
    await server.finished;
  };
  const url = `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  return { url, port, requests, close, [Symbol.asyncDispose]: close };
}

/** The default handler of `httpUpstream`. */
export async function sayHello(request: Request, recorded: RecordedRequest): Promise<Response> {
  recorded.body = await request.text();
  return new Response("hello", { headers: { "content-type": "text/plain" } });
}

/** What a bare upstream does with one connection; `index` counts them from 0. */
export type ConnectionScript = (socket: RawSocket, index: number) => void | Promise<void>;

/** A running bare upstream. */
export interface RawUpstream extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Every connection so far, in order; `connections[0].all()` is what it was sent. */
  readonly connections: readonly RawSocket[];
  /** Exceptions inside scripts; `close` throws the first of them. */
  readonly errors: readonly unknown[];
  close(): Promise<void>;
}

/** How long the peer may take to close after a script has ended, in milliseconds. */
const LINGER_MS = 200;

/**
 * Starts a bare TCP upstream on a free port. The script runs once for each connection; when it
 * returns, the connection is closed in order (`socket.close()` as its last step does so at once,
 * `socket.reset()` with a reset). `hang(socket)` as its last step keeps it until the peer or the
 * test ends it. A script that throws while the test is still running fails the test at
 * `close`; one that is cut off by `close` does not.
 */
export async function rawUpstream(script: ConnectionScript): Promise<RawUpstream> {
  const connections: RawSocket[] = [];
  const errors: unknown[] = [];
  const running: Promise<void>[] = [];
  let closing = false;

  async function run(socket: RawSocket, index: number): Promise<void> {
    try {
      await script(socket, index);
    } catch (error) {
      if (!closing) errors.push(error);
    } finally {
      if (!socket.ended) {
        // Closing with bytes unread would become a reset and could take the response with it.
        socket.halfClose();
        await socket.untilClosed(LINGER_MS);
      }
      await socket.close();
    }
  }

  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: false }, (socket) => {
    const connection = rawSocket(socket);
    connections.push(connection);
    running.push(run(connection, connections.length - 1));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const { port } = address;

  async function close(): Promise<void> {
    closing = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await Promise.all(connections.map((connection) => connection.close()));
    await Promise.all(running);
    await closed;
    if (errors.length > 0) throw errors[0];
  }

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    connections,
    errors,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Longest time a script hangs, in milliseconds: longer than any test should take. */
const HANG_LIMIT_MS = 60_000;

/** Says nothing more on a connection, and reads nothing but its end, until it is closed. */
export async function hang(socket: RawSocket): Promise<void> {
  await socket.untilClosed(HANG_LIMIT_MS);
}

/** A script that responds to every request of a connection with these bytes. */
export function responding(response: string | Uint8Array): ConnectionScript {
  return async function respond(socket): Promise<void> {
    const came = await socket.waitFor((unread) => unread.length > 0, HANG_LIMIT_MS);
    if (!came) return;
    await socket.readRequest();
    await socket.send(response);
    await respond(socket);
  };
}
