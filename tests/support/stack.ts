/** Provider, upstream and proxy together, for the tests that speak to the proxy as a client does. */
import { assertEquals } from "./assert.ts";
import { type ProviderOptions, startProvider, type TestProvider } from "./provider.ts";
import { startTestProxy, type TestProxy } from "./proxy.ts";
import { rawRequest, type RawResponse } from "./raw.ts";
import { defaultClaims, type Members, publicJwk, rsaKey, signToken } from "./tokens.ts";
import { type HttpUpstream, httpUpstream } from "./upstream.ts";

/** What came back for one call. */
export interface TestResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** `error` of a JSON body. */
  readonly error: unknown;
}

/** A running stack. The provider publishes the RSA key number 0 as "one". */
export interface Stack extends AsyncDisposable {
  readonly provider: TestProvider;
  readonly upstream: HttpUpstream;
  readonly proxy: TestProxy;
  /** Claims that this stack's provider would put into a token now. */
  claims(overrides?: Members): Members;
  /** A token signed with the key "one". */
  token(overrides?: Members, header?: Members): Promise<string>;
  /** Sends a request with this `Authorization` value. */
  call(
    authorization: string | undefined,
    init?: RequestInit & { path?: string },
  ): Promise<TestResponse>;
  /** Sends a GET with exactly these header lines besides `Host`. */
  callRaw(lines: readonly string[]): Promise<RawResponse>;
}

/** Starts a stack; settings by their environment names, besides the two addresses. */
export async function startStack(
  settings: Readonly<Record<string, string>> = {},
  options: ProviderOptions = {},
): Promise<Stack> {
  const key = await rsaKey();
  const provider = startProvider({ keys: [publicJwk(key, { kid: "one" })], ...options });
  const upstream = httpUpstream();
  const proxy = await startTestProxy({
    PROVIDER_URL: provider.url,
    UPSTREAM_URL: upstream.url,
    ...settings,
  });
  const claims = (overrides: Members = {}) =>
    defaultClaims(Date.now(), { iss: provider.url, ...overrides });
  return {
    provider,
    upstream,
    proxy,
    claims,
    token: (overrides, header) => signToken(key, claims(overrides), { kid: "one", ...header }),
    async call(authorization, { path = "/", ...init } = {}) {
      const headers = new Headers(init.headers);
      if (authorization !== undefined) headers.set("authorization", authorization);
      const response = await fetch(proxy.url + path, { redirect: "manual", ...init, headers });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, error: errorOf(text) };
    },
    callRaw: (lines) =>
      rawRequest(proxy.port, ["GET / HTTP/1.1", "Host: a", ...lines, "", ""].join("\r\n"), {
        until: "response",
      }),
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await upstream.close();
      await provider.close();
    },
  };
}

/** Asserts that a response is a refusal of this status and error, with or without a challenge. */
export function assertRefused(
  response: TestResponse,
  status: number,
  error: string,
  challenge: "none" | "plain" | "error" = "error",
): void {
  assertEquals([response.status, response.error], [status, error]);
  const sent = response.headers.get("www-authenticate");
  const description = JSON.parse(response.text).error_description;
  const expected = {
    none: null,
    plain: 'Bearer realm="ooproxy"',
    error: `Bearer realm="ooproxy", error="${error}", error_description="${description}"`,
  };
  assertEquals(sent, expected[challenge]);
  assertEquals(response.headers.get("cache-control"), "no-store");
}

function errorOf(text: string): unknown {
  try {
    return JSON.parse(text).error;
  } catch {
    return undefined;
  }
}
