/** Waiting, and ports that nobody listens on. */

/** How often a condition is looked at, in milliseconds. */
const LOOK_EVERY_MS = 5;

/** Waits until `met` holds; throws after `timeoutMs` milliseconds. */
export async function eventually(
  met: () => boolean,
  what: string,
  timeoutMs = 3000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!met()) {
    if (performance.now() > end) throw new Error(`${what} within ${timeoutMs} ms`);
    await pause(LOOK_EVERY_MS);
  }
}

/** Lets some time pass, in milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A port that nobody listens on. */
export function closedPort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}
