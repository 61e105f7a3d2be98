/** Looks at a proxy around a case: does it check tokens, does it relay, does it log every request. */
import { pause } from "../support/waiting.ts";

/** How long the proxy may take to respond or to write its last lines, in milliseconds. */
const PATIENCE_MS = 3000;

/** Pause between two looks at the log, in milliseconds. */
const LOOK_PAUSE_MS = 100;

/**
 * Asks for a WebSocket (RFC 6455, section 4.1) and gives the status of the response, or the system's
 * word when there is none. The connection is closed at once.
 */
export async function upgradeStatus(port: number, token: string | undefined): Promise<string> {
  const request = [
    "GET /hello HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${crypto.getRandomValues(new Uint8Array(16)).toBase64()}`,
  ];
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port, signal });
    const close = () => connection.close();
    signal.addEventListener("abort", close);
    await connection.write(new TextEncoder().encode(`${request.join("\r\n")}\r\n\r\n`));
    const buffer = new Uint8Array(1024);
    const length = await connection.read(buffer);
    signal.removeEventListener("abort", close);
    const text = new TextDecoder().decode(buffer.subarray(0, length ?? 0));
    return /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? "no response";
  } catch (error) {
    return error instanceof Error ? error.message : "no response";
  }
}

/** The tokens of a check. */
export interface CheckTokens {
  readonly token: string;
  /** Tokens to refuse, by what is wrong with them. */
  readonly badTokens: ReadonlyMap<string, string>;
}

/**
 * Whether a proxy does its job: 2xx (101 to a WebSocket) with the good token; 401 or 403 without a
 * token and with each bad one.
 *
 * @param status asks for the status with a token, or without
 * @returns what is wrong, or nothing
 */
export async function checkFault(
  status: (token: string | undefined) => Promise<string>,
  { token, badTokens }: CheckTokens,
): Promise<string | undefined> {
  const good = await status(token);
  if (!/^(?:101|2\d\d)$/.test(good)) return `refuses a good token (${good})`;
  for (const [what, bad] of [["no token", undefined], ...badTokens] as const) {
    const refused = await status(bad);
    if (!/^40[13]$/.test(refused)) return `does not refuse ${what} (${refused})`;
  }
  return undefined;
}

/**
 * The status of a GET on a connection of its own, or the system's word when there is no response.
 *
 * @param authority who signed the certificate, PEM, where the URL is one of TLS
 */
export async function statusOf(url: string, token?: string, authority?: string): Promise<string> {
  using client = Deno.createHttpClient({
    poolMaxIdlePerHost: 0,
    ...(authority === undefined ? {} : { caCerts: [authority] }),
  });
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(url, { headers, signal, client });
    await response.body?.cancel();
    return String(response.status);
  } catch (error) {
    return error instanceof Error ? error.message : "no response";
  }
}

/** Counts the lines of a file, waiting a little while there are fewer than `least`. */
export async function countLines(path: string, least: number): Promise<number> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    let lines = 0;
    using file = await Deno.open(path);
    for await (const part of file.readable) {
      for (let at = part.indexOf(10); at !== -1; at = part.indexOf(10, at + 1)) lines++;
    }
    if (lines >= least || performance.now() >= deadline) return lines;
    await pause(LOOK_PAUSE_MS);
  }
}
