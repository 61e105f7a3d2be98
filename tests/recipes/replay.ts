/**
 * A recipe in action: the providers of a fixture on this machine, and the proxy with the recipe's
 * settings.
 *
 * Only addresses differ from the page: those of providers, key sets and introspection lead to the
 * fixture, at the path they have in the recipe where that is the issuer's. What a provider calls
 * itself stays: the issuer is the one that the program makes of the recipe's settings. So the
 * documents and the tokens keep the provider's public names. The fixture speaks plain HTTP: what a
 * pod has of the API server has a test of its own, with the whole program.
 */
import { parse } from "smol-toml";
import { load, type Loaded, SETTINGS_FILE } from "../../src/config/load.ts";
import { renderProblems } from "../../src/config/problems.ts";
import { addressesOf } from "../../src/config/provider.ts";
import { SETTING_NAMES } from "../../src/config/schema.ts";
import { ok } from "../../src/result.ts";
import { startProvider, type TestProvider } from "../support/provider.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import {
  type Members,
  pairFor,
  publicJwk,
  rsaKey,
  signHsToken,
  signToken,
  type TestKey,
} from "../support/tokens.ts";
import { type HttpUpstream, httpUpstream } from "../support/upstream.ts";
import type { Case, Fixture, Issuer, TokenShape } from "./fixture.ts";
import type { Recipe, Settings } from "./page.ts";

/** Claims that are seconds from now in a fixture. */
const TIMES = new Set(["iat", "exp", "nbf", "auth_time"]);

/** The key that signs, and one that is not published. */
const SIGNING_KEY = 0;
const FOREIGN_KEY = 1;

/** What stands in the file of any secret. */
const SECRET = "a secret of the proxy, 32 bytes or more";

/** Where the API server has its key set. */
const API_SERVER_KEYS = "/openid/v1";

/** A recipe in action. */
export interface Replay extends AsyncDisposable {
  readonly providers: readonly TestProvider[];
  readonly proxy: TestProxy;
  readonly upstream: HttpUpstream;
  /** Sends a request with this token. */
  send(token: string): Promise<Response>;
}

/** The recipe's settings as the program reads them; `more` over those of the block. */
export function loadRecipe({ settings, file }: Recipe, more: Settings = {}): Loaded {
  const loaded = load({
    env: {
      LISTEN_URL: "127.0.0.1:0",
      UPSTREAM_URL: "https://upstream.example.com",
      ...settings,
      ...more,
    },
    flags: {},
    readFile: () => ok(SECRET),
    ...(file === undefined ? {} : { file: { name: SETTINGS_FILE, text: file } }),
  });
  if (!loaded.ok) throw new Error(renderProblems(loaded.failure));
  return loaded.value;
}

/** Starts providers, upstream and proxy. `changed`: settings over the recipe's. */
export async function startReplay(
  recipe: Recipe,
  fixture: Fixture,
  changed: Case["settings"] = {},
): Promise<Replay> {
  const key = await signingKey(fixture.good);
  const configured = loadRecipe(recipe).config.providers;
  const issuers = [fixture, ...fixture.others ?? []];
  if (issuers.length !== configured.length) throw new Error("a provider without a fixture");
  const places = configured.map((config, at): Place => {
    const issuer = issuers[at] ?? fixture; // of the same length
    const { url, issuer: name } = addressesOf(config);
    const path = config.type === "kubernetes"
      ? API_SERVER_KEYS
      : url === ""
      ? ""
      : new URL(url).pathname.replace(/\/$/, "");
    const provider = startProvider({
      keys: issuer.keys.map((members) => publicJwk(key, members)),
      path,
    });
    const endpoint = startIntrospection(issuer);
    provider.setDiscovery({
      ...issuer.discovery,
      jwks_uri: provider.jwksUrl,
      introspection_endpoint: endpoint.url,
    });
    return { type: config.type, name, provider, endpoint };
  });
  const upstream = httpUpstream();
  const settings = recipe.file === undefined
    ? flatSettings({ ...recipe.settings, ...changed }, places)
    : { PROVIDERS: JSON.stringify(entriesOf(recipe.file, places)) };
  const proxy = await startTestProxy({ ...settings, UPSTREAM_URL: upstream.url });
  return {
    providers: places.map(({ provider }) => provider),
    proxy,
    upstream,
    send: (token) => fetch(proxy.url, { headers: { authorization: `Bearer ${token}` } }),
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await Promise.all([
        upstream.close(),
        ...places.flatMap(({ provider, endpoint }) => [provider.close(), endpoint.close()]),
      ]);
    },
  };
}

/** One provider of a recipe on this machine. */
interface Place {
  readonly type: string;
  /** The issuer as the recipe has it. */
  readonly name: string;
  readonly provider: TestProvider;
  readonly endpoint: Endpoint;
}

function flatSettings(
  wanted: NonNullable<Case["settings"]>,
  [place]: readonly Place[],
): Record<string, string> {
  if (place === undefined) throw new Error("no provider");
  const { type, name, provider } = place;
  const url = type === "kubernetes" ? provider.origin : provider.url;
  const settings: Record<string, string> = {
    ISSUER: name,
    ...(type === "spiffe" ? {} : { PROVIDER_URL: url }),
  };
  for (const [setting, value] of Object.entries(wanted)) {
    if (value === undefined || setting in settings) continue;
    if (setting === "JWKS_URI") settings.JWKS_URI = provider.jwksUrl;
    // The file of a secret.
    else if (!SETTING_NAMES.some((known) => known === setting)) {
      settings[setting.replace(/_FILE$/, "")] = SECRET;
    } else settings[setting] = value;
  }
  return settings;
}

/** The entries of a settings file with the addresses of the fixture. */
function entriesOf(file: string, places: readonly Place[]): readonly Members[] {
  const { provider: entries, ...rest } = parse(file);
  if (!Array.isArray(entries) || Object.keys(rest).length > 0) throw new Error("not [[provider]]");
  return places.map(({ name, provider }, at) => ({
    ...entries[at] as Members, // the file was loaded before
    url: provider.url,
    issuer: name,
  }));
}

interface Endpoint {
  readonly url: string;
  close(): Promise<void>;
}

/** An endpoint that knows the fixture's opaque tokens alone (RFC 7662). */
function startIntrospection({ active = {} }: Issuer): Endpoint {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const token = new URLSearchParams(await request.text()).get("token") ?? "";
      const found = active[token];
      return Response.json(
        found === undefined ? { active: false } : { active: true, ...timed(found) },
      );
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/introspect`,
    close: () => server.shutdown(),
  };
}

/** The token that a client would send: signed where it is a shape, as it is where it is a text. */
export async function tokenOf(token: TokenShape | string, published = true): Promise<string> {
  if (typeof token === "string") return token;
  const claims = timed(token.claims);
  // The header is the fixture's alone: some providers send no typ.
  const header = { typ: undefined, ...token.header };
  if (String(token.header.alg).startsWith("HS")) return await signHsToken(SECRET, claims, header);
  const key = await signingKey(token, published ? SIGNING_KEY : FOREIGN_KEY);
  return await signToken(key, claims, header);
}

function signingKey({ header: { alg } }: TokenShape, index = SIGNING_KEY): Promise<TestKey> {
  return alg === "ES256" ? pairFor("ES256", index) : rsaKey(index);
}

function timed(claims: Members): Members {
  return Object.fromEntries(
    Object.entries(claims).map(([name, value]) => [name, fromNow(name, value)]),
  );
}

function fromNow(name: string, value: unknown): unknown {
  return TIMES.has(name) && typeof value === "number"
    ? Math.floor(Date.now() / 1000) + value
    : value;
}
