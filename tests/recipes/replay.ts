/**
 * A recipe in action: the provider of a fixture on this machine, and the proxy with the recipe's
 * settings.
 *
 * Only addresses differ from the page: PROVIDER_URL (and JWKS_URI) lead to the fixture, at the path
 * they have in the recipe where that is the issuer's. What the provider calls itself stays: ISSUER
 * is the recipe's, or where it has none its PROVIDER_URL, which is what the proxy would expect by
 * itself. So the discovery document and the tokens keep the provider's public names. The fixture
 * speaks plain HTTP: PROVIDER_CA_FILE has a test of its own, with the whole program.
 */
import { startProvider, type TestProvider } from "../support/provider.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { type Members, publicJwk, rsaKey, signToken } from "../support/tokens.ts";
import { type HttpUpstream, httpUpstream } from "../support/upstream.ts";
import type { Case, Fixture, TokenShape } from "./fixture.ts";
import type { Recipe } from "./page.ts";

/** Claims that are seconds from now in a fixture. */
const TIMES = new Set(["iat", "exp", "nbf", "auth_time"]);

/** The key that signs, and one that is not published. */
const SIGNING_KEY = 0;
const FOREIGN_KEY = 1;

/** A recipe in action. */
export interface Replay extends AsyncDisposable {
  readonly provider: TestProvider;
  readonly proxy: TestProxy;
  readonly upstream: HttpUpstream;
  /** Sends a request with this token. */
  send(token: string): Promise<Response>;
}

/** Starts provider, upstream and proxy. `changed`: settings over the recipe's. */
export async function startReplay(
  recipe: Recipe,
  fixture: Fixture,
  changed: Case["settings"] = {},
): Promise<Replay> {
  const { PROVIDER_URL = "" } = recipe.settings;
  const key = await rsaKey(SIGNING_KEY);
  const provider = startProvider({
    keys: fixture.keys.map((members) => publicJwk(key, members)),
    path: new URL(PROVIDER_URL).pathname.replace(/\/$/, ""),
  });
  provider.setDiscovery({ ...fixture.discovery, jwks_uri: provider.jwksUrl });
  const upstream = httpUpstream();
  const wanted: Readonly<Record<string, string | undefined>> = {
    ISSUER: PROVIDER_URL,
    ...recipe.settings,
    PROVIDER_URL: provider.url,
    ...("JWKS_URI" in recipe.settings ? { JWKS_URI: provider.jwksUrl } : {}),
    UPSTREAM_URL: upstream.url,
    ...changed,
  };
  const settings = Object.entries(wanted)
    .filter((entry): entry is [string, string] => entry[1] !== undefined);
  const proxy = await startTestProxy(Object.fromEntries(settings));
  return {
    provider,
    proxy,
    upstream,
    send: (token) => fetch(proxy.url, { headers: { authorization: `Bearer ${token}` } }),
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await Promise.all([provider.close(), upstream.close()]);
    },
  };
}

/** The token that a client would send: signed where it is a shape, as it is where it is a text. */
export async function tokenOf(token: TokenShape | string, published = true): Promise<string> {
  if (typeof token === "string") return token;
  const claims: Members = Object.fromEntries(
    Object.entries(token.claims).map(([name, value]) => [name, fromNow(name, value)]),
  );
  // The header is the fixture's alone: some providers send no typ.
  const header = { typ: undefined, ...token.header };
  return await signToken(await rsaKey(published ? SIGNING_KEY : FOREIGN_KEY), claims, header);
}

function fromNow(name: string, value: unknown): unknown {
  return TIMES.has(name) && typeof value === "number"
    ? Math.floor(Date.now() / 1000) + value
    : value;
}
