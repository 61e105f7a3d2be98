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

/** Texts form-encoded, with a colon between them: as HTTP Basic credentials want them (RFC 6749, section 2.3.1). */
export function encodeForm(texts: readonly string[]): string {
  return texts.map((text) => new URLSearchParams([["", text]]).toString().slice(1)).join(":");
}
