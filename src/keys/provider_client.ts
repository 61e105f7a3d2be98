import type { Fetcher } from "../oidc/fetch_json.ts";

/** The way to the provider, whose trust can change while the program runs. */
export interface ProviderClient {
  /** Asks the provider, trusting whom it was last told to trust. */
  readonly fetch: Fetcher;
  /** Trusts these authorities (PEM), besides those of the system, from now on. */
  trust(caCerts: readonly string[]): void;
  close(): void;
}

/** Makes a client that trusts these authorities (PEM) besides those of the system. */
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
