import { fail, ok, type Result } from "../result.ts";
import type { Handler } from "./handler.ts";

/** An address to listen on. */
export interface Address {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** Key and certificate chain, PEM. */
export interface TlsIdentity {
  readonly certPem: string;
  readonly keyPem: string;
}

/** What to listen on. */
export interface ListenOptions {
  readonly plain: Address | undefined;
  readonly tls: (Address & { readonly identity: TlsIdentity }) | undefined;
  /** Whether other processes listen on the same addresses (`SO_REUSEPORT`). */
  readonly shared: boolean;
}

/** Open listeners. */
export interface Listeners {
  /** The URLs they are reached at, with the ports that were really taken. */
  readonly urls: readonly string[];
  /** Stops accepting and resolves when the last running request is over. */
  shutdown(): Promise<void>;
}

/**
 * Opens the listeners: HTTP/1.1 in plain, HTTP/1.1 and HTTP/2 over TLS.
 *
 * Fails with one line for the operator when an address cannot be had; nothing stays open then.
 *
 * @param handler asked for at every request, so that it can be exchanged while the listeners stay.
 */
export async function listen(
  { plain, tls, shared }: ListenOptions,
  handler: () => Handler,
): Promise<Result<Listeners, string>> {
  const servers: { url: string; server: Deno.HttpServer<Deno.NetAddr> }[] = [];
  const shutdown = async () => {
    await Promise.all(servers.map(({ server }) => server.shutdown()));
  };
  for (const address of [plain, tls]) {
    if (address === undefined) continue;
    const secure = address === tls;
    const scheme = secure ? "https" : "http";
    try {
      const server = serve(address, secure ? tls.identity : undefined, shared, handler);
      servers.push({ url: urlOf(scheme, address.hostname, server.addr.port), server });
    } catch (error) {
      await shutdown();
      return fail(explain(urlOf(scheme, address.hostname, address.port), secure, error));
    }
  }
  return ok({ urls: servers.map(({ url }) => url), shutdown });
}

function serve(
  { hostname, port }: Address,
  identity: TlsIdentity | undefined,
  reusePort: boolean,
  handler: () => Handler,
): Deno.HttpServer<Deno.NetAddr> {
  const secure = identity !== undefined;
  return Deno.serve({
    hostname,
    port,
    reusePort,
    onListen() {},
    // A body that breaks off has been told of where it broke; the server ends the connection.
    onError: () => new Response(null, { status: 500 }),
    ...(secure ? { cert: identity.certPem, key: identity.keyPem } : {}),
  }, (request, info) => handler()(request, { address: info.remoteAddr.hostname, secure }));
}

function urlOf(scheme: string, hostname: string, port: number): string {
  return `${scheme}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

function explain(url: string, secure: boolean, error: unknown): string {
  const setting = secure ? "LISTEN_SSL_URL" : "LISTEN_URL";
  if (error instanceof Deno.errors.AddrInUse) {
    return `${setting}: cannot listen on ${url}: the address is in use; stop the other program or choose another port`;
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return `${setting}: cannot listen on ${url}: this machine has no such address`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `${setting}: cannot listen on ${url}: not permitted; ports below 1024 need a privilege`;
  }
  return `${setting}: cannot listen on ${url}: ${
    error instanceof Error ? error.message : String(error)
  }`;
}
