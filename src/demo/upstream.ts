/** An upstream that echoes its requests, for trying the proxy out. */

/** A running upstream. */
export interface DemoUpstream {
  /** Its address, without a slash at the end. */
  readonly url: string;
  /** Stops listening and drops all connections. */
  close(): Promise<void>;
}

/** The body of the upstream's response, as JSON. */
export interface Echo {
  readonly method: string;
  /** Path and query as they arrived. */
  readonly path: string;
  /** Names in lower case; of a token only the length is shown. */
  readonly headers: Readonly<Record<string, string>>;
  /** The beginning of the body as text. */
  readonly body: string;
  /** The size of the whole body, in bytes. */
  readonly bodyBytes: number;
}

/** How much of a body is shown, in bytes: enough to recognise it, little enough to hold. */
const SHOWN_BODY_BYTES = 64 * 1024;

/**
 * Starts the upstream on 127.0.0.1; port 0 takes a free one. Throws `Deno.errors.AddrInUse` if
 * the port is taken.
 */
export function startDemoUpstream(options: { readonly port?: number } = {}): DemoUpstream {
  const stop = new AbortController();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: options.port ?? 0,
    signal: stop.signal,
    onListen: () => {},
  }, echo);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    async close() {
      stop.abort();
      await server.finished;
    },
  };
}

async function echo(request: Request): Promise<Response> {
  const body: Echo = {
    method: request.method,
    path: request.url.replace(/^[a-z]+:\/\/[^/?#]*/i, ""),
    headers: shownHeaders(request.headers),
    ...await readBody(request.body),
  };
  return new Response(`${JSON.stringify(body, null, 2)}\n`, {
    headers: { "content-type": "application/json" },
  });
}

function shownHeaders(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    [...headers].map(([name, value]) => [name, name === "authorization" ? masked(value) : value]),
  );
}

/** `Bearer <812 characters>`: enough to see that a token came, and nothing of the token. */
function masked(value: string): string {
  const space = value.indexOf(" ");
  const scheme = space < 0 ? "" : value.slice(0, space + 1);
  return `${scheme}<${value.length - scheme.length} characters>`;
}

async function readBody(body: ReadableStream<Uint8Array> | null) {
  const decoder = new TextDecoder();
  let text = "";
  let bodyBytes = 0;
  for await (const chunk of body ?? []) {
    const room = Math.max(0, SHOWN_BODY_BYTES - bodyBytes);
    text += decoder.decode(chunk.subarray(0, room), { stream: true });
    bodyBytes += chunk.length;
  }
  return { body: text + decoder.decode(), bodyBytes };
}
