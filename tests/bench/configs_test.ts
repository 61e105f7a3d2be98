import { assertEquals, assertExcludes, assertIncludes, assertMatch } from "../support/assert.ts";
import { CASES, OWN_PROCESSES, PROXIES, type Variant } from "./cases.ts";
import { LAUNCHES, type Place } from "./commands.ts";
import { apacheConfig, haproxyConfig, nginxConfig, oauth2ProxyConfig } from "./configs.ts";

function place(variant: Variant = "standard"): Place {
  return {
    variant,
    port: 4001,
    tlsPort: 4002,
    dir: "/lab/own",
    settingsFile: "/lab/own/settings",
    issuer: "http://127.0.0.1:4000",
    publicKeyFile: "/lab/public.pem",
    certificateFile: "/lab/certificate.pem",
    pfxFile: "/lab/certificate.pfx",
    pfxPassword: "secret of the file",
    echo: "http://127.0.0.1:4003",
  };
}

Deno.test("HAProxy checks algorithm, signature, exp, iss and aud on one thread", () => {
  const text = haproxyConfig(place());
  for (
    const part of [
      "nbthread 1\n",
      "unless { var(txn.alg) -m str RS256 }",
      'jwt_verify(txn.alg,"/lab/public.pem") -m int 1',
      "if { var(txn.exp),sub(txn.now) -m int lt 0 }",
      '-m str "http://127.0.0.1:4000"',
      '-m str "api"',
      "server nginx 127.0.0.1:4000\n",
    ]
  ) assertIncludes(text, part);
});

Deno.test("Apache checks by one key, demands iss and aud, and is one process", () => {
  const text = apacheConfig(place());
  for (
    const part of [
      'OIDCOAuthVerifyCertFiles "bench#/lab/public.pem"',
      '<RequireAll>\n    Require claim "iss:http://127.0.0.1:4000"\n    Require claim "aud:api"\n',
      "ServerLimit 1\n",
      "Listen 127.0.0.1:4001\nListen 127.0.0.1:4002 https\n",
      'PidFile "/lab/own/apache.pid"',
    ]
  ) assertIncludes(text, part);
});

Deno.test("oauth2-proxy takes bearer tokens of the issuer for the audience, and offers no login", () => {
  const lines = oauth2ProxyConfig(place()).split("\n");
  for (
    const line of [
      'oidc_issuer_url = "http://127.0.0.1:4000"',
      'client_id = "api"',
      "skip_jwt_bearer_tokens = true",
      'api_routes = [".*"]',
      'upstreams = ["http://127.0.0.1:4000/"]',
    ]
  ) assertEquals(lines.includes(line), true, line);
});

Deno.test("oauth2-proxy listens without TLS, or with it where the case is about TLS", () => {
  const plain = oauth2ProxyConfig(place());
  const tls = oauth2ProxyConfig(place("tls"));
  assertIncludes(plain, 'http_address = "127.0.0.1:4001"\n');
  assertExcludes(plain, "https_address");
  assertIncludes(tls, 'https_address = "127.0.0.1:4002"\n');
  assertMatch(tls, /tls_cert_file = "\/lab\/certificate\.pem"/);
});

Deno.test("access lines are written in their case alone", () => {
  const lines = (variant: Variant) => [
    apacheConfig(place(variant)).includes("CustomLog"),
    oauth2ProxyConfig(place(variant)).includes("request_logging = true"),
    LAUNCHES.fastify(place(variant)).args.includes("access-log"),
    LAUNCHES.proxy(place(variant)).env?.RUST_LOG === "info",
  ];
  assertEquals(lines("standard"), [false, false, false, false]);
  assertEquals(lines("access-log"), [true, true, true, true]);
});

Deno.test("a proxy that starts otherwise in a case has a process of its own there, and no other", () => {
  const variants: readonly Variant[] = ["no-cache", "tls", "access-log", "websocket"];
  for (const variant of variants) {
    const cases = CASES.filter((benchCase) => benchCase.variant === variant);
    const different = PROXIES.filter((name) =>
      cases.some(({ peers }) => peers.includes(name)) && starts(name, variant)
    );
    // Fastify is given the name of the variant, and looks at two of them.
    const expected = different.filter((name) => name !== "fastify" || variant !== "tls");
    assertEquals(OWN_PROCESSES[variant], expected, variant);
  }
});

function starts(name: typeof PROXIES[number], variant: Variant): boolean {
  const launch = LAUNCHES[name];
  return JSON.stringify(launch(place(variant))) !== JSON.stringify(launch(place()));
}

Deno.test("no password stands in an argument list", () => {
  for (const name of PROXIES) {
    assertExcludes(LAUNCHES[name](place()).args.join(" "), "secret of the file");
  }
});

Deno.test("one process of Go code runs on one core", () => {
  assertEquals(LAUNCHES["oauth2-proxy"](place()).env, { GOMAXPROCS: "1" });
});

Deno.test("nginx is upstream and provider at once", () => {
  const { dir, issuer } = place();
  const text = nginxConfig({ dir, www: "/lab/www", port: 4000, issuer, jwks: '{"keys":[]}' });
  assertIncludes(text, "location = /jwks { return 200 '{\"keys\":[]}'; }");
  assertIncludes(text, '"issuer":"http://127.0.0.1:4000"');
});
