/**
 * An OpenID provider whose every fault can be played: a discovery document and a key set on
 * 127.0.0.1, and a switch for how either of them responds.
 */
import type { Jwk } from "./tokens.ts";

/** Which of the two documents a fault is played on. */
export type Where = "all" | "discovery" | "jwks";

/** One request as it arrived. */
export interface ProviderRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
}

/** What a provider can be started with. */
export interface ProviderOptions {
  /** The keys published at first; none if absent. */
  readonly keys?: readonly Jwk[];
  /** A path in front of both documents, for example `/realms/test`. */
  readonly path?: string;
  /** Serves over TLS with this certificate and key (PEM). */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A running provider. Every fault lasts until `recover`; requests held by `hang` then go on. */
export interface TestProvider extends AsyncDisposable {
  /** The provider's address without a slash at the end; its issuer unless `setIssuer` changed it. */
  readonly url: string;
  readonly origin: string;
  readonly port: number;
  readonly discoveryUrl: string;
  readonly jwksUrl: string;
  /** Every request, in order of arrival. */
  readonly requests: readonly ProviderRequest[];
  /** How many requests came for a document, or in all. */
  count(where?: Where): number;
  /** Publishes these keys instead of the ones before. */
  rotate(keys: readonly Jwk[]): void;
  /** Publishes exactly this as the key set: text and bytes as they are, all else as JSON. */
  setJwks(document: unknown): void;
  setIssuer(issuer: unknown): void;
  /** Sets the clock that `Date` of the right responses is taken from, in milliseconds ahead of ours. */
  setClock(aheadMs: number): void;
  /** Members of the discovery document to set; `undefined` drops one. */
  setDiscovery(overrides: Record<string, unknown>): void;
  /** Responds with this status and a small JSON object. */
  status(status: number, where?: Where): void;
  /** Takes the request and says nothing until `recover`. */
  hang(where?: Where): void;
  /** Sends the head at once and then the right body, one byte every `msPerByte` milliseconds. */
  drip(msPerByte: number, where?: Where): void;
  /** Responds with 200 and an HTML page. */
  html(where?: Where): void;
  /** Responds with 200 and JSON that stops in the middle. */
  brokenJson(where?: Where): void;
  /** Responds with 302. */
  redirectTo(url: string, where?: Where): void;
  /** Responds with 200 and a valid JSON object of at least `bytes` bytes, sent in pieces. */
  bigBody(bytes: number, where?: Where): void;
  /** The right response, `ms` milliseconds late. */
  delay(ms: number, where?: Where): void;
  /** Responds with whatever this function returns. */
  respond(make: (request: Request) => Response | Promise<Response>, where?: Where): void;
  /** Ends every fault of `respond` and its kin, on both documents. Published data stay as set. */
  recover(): void;
  /** Stops listening and drops all connections: further ones are refused. */
  refuse(): Promise<void>;
  /** Listens again on the same port. */
  comeBack(): void;
  close(): Promise<void>;
}

type Respond = (request: Request, right: () => Response) => Response | Promise<Response>;

const DISCOVERY_PATH = "/.well-known/openid-configuration";
const JWKS_PATH = "/jwks";

/** Size of one piece of a big body, in bytes. */
const PIECE_BYTES = 64 * 1024;

/** Starts a provider on a free port of 127.0.0.1. */
export function startProvider(options: ProviderOptions = {}): TestProvider {
  const prefix = options.path ?? "";
  const requests: ProviderRequest[] = [];
  const responders: { discovery: Respond; jwks: Respond } = { discovery: rightly, jwks: rightly };
  let overrides: Record<string, unknown> = {};
  let jwks: unknown = { keys: options.keys ?? [] };
  let aheadMs: number | undefined;
  let recovery = Promise.withResolvers<void>();
  let server = listen(0);
  const port = server.addr.port;
  const origin = `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  const url = origin + prefix;
  const paths = { discovery: prefix + DISCOVERY_PATH, jwks: prefix + JWKS_PATH };

  function listen(on: number): Listening {
    const stop = new AbortController();
    const http = Deno.serve({
      hostname: "127.0.0.1",
      port: on,
      signal: stop.signal,
      onListen: () => {},
      ...options.tls,
    }, serve);
    return { addr: http.addr, stop: () => (stop.abort(), http.finished) };
  }

  function serve(request: Request): Response | Promise<Response> {
    const path = new URL(request.url).pathname;
    // A copy: those of a request that is over cannot be read.
    requests.push({ method: request.method, path, headers: new Headers(request.headers) });
    if (path === paths.discovery) {
      return responders.discovery(request, () => dated(document(discovery())));
    }
    if (path === paths.jwks) return responders.jwks(request, () => dated(document(jwks)));
    return new Response("not here", { status: 404 });
  }

  function dated(response: Response): Response {
    if (aheadMs === undefined) return response;
    response.headers.set("date", new Date(Date.now() + aheadMs).toUTCString());
    return response;
  }

  function discovery(): unknown {
    return { issuer: url, jwks_uri: origin + paths.jwks, ...overrides };
  }

  function play(where: Where, respond: Respond): void {
    if (where !== "jwks") responders.discovery = respond;
    if (where !== "discovery") responders.jwks = respond;
  }

  function recover(): void {
    play("all", rightly);
    recovery.resolve();
    recovery = Promise.withResolvers();
  }

  async function close(): Promise<void> {
    recover();
    await server.stop();
  }

  return {
    url,
    origin,
    port,
    discoveryUrl: origin + paths.discovery,
    jwksUrl: origin + paths.jwks,
    requests,
    count(where = "all") {
      if (where === "all") return requests.length;
      return requests.filter((request) => request.path === paths[where]).length;
    },
    rotate: (keys) => void (jwks = { keys }),
    setJwks: (document) => void (jwks = document),
    setClock: (ahead) => void (aheadMs = ahead),
    setIssuer: (issuer) => void (overrides = { ...overrides, issuer }),
    setDiscovery: (more) => void (overrides = { ...overrides, ...more }),
    status: (status, where = "all") =>
      play(where, () => new Response('{"error":"played"}', { status, headers: JSON_TYPE })),
    hang: (where = "all") =>
      play(where, async (_request, right) => {
        await recovery.promise;
        return right();
      }),
    drip: (msPerByte, where = "all") => play(where, (_request, right) => drip(right(), msPerByte)),
    html: (where = "all") =>
      play(
        where,
        () =>
          new Response("<!doctype html><title>Sign in</title>", {
            headers: { "content-type": "text/html" },
          }),
      ),
    brokenJson: (where = "all") =>
      play(where, () => new Response('{"issuer": "http://', { headers: JSON_TYPE })),
    redirectTo: (location, where = "all") =>
      play(where, () => new Response(null, { status: 302, headers: { location } })),
    bigBody: (bytes, where = "all") => play(where, () => bigBody(bytes)),
    delay: (ms, where = "all") =>
      play(where, async (request, right) => {
        await pause(ms, request.signal);
        return right();
      }),
    respond: (make, where = "all") => play(where, make),
    recover,
    refuse: async () => await server.stop(),
    comeBack: () => void (server = listen(port)),
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Listening {
  readonly addr: Deno.NetAddr;
  stop(): Promise<void>;
}

const JSON_TYPE = { "content-type": "application/json" };

function rightly(_request: Request, right: () => Response): Response {
  return right();
}

/** Text and bytes go out as they are; everything else as JSON. */
function document(content: unknown): Response {
  const body = typeof content === "string" || content instanceof Uint8Array
    ? content as string | Uint8Array<ArrayBuffer>
    : JSON.stringify(content);
  return new Response(body, { headers: JSON_TYPE });
}

/** The same response, its body one byte every `msPerByte` milliseconds. */
async function drip(response: Response, msPerByte: number): Promise<Response> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  let next = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      timer = setInterval(() => {
        controller.enqueue(bytes.slice(next, next + 1));
        next += 1;
        if (next < bytes.length) return;
        clearInterval(timer);
        controller.close();
      }, msPerByte);
    },
    cancel: () => clearInterval(timer),
  });
  return new Response(body, { headers: response.headers });
}

function bigBody(bytes: number): Response {
  const piece = new TextEncoder().encode("x".repeat(PIECE_BYTES));
  let left = bytes;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode('{"keys":[],"filler":"')),
    pull(controller) {
      if (left > 0) {
        controller.enqueue(piece.slice(0, left));
        left -= PIECE_BYTES;
        return;
      }
      controller.enqueue(new TextEncoder().encode('"}'));
      controller.close();
    },
  });
  return new Response(body, { headers: JSON_TYPE });
}

/** Waits `ms` milliseconds, or until the client has gone. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
