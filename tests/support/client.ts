import type { WaitingClient } from "../../src/fair_places.ts";

/** A client of a test, which can leave. */
export interface TestClient extends WaitingClient {
  leave(): void;
}

/** A client at this address. */
export function clientAt(address = "192.0.2.1"): TestClient {
  const abort = new AbortController();
  return { peer: { address }, signal: abort.signal, leave: () => abort.abort() };
}

/** A client that stays, for tests in which it does not matter who asks. */
export const CLIENT: WaitingClient = clientAt();
