import { MAX_TOKEN_LENGTH } from "../limits.ts";
import { CredentialsError } from "../oidc/fetch_error.ts";
import type { Fetcher } from "../oidc/fetch_json.ts";

/** A token that the provider's own host is shown. */
export interface ProviderCredentials {
  /** The provider's URL. */
  readonly url: string;
  /** The file with the token, read anew for each request. */
  readonly tokenFile: string;
}

/** HTTP client for the provider, whose trusted CAs can change by a reload. */
export interface ProviderClient {
  /** Sends a request, with the CAs set last. */
  readonly fetch: Fetcher;
  /** Replaces the CAs (PEM) trusted besides those of the system. */
  trust(caCerts: readonly string[]): void;
  close(): void;
}

/**
 * Makes a client that trusts these CAs (PEM) besides those of the system.
 *
 * @param credentials a token for requests to the provider's own origin over TLS, and to no other: a
 * discovery document may name a key set elsewhere. `fetch` rejects with `CredentialsError` where it
 * cannot be read.
 */
export function makeProviderClient(
  caCerts: readonly string[],
  credentials?: ProviderCredentials,
): ProviderClient {
  let trusted = caCerts;
  let client = clientFor(caCerts);
  return {
    async fetch(url, init) {
      const headers = new Headers(init.headers);
      if (credentials !== undefined && isOwn(url, credentials.url)) {
        headers.set("authorization", `Bearer ${await readProviderToken(credentials.tokenFile)}`);
      }
      return await fetch(url, { ...init, headers, ...(client === undefined ? {} : { client }) });
    },
    trust(wanted) {
      if (JSON.stringify(wanted) === JSON.stringify(trusted)) return;
      trusted = wanted;
      client?.close();
      client = clientFor(wanted);
    },
    close: () => client?.close(),
  };
}

function isOwn(url: string, providerUrl: string): boolean {
  const { origin, protocol } = new URL(url);
  return protocol === "https:" && origin === new URL(providerUrl).origin;
}

/**
 * Reads the token in a file as it is now; an orchestrator replaces it before it ends. Throws
 * `CredentialsError` where there is none, and for a pipe or a device, which might never end.
 */
export async function readProviderToken(path: string): Promise<string> {
  let text: string;
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) throw new CredentialsError("is no regular file");
    if (size > MAX_TOKEN_LENGTH) throw new CredentialsError("holds more than a token");
    text = (await Deno.readTextFile(path)).trim();
  } catch (error) {
    if (error instanceof CredentialsError) throw error;
    throw new CredentialsError(`cannot be read (${error instanceof Error ? error.name : "error"})`);
  }
  // What is no token must not reach a header, nor an error that would show it.
  if (!/^[A-Za-z0-9\-._~+/]+=*$/.test(text)) throw new CredentialsError("holds no token");
  return text;
}

function clientFor(caCerts: readonly string[]): Deno.HttpClient | undefined {
  return caCerts.length === 0 ? undefined : Deno.createHttpClient({ caCerts: [...caCerts] });
}
