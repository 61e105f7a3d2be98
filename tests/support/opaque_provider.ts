/** A real OpenID provider whose access tokens are opaque, with clients that may introspect them. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Provider as UntypedProvider } from "oidc-provider/lib/provider.js";
import { encodeForm } from "./client.ts";

interface ProviderInstance {
  callback(): (request: IncomingMessage, response: ServerResponse) => void;
}
const Provider = UntypedProvider as unknown as new (
  issuer: string,
  configuration: Readonly<Record<string, unknown>>,
) => ProviderInstance;

/** A running provider. */
export interface OpaqueTestProvider extends AsyncDisposable {
  readonly url: string;
  /** How often a token was asked about. */
  readonly introspections: number;
  /** The greatest number of introspections that were in flight at once. */
  readonly mostAtOnce: number;
  /** The private key (JWK) of the client `proxy-key`. */
  readonly proxyKey: JsonWebKey;
  /** An opaque token for the audience `myapi`. */
  token(scope?: string): Promise<string>;
  /** Has the provider forget a token. */
  revoke(token: string): Promise<void>;
  /** Delays each introspection, in milliseconds. */
  delay(ms: number): void;
  /** Closes the port; connections are refused from now on. */
  stop(): Promise<void>;
  /** Listens on the same port again. */
  comeBack(): Promise<void>;
}

/** The secret of each client. A form has to encode some of its characters. */
export const PROXY_SECRET = "s3cret: with & and %";

/** Starts it on a free port of 127.0.0.1. */
export async function startOpaqueProvider(): Promise<OpaqueTestProvider> {
  const [proxyKey, signingKey] = [await makeKey(), await makeKey()];
  const { d: _, ...publicKey } = proxyKey;
  let delayMs = 0;
  const count = { introspections: 0, running: 0, most: 0 };
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => {};
  const server = createServer((request, response) => {
    if (!request.url?.endsWith("/introspection")) return handle(request, response);
    count.introspections++;
    count.most = Math.max(count.most, ++count.running);
    response.on("close", () => count.running--);
    setTimeout(() => handle(request, response), delayMs);
  });
  const listen = (port: number) =>
    new Promise<number>((resolve) =>
      server.listen(port, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      })
    );
  const port = await listen(0);
  const url = `http://127.0.0.1:${port}`;
  handle = new Provider(url, configuration(publicKey, signingKey)).callback();
  const post = async (path: string, client: string, form: Record<string, string>) => {
    const response = await fetch(url + path, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(encodeForm([client, PROXY_SECRET]))}` },
      body: new URLSearchParams(form),
    });
    const text = await response.text();
    return text === "" ? {} : JSON.parse(text);
  };
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url,
    get introspections() {
      return count.introspections;
    },
    get mostAtOnce() {
      return count.most;
    },
    proxyKey,
    async token(scope = "read") {
      const { access_token: token } = await post("/token", "caller", {
        grant_type: "client_credentials",
        scope,
      });
      if (typeof token !== "string") throw new Error("the provider gave no token");
      return token;
    },
    revoke: async (token) => void await post("/token/revocation", "caller", { token }),
    delay: (ms) => void (delayMs = ms),
    stop,
    comeBack: async () => void await listen(port),
    [Symbol.asyncDispose]: () => server.listening ? stop() : Promise.resolve(),
  };
}

function configuration(publicKey: JsonWebKey, signingKey: JsonWebKey) {
  const common = {
    redirect_uris: [],
    response_types: [],
    scope: "read write",
  };
  const withSecret = { ...common, client_secret: PROXY_SECRET };
  return {
    adapter: memoryAdapter(),
    jwks: { keys: [{ ...signingKey, use: "sig", alg: "ES256" }] },
    clientDefaults: { id_token_signed_response_alg: "ES256" },
    clients: [
      { ...withSecret, client_id: "caller", grant_types: ["client_credentials"] },
      { ...withSecret, client_id: "proxy", grant_types: [] },
      {
        ...withSecret,
        client_id: "proxy-post",
        grant_types: [],
        token_endpoint_auth_method: "client_secret_post",
      },
      {
        ...common,
        client_id: "proxy-key",
        grant_types: [],
        token_endpoint_auth_method: "private_key_jwt",
        token_endpoint_auth_signing_alg: "ES256",
        jwks: { keys: [{ ...publicKey, use: "sig" }] },
      },
    ],
    scopes: ["read", "write"],
    responseTypes: ["none"],
    clientAuthMethods: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
    cookies: { keys: [crypto.randomUUID()] },
    ttl: { ClientCredentials: 600 },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => "urn:test:api",
        getResourceServerInfo: () => ({
          scope: "read write",
          audience: "myapi",
          accessTokenTTL: 600,
          accessTokenFormat: "opaque",
        }),
      },
    },
  };
}

/** Keeps everything by its kind and id. */
function memoryAdapter() {
  const stored = new Map<string, unknown>();
  return class {
    readonly #kind: string;
    constructor(kind: string) {
      this.#kind = kind;
    }
    upsert(id: string, payload: unknown): Promise<void> {
      stored.set(`${this.#kind} ${id}`, payload);
      return Promise.resolve();
    }
    find(id: string): Promise<unknown> {
      return Promise.resolve(stored.get(`${this.#kind} ${id}`));
    }
    destroy(id: string): Promise<void> {
      stored.delete(`${this.#kind} ${id}`);
      return Promise.resolve();
    }
    findByUid = () => Promise.resolve(undefined);
    findByUserCode = () => Promise.resolve(undefined);
    consume = () => Promise.resolve(undefined);
    revokeByGrantId = () => Promise.resolve(undefined);
  };
}

async function makeKey(): Promise<JsonWebKey> {
  const pair = await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: "P-256" },
    true,
    ["sign", "verify"],
  );
  const { key_ops: _ops, ext: _ext, ...jwk } = await crypto.subtle.exportKey(
    "jwk",
    pair.privateKey,
  );
  return { ...jwk, ...{ kid: "proxy" } };
}
