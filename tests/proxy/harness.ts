/** The whole proxy between a raw client and an upstream, and the transports it is tested with. */
import type { AccessRecord } from "../../src/ops/access_log.ts";
import type { TlsIdentity } from "../../src/tls/pfx.ts";
import { startProvider } from "../support/provider.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { rawRequest, type RawRequestOptions, type RawResponse } from "../support/raw.ts";
import { defaultClaims, type Members, signHsToken } from "../support/tokens.ts";
import { eventually } from "../support/waiting.ts";
import { type Capabilities, FETCH, HTTP1 } from "./upstream_suite_support.ts";

/** One way to the upstream, as an operator chooses it. */
export interface Transport extends Capabilities {
  readonly name: string;
  /** The settings that choose it. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Every transport: the tests of forwarding run over each. */
export const TRANSPORTS: readonly Transport[] = [
  {
    name: "HTTP/1.1",
    settings: { UPSTREAM_TRANSPORT: "http1" },
    ...HTTP1,
  },
  {
    name: "fetch",
    settings: { UPSTREAM_TRANSPORT: "fetch" },
    ...FETCH,
  },
];

/** The secret that the tokens of these tests are signed with: no key has to be made or fetched. */
export const SECRET = "a secret of at least thirty-two bytes";

/** A proxy in front of an upstream, and a token that it accepts. */
export interface Protected extends AsyncDisposable {
  readonly proxy: TestProxy;
  readonly port: number;
  readonly token: string;
  /** The head of a request with `Host: client.test` and the token, up to and with its empty line. */
  head(line: string, fields?: readonly string[]): string;
  /** Sends that head and a body on a connection of its own and takes one response. */
  ask(line: string, more?: Ask): Promise<RawResponse>;
  /** The record number `index`, as soon as it is there. */
  record(index?: number): Promise<AccessRecord>;
}

/** What a request has besides its line. */
export interface Ask extends RawRequestOptions {
  readonly fields?: readonly string[];
  readonly body?: string;
}

/** How a proxy is started. */
export interface ProtectOptions {
  /** Environment names. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly claims?: Members;
  readonly identity?: TlsIdentity;
}

/** Starts a provider and a proxy in front of `upstreamUrl`. */
export async function protect(
  upstreamUrl: string,
  transport: Pick<Transport, "settings">,
  { settings, claims, identity }: ProtectOptions = {},
): Promise<Protected> {
  const provider = startProvider();
  const token = await tokenOf(provider.url, claims);
  const proxy = await startTestProxy({
    PROVIDER_URL: provider.url,
    UPSTREAM_URL: upstreamUrl,
    CLIENT_SECRET: SECRET,
    ...transport.settings,
    ...settings,
  }, identity);
  const head = (line: string, fields: readonly string[] = []) =>
    headOf(line, ["Host: client.test", `Authorization: Bearer ${token}`, ...fields]);
  return {
    proxy,
    port: proxy.port,
    token,
    head,
    ask: (line, { fields, body = "", ...options } = {}) =>
      rawRequest(proxy.port, head(line, fields) + body, { until: "response", ...options }),
    async record(index = 0) {
      await eventually("an access record", () => proxy.access.length > index);
      const record = proxy.access[index];
      if (record === undefined) throw new Error("unreachable: it was there");
      return record;
    },
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await provider.close();
    },
  };
}

/** A token signed with the secret of these tests. */
export function tokenOf(issuer: string, claims: Members = {}): Promise<string> {
  return signHsToken(SECRET, defaultClaims(Date.now(), { iss: issuer, ...claims }));
}

/** The head of a request with exactly these fields. */
export function headOf(line: string, fields: readonly string[]): string {
  return [`${line} HTTP/1.1`, ...fields, "", ""].join("\r\n");
}
