import type { Fetcher } from "../oidc/fetch_json.ts";

/** HTTP client for the provider, whose trusted CAs can change by a reload. */
export interface ProviderClient {
  /** Sends a request, with the CAs set last. */
  readonly fetch: Fetcher;
  /** Replaces the CAs (PEM) trusted besides those of the system. */
  trust(caCerts: readonly string[]): void;
  close(): void;
}

/** Makes a client that trusts these CAs (PEM) besides those of the system. */
export function makeProviderClient(caCerts: readonly string[] = []): ProviderClient {
  let trusted = caCerts;
  let client = clientFor(caCerts);
  return {
    fetch: (url, init) => fetch(url, client === undefined ? init : { ...init, client }),
    trust(wanted) {
      if (JSON.stringify(wanted) === JSON.stringify(trusted)) return;
      trusted = wanted;
      client?.close();
      client = clientFor(wanted);
    },
    close: () => client?.close(),
  };
}

function clientFor(caCerts: readonly string[]): Deno.HttpClient | undefined {
  return caCerts.length === 0 ? undefined : Deno.createHttpClient({ caCerts: [...caCerts] });
}
