import type { Fetcher } from "../oidc/fetch_json.ts";

/** The way to the provider, whose trust can change while the program runs. */
export interface ProviderClient {
  /** Asks the provider, trusting whom it was last told to trust. */
  readonly fetch: Fetcher;
  /** Trusts these authorities (PEM), besides those of the system, from now on. */
  trust(caCerts?: readonly string[]): void;
  close(): void;
}

/** Makes a client that trusts the system's authorities alone. */
export function makeProviderClient(): ProviderClient {
  let caCerts: readonly string[] = [];
  let client: Deno.HttpClient | undefined;
  return {
    fetch: (url, init) => fetch(url, client === undefined ? init : { ...init, client }),
    trust(wanted = []) {
      if (JSON.stringify(wanted) === JSON.stringify(caCerts)) return;
      caCerts = wanted;
      client?.close();
      client = wanted.length === 0 ? undefined : Deno.createHttpClient({ caCerts: [...wanted] });
    },
    close: () => client?.close(),
  };
}
