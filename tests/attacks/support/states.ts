/** Connections that a client without a token leaves open, and how it goes on. */
import { openRaw, type RawSocket } from "../../support/raw.ts";
import { pause } from "../../support/waiting.ts";

/** What a client sends before it falls silent. */
export interface State {
  readonly name: string;
  readonly sends: string;
}

function head(method: string, ...fields: readonly string[]): string {
  return [`${method} / HTTP/1.1`, "Host: a", ...fields, "", ""].join("\r\n");
}

/** Requests whose body never comes, that the proxy can end. */
export const REFUSED_BODIES: readonly State[] = [
  { name: "POST with a length and no byte", sends: head("POST", "Content-Length: 1000") },
  { name: "POST with half of its body", sends: head("POST", "Content-Length: 10") + "01234" },
  { name: "POST with chunks that do not come", sends: head("POST", "Transfer-Encoding: chunked") },
  {
    name: "POST with one chunk and no more",
    sends: head("POST", "Transfer-Encoding: chunked") + "3\r\nabc\r\n",
  },
  {
    name: "POST that asks before it sends",
    sends: head("POST", "Content-Length: 9", "Expect: 100-continue"),
  },
  { name: "GET with a length and no byte", sends: head("GET", "Content-Length: 1000") },
];

/** Connections that the runtime gives no way to end. */
export const NEVER_ENDED: readonly State[] = [
  { name: "HEAD with a length and no byte", sends: head("HEAD", "Content-Length: 1000") },
  { name: "HTTP/2 preface", sends: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" },
  { name: "responses that nobody reads", sends: head("GET").repeat(20_000) },
];

/** Opens connections in a state; those that cannot be opened are left out. */
export async function openMany(port: number, state: State, count: number): Promise<RawSocket[]> {
  const opened = await Promise.all(Array.from({ length: count }, async () => {
    const socket = await openRaw(port).catch(() => undefined);
    void socket?.send(state.sends);
    return socket;
  }));
  return opened.filter((socket) => socket !== undefined);
}

/** How long a client whose connection has ended waits before it opens another, in milliseconds. */
const PAUSE_MS = 100;

/** Keeps as many connections in a state as it can: opens one for each that the proxy ends. */
export function keepOpen(port: number, state: State, count: number) {
  const held = new Set<RawSocket>();
  let stopped = false;
  let ended = 0;

  async function one(): Promise<void> {
    while (!stopped) {
      const socket = await openRaw(port).catch(() => undefined);
      if (socket === undefined) {
        await pause(PAUSE_MS);
        continue;
      }
      held.add(socket);
      void socket.send(state.sends);
      while (!stopped && !await socket.untilClosed(250));
      held.delete(socket);
      if (!stopped) ended++;
      await socket.close();
      if (!stopped) await pause(PAUSE_MS);
    }
  }

  const running = Array.from({ length: count }, one);
  return {
    held: () => held.size,
    ended: () => ended,
    async [Symbol.asyncDispose]() {
      stopped = true;
      await Promise.all(running);
    },
  };
}
