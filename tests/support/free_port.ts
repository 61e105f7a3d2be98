/** Ports below those that the system gives to port 0 and to connections on their way out (Linux: 32768 on). */
const [FIRST, LAST] = [12_000, 31_999];

/**
 * A port of 127.0.0.1 that nobody uses at the moment, for those that cannot be told to use port 0. No other
 * test gets it by chance: it is none that the system gives away by itself.
 */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
