/**
 * Everything that a provider can do wrong, over real sockets with the real client: each is an
 * error of a kind, logged once with what to do, and the cached keys stay in use.
 */
import { MAX_PROVIDER_BODY_BYTES, PROVIDER_FETCH_TIMEOUT_MS } from "../../src/limits.ts";
import { fetchKeys, type ProviderAddress } from "../../src/oidc/fetch_keys.ts";
import type { Fetcher } from "../../src/oidc/fetch_json.ts";
import { makeGenerations } from "../../src/oidc/key_source.ts";
import { ProviderKeys } from "../../src/oidc/provider_keys.ts";
import type { KeyFetchErrorKind } from "../../src/oidc/key_fetch_error.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { makeProviderClient } from "../../src/keys/provider_client.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { FakeClock, settle } from "../support/clock.ts";
import { MemoryLog } from "../support/log.ts";
import { makeAuthority, type TestAuthority } from "../support/pfx.ts";
import { startProvider, type TestProvider } from "../support/provider.ts";
import { type CertificateFault, servedCertificate } from "../support/served_certificate.ts";
import { rawUpstream } from "../support/upstream.ts";
import { COOLDOWN_MS, STALE_MS } from "./scripted.ts";
import { lookalikeKey } from "../support/tokens.ts";

/** Longer than any pause between two attempts, in milliseconds. */
const AFTER_ANY_PAUSE_MS = 120_000;

/** What faulty responses hold and no log line may. */
const SECRET = "c2VjcmV0LWV4cG9uZW50";

/** A provider with one good key, and whatever a fault needs besides. */
interface Scene {
  readonly provider: TestProvider;
  readonly fetcher: Fetcher;
  /** Trusted by the fetcher; there for faults of TLS only. */
  readonly authority: TestAuthority | undefined;
  /** Closed after the test. */
  readonly stack: AsyncDisposableStack;
}

interface Fault {
  readonly sentence: string;
  readonly kind: KeyFetchErrorKind;
  /** Parts of the error text, and of the hint. */
  readonly text: string;
  readonly hint: string;
  readonly play: (scene: Scene) => void | Promise<void>;
  /** The provider is over TLS, with a certificate of the authority. */
  readonly tls?: true;
  /** Which request of an attempt gets no whole response, so that the time limit ends it. */
  readonly silentAt?: 1 | 2;
}

async function startScene({ tls }: Pick<Fault, "tls">, stack: AsyncDisposableStack) {
  const authority = tls === undefined ? undefined : stack.use(await makeAuthority());
  const client = makeProviderClient([]);
  stack.defer(() => client.close());
  if (authority !== undefined) client.trust([await authority.certificate("root")]);
  const provider = stack.use(startProvider({
    keys: [lookalikeKey("good")],
    ...(authority === undefined ? {} : { tls: await servedCertificate(authority) }),
  }));
  return { provider, fetcher: client.fetch, authority, stack } satisfies Scene;
}

/** Publishes a key set address on a server over TLS with a certificate that is not right. */
async function keysBehind(
  { provider, authority, stack }: Scene,
  fault: CertificateFault | "foreign",
) {
  assert(authority !== undefined);
  const issuer = fault === "foreign" ? stack.use(await makeAuthority()) : authority;
  const tls = await servedCertificate(issuer, fault === "foreign" ? undefined : fault);
  const keys = stack.use(startProvider({ keys: [lookalikeKey("good")], tls }));
  provider.setDiscovery({ jwks_uri: keys.jwksUrl });
}

const SENDING = "see that the provider runs";
const SEE_WHAT = "see what responds there";
const DUE_TO_TIME = `sent no complete response within ${PROVIDER_FETCH_TIMEOUT_MS / 1000} s`;

const FAULTS: readonly Fault[] = [
  {
    sentence: "refuses connections",
    kind: "unreachable",
    text: "cannot be reached: tcp connect error: Connection refused",
    hint: SENDING,
    play: ({ provider }) => provider.refuse(),
  },
  {
    sentence: "closes connections without a word",
    kind: "unreachable",
    text: "cannot be reached: connection closed before message completed",
    hint: SENDING,
    play: async ({ provider, stack }) => {
      const server = stack.use(
        await rawUpstream(async (socket) => {
          await socket.readRequest();
          await socket.close();
        }),
      );
      provider.setDiscovery({ jwks_uri: server.url });
    },
  },
  ...(["discovery", "jwks"] as const).map((where): Fault => ({
    sentence: `hangs at ${where}`,
    kind: "timeout",
    text: DUE_TO_TIME,
    hint: "overloaded",
    silentAt: where === "discovery" ? 1 : 2,
    play: ({ provider }) => provider.hang(where),
  })),
  {
    sentence: "sends its response drop by drop",
    kind: "timeout",
    text: DUE_TO_TIME,
    hint: "overloaded",
    silentAt: 1,
    play: ({ provider }) => provider.drip(1000),
  },
  ...([[500, "log"], [404, "PROVIDER_URL"], [403, "without a login"], [429, "COOLDOWN"]] as const)
    .map(([status, hint]): Fault => ({
      sentence: `responds with status ${status}`,
      kind: "status",
      text: `responded with status ${status}`,
      hint,
      play: ({ provider }) => provider.respond(() => new Response(SECRET, { status })),
    })),
  {
    sentence: "responds with a redirect",
    kind: "redirect",
    text: "responded with a redirect (302)",
    hint: "name the address it leads to",
    play: ({ provider }) => provider.redirectTo(`https://id.test/?code=${SECRET}`),
  },
  {
    sentence: "responds with a page",
    kind: "not_json",
    text: "did not respond with a JSON object",
    hint: SEE_WHAT,
    play: ({ provider }) => provider.html(),
  },
  {
    sentence: "responds with JSON that stops in the middle",
    kind: "not_json",
    text: "did not respond with a JSON object",
    hint: SEE_WHAT,
    play: ({ provider }) => provider.respond(() => new Response(`{"keys": "${SECRET}`)),
  },
  {
    sentence: "responds with more than the limit",
    kind: "too_large",
    text: `responded with more than ${MAX_PROVIDER_BODY_BYTES} bytes`,
    hint: SEE_WHAT,
    play: ({ provider }) => provider.bigBody(MAX_PROVIDER_BODY_BYTES),
  },
  {
    sentence: "names another issuer",
    kind: "wrong_issuer",
    text: 'names the issuer "https://evil.test", expected was http://127.0.0.1',
    hint: "set ISSUER=",
    play: ({ provider }) => provider.setIssuer("https://evil.test"),
  },
  {
    sentence: "names another issuer, in the second of two such members",
    kind: "wrong_issuer",
    text: 'names the issuer "https://evil.test"',
    hint: "set ISSUER=",
    play: ({ provider: { respond, url, jwksUrl } }) =>
      respond(
        () =>
          new Response(
            `{"issuer":"${url}","issuer":"https://evil.test","jwks_uri":"${jwksUrl}"}`,
          ),
        "discovery",
      ),
  },
  {
    sentence: "names no issuer",
    kind: "bad_document",
    text: "has no issuer",
    hint: "PROVIDER_URL",
    play: ({ provider }) => provider.setIssuer(undefined),
  },
  {
    sentence: "names no jwks_uri",
    kind: "bad_document",
    text: "has no usable jwks_uri",
    hint: "JWKS_URI",
    play: ({ provider }) => provider.setDiscovery({ jwks_uri: undefined }),
  },
  {
    sentence: "names a jwks_uri on plain http, itself on https",
    kind: "bad_document",
    text: "has a jwks_uri on plain http",
    hint: "have the provider publish an https jwks_uri",
    tls: true,
    play: ({ provider, stack }) => {
      const plain = stack.use(startProvider({ keys: [lookalikeKey("good")] }));
      provider.setDiscovery({ jwks_uri: plain.jwksUrl });
    },
  },
  {
    sentence: "publishes no list of keys",
    kind: "bad_document",
    text: "has no list of keys",
    hint: "address of a key set",
    play: ({ provider }) => provider.setJwks({ keys: { kty: "oct", k: SECRET } }),
  },
  {
    sentence: "publishes an empty list of keys",
    kind: "no_keys",
    text: "holds no usable key (it is empty)",
    hint: "publish a key",
    play: ({ provider }) => provider.rotate([]),
  },
  {
    sentence: "publishes an empty list of keys, in the second of two such members",
    kind: "no_keys",
    text: "holds no usable key (it is empty)",
    hint: "publish a key",
    play: ({ provider }) =>
      provider.setJwks(`{"keys":[${JSON.stringify(lookalikeKey("good"))}],"keys":[]}`),
  },
  ...([
    ["expired", "shows a certificate that has expired", "renew"],
    ["not valid yet", "shows a certificate that is not valid yet", "clock"],
    [
      "for another name",
      "shows a certificate for another name",
      "by a name that its certificate holds",
    ],
    ["foreign", "shows a certificate of an authority that is not trusted", "PROVIDER_CA_FILE"],
  ] as const).map(([fault, text, hint]): Fault => ({
    sentence: `shows a certificate that is ${fault}`,
    kind: "certificate",
    text,
    hint,
    tls: true,
    play: (scene) => keysBehind(scene, fault),
  })),
  ...([
    ["a shared secret", { kty: "oct", k: SECRET, kid: "odd" }],
    ["a private key", { ...lookalikeKey("odd"), d: SECRET }],
    ["a key of an unknown kind", { kty: "AKP", alg: "ML-DSA-44", pub: "AA", kid: "odd" }],
    ["a key for encryption", lookalikeKey("odd", 1, { use: "enc" })],
    ["a key of 1024 bits", lookalikeKey("odd", 1, { n: "_".repeat(170) + "8" })],
    ["a key of 8200 bits", lookalikeKey("odd", 1, { n: "_".repeat(1366) + "8" })],
    ["the exponent 1", lookalikeKey("odd", 1, { e: "AQ" })],
    ["the exponent 3", lookalikeKey("odd", 1, { e: "Aw" })],
    ["null", null],
    ["a list", [lookalikeKey("odd")]],
  ] as const).map(([sentence, key]): Fault => ({
    sentence: `publishes nothing but ${sentence}`,
    kind: "no_keys",
    text: "holds no usable key (key ",
    hint: "publish a key",
    play: ({ provider }) => provider.setJwks({ keys: [key] }),
  })),
];

/** The provider's address as the settings name it. */
function addressOf({ url }: TestProvider, more: Partial<ProviderAddress> = {}): ProviderAddress {
  return { providerUrl: url, expectedIssuer: url, keysOptional: false, ...more };
}

/** Lets the time limit end what waits for a response, once the provider has been asked. */
async function untilTimeout(provider: TestProvider, asked: number, clock: FakeClock) {
  while (provider.count() < asked) await settle();
  await clock.advance(PROVIDER_FETCH_TIMEOUT_MS);
}

for (const fault of FAULTS) {
  Deno.test(`fetch keys: a provider that ${fault.sentence} is an error of the kind ${fault.kind}, with what to do`, async () => {
    await using stack = new AsyncDisposableStack();
    const scene = await startScene(fault, stack);
    const { provider, fetcher } = scene;
    await fault.play(scene);
    const clock = new FakeClock();
    const asking = fetchKeys(addressOf(provider), { fetcher, clock }, neverAborted());
    if (fault.silentAt !== undefined) await untilTimeout(provider, fault.silentAt, clock);
    const asked = await asking;
    assert(!asked.ok);
    assertEquals(asked.failure.kind, fault.kind);
    assertIncludes(asked.failure.text, fault.text);
    assertIncludes(asked.failure.hint, fault.hint);
    assertExcludes(JSON.stringify(asked.failure), SECRET);
    provider.recover();
  });

  Deno.test(`fetch keys: a provider that ${fault.sentence} is logged once, and the cached keys stay in use`, async () => {
    await using stack = new AsyncDisposableStack();
    const scene = await startScene(fault, stack);
    const { provider, fetcher } = scene;
    const clock = new FakeClock();
    const log = new MemoryLog();
    const ages = { cooldownMs: COOLDOWN_MS, expiryMs: undefined, staleMs: STALE_MS };
    const source = new ProviderKeys({ ...addressOf(provider), ...ages }, {
      clock,
      log,
      fetcher,
      nextGeneration: makeGenerations(),
    });
    stack.defer(() => source.close());
    const first = await source.fetch({ sinceMs: 0 });
    assert(first.ok);

    await fault.play(scene);
    for (let attempt = 1; attempt <= 3; attempt++) {
      await clock.advance(AFTER_ANY_PAUSE_MS);
      const before = provider.count();
      const asking = source.fetch({ sinceMs: Infinity });
      if (fault.silentAt !== undefined) {
        await untilTimeout(provider, before + fault.silentAt, clock);
      }
      assertEquals((await asking).ok, false);
      assertEquals(source.current(), first.value);
    }

    const logged = log.lines.filter(({ level }) => level === "warn" || level === "error");
    assertEquals(logged.map(({ message }) => message), [
      "JWKS refresh failed, using cached keys",
    ]);
    const { url, error, hint } = logged[0]?.fields ?? {};
    assertIncludes(String(url), "://");
    assertIncludes(String(error), fault.text);
    assertIncludes(String(hint), fault.hint);
    assertExcludes(log.text(), SECRET);
    provider.recover();
  });
}

function neverAborted(): AbortSignal {
  return new AbortController().signal;
}

/** Asks a provider with the real clock. */
function ask(provider: TestProvider, more: Partial<ProviderAddress> = {}) {
  return fetchKeys(
    addressOf(provider, more),
    { fetcher: fetch, clock: systemClock },
    neverAborted(),
  );
}

Deno.test("fetch keys: an unknown authority is reported like one with another key", async () => {
  await using stack = new AsyncDisposableStack();
  const { provider } = await startScene({ tls: true }, stack);
  const asked = await ask(provider);
  assertEquals(!asked.ok && [asked.failure.kind, asked.failure.text], [
    "certificate",
    "shows a certificate of an authority that is not trusted",
  ]);
});

Deno.test("fetch keys: of 100 MB no more is read than the limit and what is under way", async () => {
  await using provider = startProvider();
  const piece = new Uint8Array(64 * 1024).fill(0x20);
  const cancelled = Promise.withResolvers<void>();
  let left = 100_000_000;
  provider.respond(() =>
    new Response(
      new ReadableStream({
        pull(controller) {
          left -= piece.length;
          if (left <= 0) return controller.close();
          controller.enqueue(piece);
        },
        cancel: () => cancelled.resolve(),
      }),
    )
  );
  const asked = await ask(provider);
  assertEquals(!asked.ok && asked.failure.kind, "too_large");
  await cancelled.promise;
  assert(left > 50_000_000, `${100_000_000 - left} bytes were sent`);
});

Deno.test("fetch keys: odd keys beside a good one are left out, each with its reason", async () => {
  const odd = [null, { kty: "AKP", kid: "pq" }, { kty: "oct", k: "AA" }, lookalikeKey("good")];
  await using provider = startProvider({ keys: odd as never });
  const asked = await ask(provider);
  assert(asked.ok);
  assertEquals(asked.value.keys.map(({ kid }) => kid), ["good"]);
  assertEquals(asked.value.skipped.length, 3);
});

Deno.test("fetch keys: an empty key set will do where tokens may be signed with a secret", async () => {
  await using provider = startProvider();
  const asked = await ask(provider, { keysOptional: true });
  assertEquals(asked.ok && asked.value.keys, []);
});

Deno.test("fetch keys: of two jwks_uri the last one counts", async () => {
  await using provider = startProvider({ keys: [lookalikeKey("good")] });
  const { url, jwksUrl } = provider;
  const body = `{"issuer":"${url}","jwks_uri":"${url}/nowhere","jwks_uri":"${jwksUrl}"}`;
  provider.respond(() => new Response(body), "discovery");
  assert((await ask(provider)).ok);
});

Deno.test("fetch keys: a jwks_uri on another host is asked", async () => {
  await using provider = startProvider({ keys: [lookalikeKey("here")] });
  await using elsewhere = startProvider({ keys: [lookalikeKey("elsewhere")] });
  provider.setDiscovery({ jwks_uri: elsewhere.jwksUrl });
  const asked = await ask(provider);
  assertEquals(asked.ok && asked.value.keys.map(({ kid }) => kid), ["elsewhere"]);
  assertEquals(provider.count("jwks"), 0);
});

Deno.test("fetch keys: with JWKS_URI and ISSUER no discovery document is fetched", async () => {
  await using provider = startProvider({ keys: [lookalikeKey("good")] });
  const issuer = "https://public.test/";
  provider.setClock(3_600_000);
  const asked = await ask(provider, { issuer, expectedIssuer: issuer, jwksUri: provider.jwksUrl });
  assertEquals(asked.ok && asked.value.issuer, issuer);
  // Without discovery it is the clock of the key set's host that can be seen.
  assert(asked.ok && asked.value.skewSecs !== undefined && asked.value.skewSecs > 3590);
  assertEquals([provider.count("discovery"), provider.count("jwks")], [0, 1]);
});

Deno.test("fetch keys: with JWKS_URI alone discovery gives the issuer, and its jwks_uri is not looked at", async () => {
  await using provider = startProvider();
  await using elsewhere = startProvider({ keys: [lookalikeKey("good")] });
  provider.setDiscovery({ jwks_uri: "no URL at all" });
  const asked = await ask(provider, { jwksUri: elsewhere.jwksUrl });
  assertEquals(asked.ok && asked.value.issuer, provider.url);
  assertEquals([provider.count(), elsewhere.count("jwks")], [1, 1]);
  provider.setIssuer("https://evil.test");
  const wrong = await ask(provider, { jwksUri: elsewhere.jwksUrl });
  assertEquals(!wrong.ok && wrong.failure.kind, "wrong_issuer");
  assertEquals(elsewhere.count(), 1);
});

Deno.test("fetch keys: the clock that counts is the one of the host with the discovery document", async () => {
  await using provider = startProvider();
  await using keys = startProvider({ keys: [lookalikeKey("good")] });
  provider.setDiscovery({ jwks_uri: keys.jwksUrl });
  provider.setClock(3_600_000);
  keys.setClock(-3_600_000);
  const asked = await ask(provider);
  assert(asked.ok && asked.value.skewSecs !== undefined && asked.value.skewSecs > 3590);
});
