/** Several providers in one service: whose token it is, and that none of them touches the others. */
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { startProvider, type TestProvider } from "../support/provider.ts";
import {
  defaultClaims,
  type Members,
  publicJwk,
  rsaKey,
  signHsToken,
  signToken,
} from "../support/tokens.ts";
import { eventually, seriesOf, type Service, startService } from "./harness.ts";

/** Requests on connections of their own: enough that both of two workers get some. */
const MANY = 24;

/** The same at every provider, so that a mix-up of keys would show. */
const KID = "same";

/** A provider of a test. */
interface Party extends AsyncDisposable {
  readonly provider: TestProvider;
  readonly url: string;
  /** A good token; `key` is the number of the pair that signs it, its own unless it says so. */
  token(claims?: Members, header?: Members, key?: number): Promise<string>;
  /** Publishes this pair, under the same `kid` unless it says so. */
  rotate(key: number, kid?: string): Promise<void>;
}

/** Starts a provider that publishes the pair of this number. */
async function party(own: number): Promise<Party> {
  const provider = startProvider({ keys: [publicJwk(await rsaKey(own), { kid: KID })] });
  let serial = 0;
  return {
    provider,
    url: provider.url,
    async token(claims = {}, header = {}, key = own) {
      const all = { iss: provider.url, jti: `${own} ${++serial}`, ...claims };
      return await signToken(await rsaKey(key), defaultClaims(Date.now(), all), {
        kid: KID,
        ...header,
      });
    },
    async rotate(key, kid = KID) {
      provider.rotate([publicJwk(await rsaKey(key), { kid })]);
    },
    [Symbol.asyncDispose]: () => provider.close(),
  };
}

type Entry = Readonly<Record<string, string | number | readonly string[]>>;

/** `[[provider]]` tables with these keys. */
function tables(entries: readonly Entry[]): string {
  return entries.map((entry) =>
    ["[[provider]]", ...Object.entries(entry).map(([key, value]) => `${key} = ${quoted(value)}`)]
      .join("\n")
  ).join("\n\n") + "\n";
}

const quoted = (value: Entry[string]) => JSON.stringify(value);

const entry = (name: string, { url }: Party, more: Entry = {}): Entry => ({
  name,
  url,
  key_cooldown_secs: 1,
  ...more,
});

/** Starts a service with these providers, in settings.toml or in the variable. */
function start(
  entries: readonly Entry[],
  settings: Readonly<Record<string, string>> = {},
  as: "settings.toml" | "PROVIDERS" = "settings.toml",
): Promise<Service> {
  const listed = as === "PROVIDERS" ? { PROVIDERS: JSON.stringify(entries) } : {};
  return startService({
    settings: {
      PROVIDER_URL: undefined,
      KEY_COOLDOWN_SECS: undefined,
      NUM_WORKERS: "2",
      ...listed,
      ...settings,
    },
    ...(as === "PROVIDERS" ? {} : { toml: tables(entries) }),
  });
}

/** The status of one request on a connection of its own, so that any worker may get it. */
async function status(service: Service, token: string): Promise<number> {
  using client = Deno.createHttpClient({});
  const headers = { authorization: `Bearer ${token}`, connection: "close" };
  const response = await fetch(service.url(), { headers, client });
  await response.body?.cancel();
  return response.status;
}

/** The same with the reason in the log, while no other request runs. */
async function outcome(service: Service, token: string): Promise<[number, unknown]> {
  const seen = service.log().length;
  const got = await status(service, token);
  const line = await eventually(
    "a line of the access log",
    () => service.log().slice(seen).find(({ msg }) => msg === "request"),
  );
  return [got, line.reason];
}

/** The different statuses of many requests at once. */
async function statuses(service: Service, token: string): Promise<number[]> {
  const all = await Promise.all(Array.from({ length: MANY }, () => status(service, token)));
  return [...new Set(all)];
}

/** Writes the settings file and asks for a reload. */
async function reload(
  service: Service,
  entries: readonly Entry[],
  msg = "configuration reloaded",
): Promise<void> {
  await Deno.writeTextFile(`${service.dir}/settings.toml`, tables(entries));
  const times = () => service.log().filter((line) => line.msg === msg).length;
  const before = times();
  service.process.signal("SIGHUP");
  await eventually(`"${msg}"`, () => times() > before, service.process);
}

const HITS = 'ooproxy_token_cache_lookups_total{result="hit"}';
const CHECKS = "ooproxy_verification_duration_seconds_count";

for (const as of ["settings.toml", "PROVIDERS"] as const) {
  Deno.test(`The issuer decides which provider a token belongs to, and kids never mix (${as}).`, async () => {
    await using a = await party(0);
    await using b = await party(1);
    await using nobody = await party(2);
    await using service = await start([entry("main", a), entry("other", b)], {}, as);
    // Nothing in an unlisted token causes a request to anybody.
    for (const iss of [nobody.url, `${a.url}/x`, a.url.replace("127.0.0.1", "localhost"), ""]) {
      const refused = await outcome(service, await nobody.token({ iss }));
      assertEquals(refused, [401, "wrong_issuer"], iss);
    }
    assertEquals([a, b, nobody].map(({ provider }) => provider.count()), [0, 0, 0]);

    for (const [one, foreign] of [[a, 1], [b, 0]] as const) {
      assertEquals(await statuses(service, await one.token()), [200]);
      // The other provider's key, under the kid that both use.
      const forged = await one.token({}, {}, foreign);
      assertEquals(await statuses(service, forged), [401]);
      await service.logged("request", { reason: "bad_signature" });
    }
    assertEquals(nobody.provider.count(), 0);
    assertEquals(service.upstream.requests.length, 2 * MANY);

    for (const provider of ["main", "other"]) {
      await service.logged("request", { status: 200, provider });
      await service.logged("provider", { provider });
      assert(await service.metric(`ooproxy_keys{provider="${provider}"}`) === 1);
      const fetches = `ooproxy_key_fetches_total{provider="${provider}",result="ok"}`;
      assert(await service.metric(fetches) >= 1);
    }
    const { status: ready, text } = await service.admin("/readyz?verbose");
    assertEquals(ready, 200);
    for (const name of ["main", "other"]) assertIncludes(text, `[+]keys ${name}: 1 held`);
    // A token that was not verified names no provider in the log.
    const refused = service.log().filter(({ msg, reason }) =>
      msg === "request" && reason === "bad_signature"
    );
    assertEquals(new Set(refused.map(({ provider }) => provider)), new Set([undefined]));
  });
}

Deno.test("A provider may be called what every object inherits.", async () => {
  await using a = await party(0);
  await using b = await party(1);
  const names = ["constructor", "__proto__"] as const;
  await using service = await start([entry(names[0], a), entry(names[1], b)]);
  for (const one of [a, b]) assertEquals(await statuses(service, await one.token()), [200]);
  for (const name of names) {
    await service.logged("request", { status: 200, provider: name });
    assertEquals(await service.metric(`ooproxy_keys{provider="${name}"}`), 1);
  }
});

Deno.test("A secret of one provider is never tried for another's token, nor a public key for such a token.", async () => {
  await using a = await party(0);
  await using b = await party(1);
  await using c = await party(2);
  const secrets = { a: "a".repeat(40), b: "b".repeat(40) };
  await using service = await start([
    entry("a", a, { client_secret: secrets.a }),
    entry("b", b, { client_secret: secrets.b }),
    entry("c", c),
  ]);
  const signed = (secret: string, { url }: Party) =>
    signHsToken(secret, defaultClaims(Date.now(), { iss: url }));
  assertEquals(await statuses(service, await signed(secrets.a, a)), [200]);
  assertEquals(await statuses(service, await signed(secrets.b, b)), [200]);
  for (const [secret, issuer] of [[secrets.a, b], [secrets.b, a]] as const) {
    assertEquals(await statuses(service, await signed(secret, issuer)), [401]);
  }
  await service.logged("request", { reason: "bad_signature" });
  for (const secret of [secrets.a, secrets.b, JSON.stringify((await rsaKey(2)).publicJwk)]) {
    assertEquals(await statuses(service, await signed(secret, c)), [401]);
  }
  await service.logged("request", { reason: "algorithm_not_allowed" });
  assertEquals(await statuses(service, await c.token()), [200]);
});

for (const fault of ["refuses connections", "hangs"] as const) {
  Deno.test(`A provider that ${fault} from the start costs the other's clients nothing.`, async () => {
    await using healthy = await party(0);
    await using failing = await party(1);
    if (fault === "hangs") failing.provider.hang();
    else await failing.provider.refuse();
    await using service = await start([entry("failing", failing), entry("healthy", healthy)]);
    const cached = await healthy.token();
    assertEquals(await statuses(service, cached), [200]);

    let ended = 0;
    const failed = Array.from({ length: 8 }, async () => {
      const got = await status(service, await failing.token());
      ended++;
      return got;
    });
    // Where it hangs, its clients wait all the while; nobody else does.
    for (let n = 0; n < 3; n++) {
      assertEquals(await statuses(service, cached), [200]);
      assertEquals(await statuses(service, await healthy.token()), [200]);
    }
    if (fault === "hangs") assertEquals(ended, 0, "the machine was too slow for this test");
    assertEquals(new Set(await Promise.all(failed)), new Set([503]));
    await service.logged("request", { reason: "keys_unavailable" });
    await service.logged("JWKS fetch failed, no cached keys, responding 503", {
      provider: "failing",
    });

    const { status: ready, text } = await service.admin("/readyz?verbose");
    assertEquals(ready, 200);
    assertIncludes(text, "[-]keys failing: none");
    assertIncludes(text, "[+]keys healthy: 1 held");
    assertEquals(await service.metric('ooproxy_keys{provider="failing"}'), 0);
    assertEquals(await service.metric('ooproxy_keys{provider="healthy"}'), 1);
    assertEquals(healthy.provider.count("jwks"), 1);

    if (fault === "hangs") failing.provider.recover();
    else failing.provider.comeBack();
    const again = async () => await status(service, await failing.token()) === 200;
    await eventually("tokens of the provider that came back", again);
    assertEquals(await statuses(service, cached), [200]);
  });
}

Deno.test("Without keys of any provider the service is not ready, until one has them again.", async () => {
  await using a = await party(0);
  await using b = await party(1);
  for (const { provider } of [a, b]) provider.status(500);
  await using service = await start([entry("a", a), entry("b", b)]);
  assertEquals((await service.admin("/readyz")).status, 200);
  assertEquals(await status(service, await a.token()), 503);
  assertEquals((await service.admin("/readyz")).status, 200);
  assertEquals(await status(service, await b.token()), 503);
  const { status: unready, text } = await service.admin("/readyz");
  assertEquals(unready, 503);
  for (const name of ["a", "b"]) assertIncludes(text, `[-]keys ${name}: none`);
  b.provider.recover();
  await eventually("keys of b", async () => await status(service, await b.token()) === 200);
  assertEquals((await service.admin("/readyz")).status, 200);
});

Deno.test("New keys of one provider take its removed key out at once, and no token of the other out of the cache.", async () => {
  await using a = await party(0);
  await using b = await party(1);
  await using service = await start([entry("a", a), entry("b", b)], { NUM_WORKERS: "1" });
  const [ofA, ofB] = [await a.token(), await b.token()];
  for (const token of [ofA, ofB]) assertEquals(await status(service, token), 200);
  await a.rotate(2, "next");
  const [hits, checks] = [await service.metric(HITS), await service.metric(CHECKS)];
  // The first token with the new key has it fetched; then the old key is gone.
  assertEquals(await status(service, await a.token({}, { kid: "next" }, 2)), 200);
  assertEquals(await status(service, ofA), 401);
  for (let n = 0; n < 3; n++) assertEquals(await status(service, ofB), 200);
  assertEquals(await service.metric(HITS) - hits, 3);
  assertEquals(await service.metric(CHECKS) - checks, 2);
  assertEquals(b.provider.count("jwks"), 1);
});

Deno.test("A rotation at one provider reaches every worker, and leaves the other's tokens cached there.", async () => {
  await using a = await party(0);
  await using b = await party(1);
  await using service = await start([entry("a", a, { key_expiry_secs: 1 }), entry("b", b)]);
  const [ofA, ofB] = [await a.token(), await b.token()];
  await eventually("both tokens in both workers", async () => {
    for (const token of [ofA, ofB]) assertEquals(await statuses(service, token), [200]);
    return await service.metric("ooproxy_token_cache_entries") === 4;
  });
  const verified = await service.metric(CHECKS);
  await a.rotate(2, "next");
  await eventually("the refusal by both workers", async () => {
    return String(await statuses(service, ofA)) === "401";
  });
  const refused = await service.metric(CHECKS);
  assert(refused > verified);
  assertEquals(await statuses(service, ofB), [200]);
  assertEquals(await service.metric(CHECKS), refused, "no token of b was checked again");
  assertEquals(b.provider.count("jwks"), 1);
});

Deno.test("Each provider has audience, scopes and algorithms of its own.", async () => {
  await using a = await party(0);
  await using b = await party(1);
  await using service = await start([
    entry("a", a, { audience: ["one", "two"], algorithms: ["RS256"] }),
    entry("b", b, {
      audience: '"three"',
      audience_match: "any",
      required_scopes: ["x"],
      algorithms: ["RS384"],
    }),
  ], { NUM_WORKERS: "1" });
  const rows: readonly (readonly [Party, number, unknown, Members, Members?])[] = [
    [a, 200, undefined, { aud: ["two", "one"] }],
    [a, 401, "wrong_audience", { aud: "three", scope: "x" }],
    [a, 401, "wrong_audience", { aud: "one" }],
    [a, 401, "algorithm_not_allowed", { aud: ["one", "two"] }, { alg: "RS384" }],
    [b, 200, undefined, { aud: ["three", "four"], scope: "x" }, { alg: "RS384" }],
    [b, 401, "wrong_audience", { aud: ["one", "two"], scope: "x" }, { alg: "RS384" }],
    [b, 403, "insufficient_scope", { aud: "three" }, { alg: "RS384" }],
    [b, 401, "algorithm_not_allowed", { aud: "three", scope: "x" }],
  ];
  for (const [{ token }, expected, reason, claims, header] of rows) {
    const got = await outcome(service, await token(claims, header));
    assertEquals(got, [expected, reason], JSON.stringify(claims));
  }
  // Whoever lacks a scope is known all the same.
  await service.logged("request", { reason: "insufficient_scope", provider: "b" });
});

Deno.test("A reload that adds, changes or removes a provider keeps the keys of the others.", async () => {
  await using a = await party(0);
  await using b = await party(1);
  await using c = await party(2);
  const fetches = () => [a, b, c].map(({ provider }) => provider.count("jwks"));
  const [ofA, ofB, ofC] = [await a.token(), await b.token(), await c.token()];
  await using service = await start([entry("a", a), entry("b", b)]);
  for (const token of [ofA, ofB]) assertEquals(await statuses(service, token), [200]);
  assertEquals(await statuses(service, ofC), [401]);
  assertEquals(fetches(), [1, 1, 0]);

  await reload(service, [entry("a", a), entry("b", b), entry("c", c)]);
  for (const token of [ofA, ofB, ofC]) assertEquals(await statuses(service, token), [200]);
  assertEquals(fetches(), [1, 1, 1]);

  // Its keys stay, what it requires is new.
  await reload(service, [entry("c", c), entry("a", a, { audience: '"other"' }), entry("b", b)]);
  assertEquals(await statuses(service, ofA), [401]);
  for (const token of [ofB, ofC]) assertEquals(await statuses(service, token), [200]);
  assertEquals(fetches(), [1, 1, 1]);

  // Problems in one provider: nothing changes for any.
  const wrong = [entry("a", a), entry("b", b, { audience_match: "some" }), entry("c", b)];
  await reload(service, wrong, "reload failed, keeping current configuration");
  assertEquals(await statuses(service, ofA), [401]);
  for (const token of [ofB, ofC]) assertEquals(await statuses(service, token), [200]);

  // Other keys under the same name: one is asked anew, the others are not.
  await reload(service, [entry("a", a), entry("b", c, { name: "b" }), entry("d", b)]);
  for (const token of [ofA, ofB, ofC]) assertEquals(await statuses(service, token), [200]);
  assertEquals(fetches(), [1, 2, 2]);

  await reload(service, [entry("a", a), entry("d", b)]);
  assertEquals(await statuses(service, ofC), [401]);
  for (const token of [ofA, ofB]) assertEquals(await statuses(service, token), [200]);
  assertEquals(fetches(), [1, 2, 2]);
  const { text } = await service.admin("/metrics");
  const held = [...seriesOf(text).keys()].filter((series) => series.startsWith("ooproxy_keys{"));
  assertEquals(held, ['ooproxy_keys{provider="a"}', 'ooproxy_keys{provider="d"}']);
  const verbose = (await service.admin("/readyz?verbose")).text;
  assertIncludes(verbose, "keys d:");
  assertExcludes(verbose, "keys b:");
  assertEquals(await service.metric("ooproxy_worker_restarts_total"), 0);
});

for (const workers of ["1", "2"]) {
  Deno.test(`Who waits for keys of a provider that a reload removes waits no longer, with NUM_WORKERS=${workers}.`, async () => {
    await using a = await party(0);
    await using b = await party(1);
    b.provider.hang();
    await using service = await start([entry("a", a), entry("b", b)], { NUM_WORKERS: workers });
    assertEquals(await statuses(service, await a.token()), [200]);
    const token = await b.token();
    const waiting = Array.from({ length: 4 }, () => status(service, token));
    await eventually("the fetch", () => b.provider.count() > 0);
    await reload(service, [entry("a", a)]);
    assertEquals(new Set(await Promise.all(waiting)), new Set([503]));
    const refused = await eventually("their lines", () => {
      const lines = service.log().filter(({ status }) => status === 503);
      return lines.length === waiting.length && lines;
    });
    // The fetch itself would have gone on for 5 s.
    const longestMs = Math.max(...refused.map(({ durationMs }) => Number(durationMs)));
    assert(longestMs < 4_500, `${longestMs} ms`);
    assertEquals(await statuses(service, token), [401]);
  });
}

Deno.test("Each provider has a key cache file of its own, with which a restart needs neither of them.", async () => {
  await using a = await party(0);
  await using b = await party(1);
  const dir = await Deno.makeTempDir({ prefix: "ooproxy_caches_" });
  try {
    const entries = [
      entry("a", a, { key_cache_file: `${dir}/a.json` }),
      entry("b", b, { key_cache_file: `${dir}/b.json` }),
    ];
    {
      await using service = await start(entries);
      for (const { token } of [a, b]) assertEquals(await status(service, await token()), 200);
      for (const [name, { url }] of [["a", a], ["b", b]] as const) {
        const file = `${dir}/${name}.json`;
        await eventually(`the file of ${name}`, () => exists(file));
        assertIncludes(await Deno.readTextFile(file), url);
      }
    }
    for (const { provider } of [a, b]) await provider.refuse();
    await using service = await start(entries);
    for (const { token } of [a, b]) assertEquals(await statuses(service, await token()), [200]);
    // The keys of one file do not serve the other's tokens.
    assertEquals(await status(service, await a.token({}, {}, 1)), 401);
    for (const { provider } of [a, b]) provider.comeBack();
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

async function exists(file: string): Promise<boolean> {
  return await Deno.stat(file).then(() => true, () => false);
}
