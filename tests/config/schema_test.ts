import { camelCase, flagName, tomlKey } from "../../src/config/names.ts";
import {
  changedNeedingRestart,
  type Config,
  INPUT_NAMES,
  logSettings,
  namesWith,
  PER_PROVIDER,
  type ProviderConfig,
  providerKey,
  rowOf,
  SETTING_NAMES,
  type SettingName,
  valuesOf,
  workerConfig,
  workerProviderConfig,
} from "../../src/config/schema.ts";
import { filesNamedBy } from "../../src/config/named_files.ts";
import { GROUPS } from "../../src/config/row.ts";
import type { ListenAddress } from "../../src/config/address_kinds.ts";
import type { LogLevel } from "../../src/ops/log_record.ts";
import { assert, assertEquals, assertExcludes, assertMatch } from "../support/assert.ts";
import { MINIMAL, withEnv } from "./support.ts";

/** Compiles only if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

for (const name of SETTING_NAMES) {
  const row = rowOf(name);

  Deno.test(`The row of ${name} is complete.`, () => {
    assertMatch(name, /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/);
    assert(Object.hasOwn(GROUPS, row.group));
    assertMatch(row.doc, /\.$/);
    assertMatch(row.accepts, /[^,.]$/);
    assertExcludes(row.accepts, ",,");
    const ways = [row.default, row.unset, row.required].filter((way) => way !== undefined);
    assertEquals(ways.length, 1, "one of default, unset and required");
    assert(row.secret !== true || row.default === undefined, "a secret has no default");
  });

  Deno.test(`The example and the default of ${name} are accepted by its own parser.`, () => {
    assert(row.parse(row.example).ok);
    assert(row.default === undefined || row.parse(row.default).ok);
  });
}

Deno.test("No two settings share a name, a `_FILE` twin included.", () => {
  assertEquals(new Set(INPUT_NAMES).size, INPUT_NAMES.length);
});

Deno.test("All names of a setting derive from its environment name.", () => {
  assertEquals(camelCase("LISTEN_SSL_URL"), "listenSslUrl");
  assertEquals(tomlKey("LISTEN_SSL_URL"), "listen_ssl_url");
  assertEquals(flagName("LISTEN_SSL_URL"), "listen-ssl-url");
});

Deno.test("The type of the settings follows from the table.", () => {
  const proofs: [
    Same<Config["listen"]["listenUrl"], ListenAddress | undefined>,
    Same<ProviderConfig["keyExpirySecs"], number | undefined>,
    Same<ProviderConfig["keyCooldownSecs"], number>,
    Same<Config["process"]["numWorkers"], number | "auto">,
    Same<Config["process"]["rustLog"], LogLevel>,
    Same<Config["process"]["logLevel"], LogLevel | undefined>,
    Same<Config["process"]["logFormat"], "auto" | "pretty" | "json">,
    Same<ProviderConfig["audience"], string | readonly string[] | undefined>,
    Same<ProviderConfig["clientSecret"], string | undefined>,
    Same<ProviderConfig["type"], "openid" | "kubernetes" | "spiffe">,
    Same<ProviderConfig["acceptUntil"], number | undefined>,
  ] = [true, true, true, true, true, true, true, true, true, true, true];
  assertEquals(proofs.length, 11);
});

Deno.test("Without anything else the defaults hold.", () => {
  assertEquals(withEnv({}).config, {
    listen: {
      listenUrl: { hostname: "0.0.0.0", port: 8080 },
      listenSslUrl: undefined,
      certFile: undefined,
      certPassword: undefined,
      maxBodyBytes: undefined,
      maxUrlBytes: 16384,
      maxHeaderBytes: 32768,
      maxRequests: 10000,
      clientIdleTimeoutSecs: 60,
      clientMinRate: 100,
    },
    provider: {},
    token: {
      leeway: 0,
      tokenCacheSize: 10000,
      tokenCacheTtlSecs: 300,
      maxPendingVerifications: 256,
    },
    providers: [{
      name: "default",
      url: { text: "https://id.example.com", base: "https://id.example.com" },
      type: "openid",
      issuer: undefined,
      jwksUri: undefined,
      caFile: undefined,
      tokenFile: undefined,
      trustDomain: undefined,
      acceptUntil: undefined,
      algorithms: undefined,
      clientSecret: undefined,
      clientSecretAcceptUntil: undefined,
      previousClientSecret: undefined,
      previousClientSecretAcceptUntil: undefined,
      keyExpirySecs: undefined,
      keyStaleSecs: 86400,
      keyCooldownSecs: 10,
      keyCacheFile: undefined,
      introspection: "off",
      introspectionAuth: "client_secret_basic",
      introspectionClientId: undefined,
      introspectionClientSecret: undefined,
      introspectionKey: undefined,
      introspectionCacheSecs: 30,
      tokenPrefix: undefined,
      audience: undefined,
      audienceMatch: "exact",
      audienceClaim: "aud",
      previousAudience: undefined,
      previousAudienceAcceptUntil: undefined,
      subject: undefined,
      subjects: undefined,
      clients: undefined,
      requiredScopes: undefined,
      scopesMatch: "all",
      requiredClaims: undefined,
      tokenProfile: "any",
      acceptIdTokensAsAccessTokens: false,
      acceptBoundTokensAsBearer: false,
    }],
    upstream: {
      upstreamUrl: {
        text: MINIMAL.UPSTREAM_URL ?? "",
        origin: "http://127.0.0.1:9000",
        prefix: "",
      },
      upstreamTimeoutSecs: 3600,
      upstreamHeaderTimeoutSecs: undefined,
      upstreamTransport: "http1",
      upstreamConnectTimeoutSecs: 5,
      upstreamIdleTimeoutSecs: 300,
      upstreamMaxConnections: 256,
      upstreamReuseConnections: true,
      upstreamCaFile: undefined,
      upstreamCertFile: undefined,
      upstreamCertPassword: undefined,
      websocketMaxTokenAge: "exp",
    },
    process: {
      numWorkers: 2,
      adminUrl: { hostname: "127.0.0.1", port: 9110 },
      adminAllowedHosts: undefined,
      shutdownDelaySecs: 0,
      shutdownTimeoutSecs: 30,
      watchFiles: false,
      rustLog: "info",
      logLevel: undefined,
      logFormat: "auto",
      logRefusalsPerSec: 100,
    },
  });
});

const LEVELS: readonly [string, LogLevel][] = [
  ["error", "error"],
  ["warning", "warning"],
  ["warn", "warning"],
  ["info", "info"],
  ["debug", "debug"],
  ["all", "trace"],
  ["trace", "trace"],
  ["off", "off"],
  ["WARN", "warning"],
  ["Debug", "debug"],
];

for (const [word, level] of LEVELS) {
  Deno.test(`RUST_LOG=${word} and LOG_LEVEL=${word} both mean the level ${level}.`, () => {
    assertEquals(logSettings(withEnv({ RUST_LOG: word }).config).level, level);
    assertEquals(logSettings(withEnv({ LOG_LEVEL: word }).config).level, level);
  });
}

Deno.test("LOG_LEVEL wins over RUST_LOG.", () => {
  const { config } = withEnv({ RUST_LOG: "debug", LOG_LEVEL: "error" });
  assertEquals(logSettings(config).level, "error");
});

const VALUES: readonly [SettingName, string, string, unknown][] = [
  ["LISTEN_URL", "[::1]:0", "listenUrl", { hostname: "::1", port: 0 }],
  ["ISSUER", "https://id.example.com/", "issuer", "https://id.example.com/"],
  ["JWKS_URI", "https://id.example.com/keys?p=b2c", "jwksUri", "https://id.example.com/keys?p=b2c"],
  ["CLIENT_SECRET", " é ", "clientSecret", " é "],
  ["KEY_EXPIRY_SECS", "60", "keyExpirySecs", 60],
  ["KEY_COOLDOWN_SECS", "1", "keyCooldownSecs", 1],
  ["UPSTREAM_TIMEOUT_SECS", "5", "upstreamTimeoutSecs", 5],
  ["AUDIENCE", '["a","b"]', "audience", ["a", "b"]],
  ["AUDIENCE", '\\"myproxy\\"', "audience", "myproxy"],
  ["SUBJECT", "me", "subject", "me"],
  ["LEEWAY", "30", "leeway", 30],
  ["NUM_WORKERS", "auto", "numWorkers", "auto"],
  ["NUM_WORKERS", "256", "numWorkers", 256],
  ["CERT_FILE", "C:\\certs\\a.pfx", "certFile", "C:\\certs\\a.pfx"],
  ["CERT_PASSWORD", "pass word", "certPassword", "pass word"],
  ["LOG_FORMAT", "JSON", "logFormat", "json"],
];

for (const [name, text, key, value] of VALUES) {
  Deno.test(`${name}=${text} becomes ${key} ${JSON.stringify(value)}.`, () => {
    assertEquals(camelCase(name), key);
    assertEquals(valuesOf(withEnv({ [name]: text }).config, name), [value]);
  });
}

Deno.test("The settings are plain data that survives JSON, for handing on to workers.", () => {
  const { config } = withEnv({ AUDIENCE: '["a"]', CLIENT_SECRET: "x" });
  const again: Config = JSON.parse(JSON.stringify(config));
  assertEquals(again.providers[0].audience, ["a"]);
  assertEquals(again.listen.listenUrl, config.listen.listenUrl);
  assertEquals(again.providers[0].issuer, undefined);
});

Deno.test("Workers get everything but what is the supervisor's, above all no password of a file.", () => {
  const { config } = withEnv({ CLIENT_SECRET: "x", UPSTREAM_CERT_PASSWORD: "hush" });
  const kept = workerConfig(config);
  const provider = workerProviderConfig(config.providers[0]);
  assertEquals(provider.clientSecret, "x");
  assertExcludes(JSON.stringify([kept, provider]), "hush");
  const withValues = SETTING_NAMES.filter((name) => rowOf(name).holdsTable === undefined);
  const missing = withValues.filter((name) =>
    PER_PROVIDER.includes(name)
      ? !(camelCase(providerKey(name)) in provider)
      : !(camelCase(name) in kept[rowOf(name).group])
  );
  assertEquals(missing, [...namesWith("supervisorOnly")]);
  assert(missing.includes("CERT_PASSWORD") && missing.includes("UPSTREAM_CERT_PASSWORD"));
});

Deno.test("Thirteen settings are common, each with a summary.", () => {
  const common = namesWith("common");
  assertEquals(common.length, 13);
  for (const name of common) assertMatch(rowOf(name).summary ?? "", /^.{5,45}[^.]$/);
});

Deno.test("What a row says of its file, of a restart and of the edge is where the program looks.", () => {
  const files = {
    CERT_FILE: "/a",
    UPSTREAM_CERT_FILE: "/b",
    PROVIDER_CA_FILE: "/c",
    UPSTREAM_CA_FILE: "/d",
  };
  const { config } = withEnv({ ...files, LISTEN_SSL_URL: ":1", KEY_CACHE_FILE: "/not/read/so" });
  assertEquals(filesNamedBy(config).atStart.toSorted(), Object.values(files));
  assertEquals(filesNamedBy(withEnv({}).config), { atStart: [], whenNeeded: [] });
  const other = withEnv({ ADMIN_URL: "127.0.0.1:9111", NUM_WORKERS: "3", LEEWAY: "1" }).config;
  assertEquals(changedNeedingRestart(withEnv({}).config, other), ["ADMIN_URL"]);
  assertEquals(changedNeedingRestart(other, other), []);
  for (const name of ["LISTEN_URL", "CERT_PASSWORD", "NUM_WORKERS", "KEY_CACHE_FILE"] as const) {
    assert(namesWith("edge").includes(name), name);
  }
  assert(!namesWith("edge").includes("CLIENT_SECRET"));
});
