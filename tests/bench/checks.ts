/** Two looks at this proxy that belong to single cases: does it relay, does it log every request. */
import { pause } from "../support/waiting.ts";

/** How long the proxy may take to respond or to write its last lines, in milliseconds. */
const PATIENCE_MS = 3000;

/** Pause between two looks at the log, in milliseconds. */
const LOOK_PAUSE_MS = 100;

/**
 * Asks for a WebSocket (RFC 6455, section 4.1) and gives the status line of the response, or the
 * system's word when there is none. The connection is closed at once.
 */
export async function upgradeStatus(port: number, token: string): Promise<string> {
  const request = [
    "GET /hello HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${token}`,
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
    const [line = ""] = new TextDecoder().decode(buffer.subarray(0, length ?? 0)).split("\r\n");
    return line === "" ? "no response" : line;
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
