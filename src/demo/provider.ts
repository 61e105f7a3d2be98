/**
 * A complete OpenID provider in this process, for trying the proxy out and for its end-to-end
 * tests: the client credentials grant and signed JWT access tokens, and nothing that lasts. Never
 * part of the serving path.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
// Not the package's front door: that prints a warning for every runtime but Node when imported.
import { Provider as UntypedProvider } from "oidc-provider/lib/provider.js";

/** Algorithms the provider can sign its tokens with. */
export type DemoAlgorithm = "RS256" | "RS384" | "RS512" | "PS256" | "ES256" | "EdDSA";

/** A client that may ask for tokens, with HTTP Basic or with form fields. */
export interface DemoClient {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** What the provider can be started with; everything has a default. */
export interface DemoProviderOptions {
  /** Port of 127.0.0.1; 0 (the default) takes a free one. */
  readonly port?: number;
  /** The `aud` claim of every token. */
  readonly audience?: string;
  /** How long a token is valid, in seconds. */
  readonly accessTokenTtlSecs?: number;
  readonly algorithm?: DemoAlgorithm;
  /** The clients; `demo-client` with `demo-secret` alone if absent. The first is the default one. */
  readonly clients?: readonly DemoClient[];
}

/** What to ask a token for. */
export interface DemoTokenRequest {
  /** The client that asks; the first one if absent. */
  readonly client?: DemoClient;
  /** Scopes to ask for, separated by spaces: of `read` and `write`. */
  readonly scope?: string;
}

/** A running provider. */
export interface DemoProvider {
  /** Its address without a slash at the end, which is its issuer too. */
  readonly url: string;
  readonly issuer: string;
  readonly audience: string;
  /** Where tokens are asked for. */
  readonly tokenUrl: string;
  /** The first client. */
  readonly clientId: string;
  readonly clientSecret: string;
  /** Asks for a token as a client would; rejects if none is given. */
  token(request?: DemoTokenRequest): Promise<string>;
  /** Stops listening and drops all connections. */
  close(): Promise<void>;
}

/** The audience of the demo's tokens where no other is given. */
export const DEMO_AUDIENCE = "ooproxy-demo";

/** An hour, in seconds: long enough to play with one token. */
const DEFAULT_TTL_SECS = 3600;

/** The one resource tokens are for: a plain token request does not name any. */
const RESOURCE = "urn:ooproxy:demo";

/** The scope that the demo's proxy asks for. */
export const DEMO_SCOPE = "read";

/** A scope that is of no use there. */
export const OTHER_SCOPE = "write";

/** The scopes a client may ask for. */
const SCOPES = `${DEMO_SCOPE} ${OTHER_SCOPE}`;

/** How long asking for a token may take, in milliseconds. */
const TOKEN_LIMIT_MS = 10_000;

const DEMO_CLIENT: DemoClient = { clientId: "demo-client", clientSecret: "demo-secret" };

/** The little of the untyped package that is used here. */
interface ProviderInstance {
  callback(): (request: IncomingMessage, response: ServerResponse) => void;
}
const Provider = UntypedProvider as unknown as new (
  issuer: string,
  configuration: Readonly<Record<string, unknown>>,
) => ProviderInstance;

/**
 * Starts a provider with freshly made keys on 127.0.0.1. Rejects with an error whose `code` is
 * `EADDRINUSE` if the given port is taken.
 *
 * It speaks plain HTTP and keeps no token, session or grant: it is not for any real use.
 */
export async function startDemoProvider(options: DemoProviderOptions = {}): Promise<DemoProvider> {
  const clients = options.clients ?? [DEMO_CLIENT];
  const [first = DEMO_CLIENT] = clients;
  const audience = options.audience ?? DEMO_AUDIENCE;
  const algorithm = options.algorithm ?? "RS256";
  const ttlSecs = options.accessTokenTtlSecs ?? DEFAULT_TTL_SECS;
  const key = await signingKey(algorithm);
  const server = createServer();
  // Listening comes first because the issuer holds the port.
  const url = `http://127.0.0.1:${await listen(server, options.port ?? 0)}`;
  const configuration = configure({ clients, audience, algorithm, ttlSecs, key });
  server.on("request", new Provider(url, configuration).callback());
  const tokenUrl = `${url}/token`;
  return {
    url,
    issuer: url,
    audience,
    tokenUrl,
    clientId: first.clientId,
    clientSecret: first.clientSecret,
    token: (request = {}) => askForToken(tokenUrl, request.client ?? first, request.scope),
    close: () => close(server),
  };
}

interface Settled {
  readonly clients: readonly DemoClient[];
  readonly audience: string;
  readonly algorithm: DemoAlgorithm;
  readonly ttlSecs: number;
  readonly key: JsonWebKey;
}

function configure({ clients, audience, algorithm, ttlSecs, key }: Settled) {
  const resourceServer = {
    scope: SCOPES,
    audience,
    accessTokenTTL: ttlSecs,
    accessTokenFormat: "jwt",
    jwt: { sign: { alg: algorithm } },
  };
  return {
    adapter: forgetfulAdapter,
    jwks: { keys: [key] },
    clients: clients.map(({ clientId, clientSecret }) => ({
      client_id: clientId,
      client_secret: clientSecret,
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
      scope: SCOPES,
    })),
    clientDefaults: { id_token_signed_response_alg: algorithm },
    enabledJWA: { idTokenSigningAlgValues: [algorithm] },
    clientAuthMethods: ["client_secret_basic", "client_secret_post"],
    responseTypes: ["none"],
    scopes: SCOPES.split(" "),
    cookies: { keys: [crypto.randomUUID()] },
    ttl: { ClientCredentials: ttlSecs },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        getResourceServerInfo: () => resourceServer,
      },
    },
  };
}

/** Storage that keeps nothing: clients come from the configuration, and JWTs are not stored. */
function forgetfulAdapter() {
  const nothing = () => Promise.resolve(undefined);
  return {
    upsert: nothing,
    find: nothing,
    findByUid: nothing,
    findByUserCode: nothing,
    consume: nothing,
    destroy: nothing,
    revokeByGrantId: nothing,
  };
}

async function signingKey(algorithm: DemoAlgorithm): Promise<JsonWebKey> {
  const pair = await crypto.subtle.generateKey(keyParameters(algorithm), true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error(`${algorithm} does not make a key pair`);
  const { key_ops: _ops, ext: _ext, ...jwk } = await crypto.subtle.exportKey(
    "jwk",
    pair.privateKey,
  );
  return Object.assign(jwk, { kid: crypto.randomUUID(), alg: algorithm, use: "sig" });
}

function keyParameters(algorithm: DemoAlgorithm): RsaHashedKeyGenParams | EcKeyGenParams | {
  name: string;
} {
  if (algorithm === "EdDSA") return { name: "Ed25519" };
  if (algorithm === "ES256") return { name: "ECDSA", namedCurve: "P-256" };
  return {
    name: algorithm.startsWith("PS") ? "RSA-PSS" : "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: `SHA-${algorithm.slice(2)}`,
  };
}

/** Listens on 127.0.0.1 and returns the port. */
function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("no port"));
      else resolve(address.port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function askForToken(url: string, client: DemoClient, scope?: string): Promise<string> {
  const form = new URLSearchParams({ grant_type: "client_credentials" });
  if (scope !== undefined) form.set("scope", scope);
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: basic(client) },
    body: form,
    signal: AbortSignal.timeout(TOKEN_LIMIT_MS),
  });
  const body: { access_token?: unknown; error?: unknown } = await response.json();
  if (typeof body.access_token === "string") return body.access_token;
  throw new Error(`the provider gave no token: ${response.status} ${body.error}`);
}

/** HTTP Basic credentials, form-encoded first (RFC 6749, section 2.3.1). */
function basic({ clientId, clientSecret }: DemoClient): string {
  return `Basic ${btoa(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`)}`;
}
