/**
 * Migration windows: what is accepted until a date is accepted, counted and warned of until then, and refused
 * from then on in every worker, without a restart or a reload, whether or not its tokens are cached.
 */
import { assert, assertEquals } from "../support/assert.ts";
import { startProvider } from "../support/provider.ts";
import { defaultClaims, publicJwk, rsaKey, signHsToken, signToken } from "../support/tokens.ts";
import { eventually, pause, type Service, startService } from "./harness.ts";

/** Requests on connections of their own: enough that both of two workers get some. */
const MANY = 16;

/** How long the windows stay open once they are asked for, in milliseconds; ends are whole seconds. */
const OPEN_MS = 2_500;

const KID = "same";
const SECRET = "the new secret, at least 32 bytes";
const OLD_SECRET = "the old secret, at least 32 bytes";

/** The different statuses of many requests at once, each on a connection of its own. */
async function statuses(service: Service, token: string): Promise<number[]> {
  const all = await Promise.all(Array.from({ length: MANY }, async () => {
    using client = Deno.createHttpClient({});
    const headers = { authorization: `Bearer ${token}`, connection: "close" };
    const response = await fetch(service.url(), { headers, client });
    await response.body?.cancel();
    return response.status;
  }));
  return [...new Set(all)];
}

const counted = (service: Service, provider: string, what: string) =>
  service.metric(`ooproxy_deprecated_tokens_total{provider="${provider}",what="${what}"}`);

Deno.test("What is accepted until a date is accepted and counted, and then refused without a restart, cached or not.", async () => {
  await using leaving = startProvider({ keys: [publicJwk(await rsaKey(1), { kid: KID })] });
  await using staying = startProvider({ keys: [publicJwk(await rsaKey(2), { kid: KID })] });
  const settings = (until: string) => `
    [[provider]]
    name = "leaving"
    url = "${leaving.url}"
    accept_until = "${until}"

    [[provider]]
    name = "staying"
    url = "${staying.url}"
    audience = '"new"'
    audience_match = "any"
    previous_audience = '"old"'
    previous_audience_accept_until = "${until}"
    client_secret = "${SECRET}"
    previous_client_secret = "${OLD_SECRET}"
    previous_client_secret_accept_until = "${until}"
  `;
  await using service = await startService({
    settings: { PROVIDER_URL: undefined, KEY_COOLDOWN_SECS: undefined, NUM_WORKERS: "2" },
    toml: settings("2099-01-01T00:00:00Z"),
  });
  const claims = (iss: string, aud: string) => defaultClaims(Date.now(), { iss, aud });
  const header = { kid: KID };
  const ending = {
    provider: await signToken(await rsaKey(1), claims(leaving.url, "any"), header),
    audience: await signToken(await rsaKey(2), claims(staying.url, "old"), header),
    secret: await signHsToken(OLD_SECRET, claims(staying.url, "new")),
  };
  const lasting = [
    await signToken(await rsaKey(2), claims(staying.url, "new"), header),
    await signHsToken(SECRET, claims(staying.url, "new")),
  ];
  // Everything that has to be waited for once: keys, and code that runs for the first time.
  for (const token of [...Object.values(ending), ...lasting]) {
    assertEquals(await statuses(service, token), [200]);
  }
  assertEquals(service.log().filter(({ msg }) => msg.startsWith("migration window")), []);

  const endsAt = Math.ceil((Date.now() + OPEN_MS) / 1000) * 1000;
  const until = new Date(endsAt).toISOString();
  await Deno.writeTextFile(`${service.dir}/settings.toml`, settings(until.replace(".000", "")));
  service.process.signal("SIGHUP");
  await service.logged("configuration reloaded");
  const kinds = Object.entries(ending);
  const providerOf = (what: string) => what === "provider" ? "leaving" : "staying";
  for (const [what, token] of kinds) {
    const provider = providerOf(what);
    await service.logged("migration window ends soon, tokens will be refused", {
      what,
      provider,
      until,
      daysLeft: 1,
    });
    const before = await counted(service, provider, what);
    // The second time out of the caches.
    for (let n = 0; n < 2; n++) assertEquals(await statuses(service, token), [200]);
    assertEquals(await counted(service, provider, what) - before, 2 * MANY, what);
  }
  for (const token of lasting) assertEquals(await statuses(service, token), [200]);
  assert(Date.now() < endsAt, "the machine was too slow for this test");

  await pause(endsAt - Date.now());
  const end = await Promise.all(kinds.map(([what]) => counted(service, providerOf(what), what)));
  const reached = service.upstream.requests.length;
  for (let n = 0; n < 2; n++) {
    for (const [what, token] of kinds) assertEquals(await statuses(service, token), [401], what);
  }
  assertEquals(service.upstream.requests.length, reached);
  const refused = () =>
    service.log().filter(({ msg, reason }) => msg === "request" && reason !== undefined);
  await eventually("all refusals", () => refused().length === 2 * MANY * kinds.length);
  assertEquals(new Set(refused().map(({ reason }) => reason)), new Set(["no_longer_accepted"]));
  for (const [what] of kinds) {
    await service.logged("migration window over, tokens refused", {
      what,
      provider: providerOf(what),
      until,
    });
  }
  // A new token is refused like a known one, and what stays goes on.
  const fresh = await signToken(await rsaKey(1), claims(leaving.url, "new"), header);
  assertEquals(await statuses(service, fresh), [401]);
  for (const token of lasting) assertEquals(await statuses(service, token), [200]);
  assertEquals(
    await Promise.all(kinds.map(([what]) => counted(service, providerOf(what), what))),
    end,
    "a token that is refused is not in use",
  );
  assertEquals(await service.metric("ooproxy_worker_restarts_total"), 0);
  assertEquals(await service.metric('ooproxy_reloads_total{result="ok"}'), 1);
});

Deno.test("One provider by the settings at the top has the same windows.", async () => {
  const endsAt = Math.ceil((Date.now() + 1_000) / 1000) * 1000;
  await using service = await startService({
    settings: {
      NUM_WORKERS: "1",
      PROVIDER_ACCEPT_UNTIL: new Date(endsAt).toISOString().replace(".000", ""),
    },
  });
  const token = await service.token();
  // Whether the start took longer than the window or not: from its end on the token is refused.
  await statuses(service, token);
  await pause(Math.max(0, endsAt - Date.now()));
  assertEquals(await statuses(service, token), [401]);
  await service.logged("request", { status: 401, reason: "no_longer_accepted" });
  const line = await service.logged("migration window over, tokens refused", { what: "provider" });
  assertEquals([line.level, line.provider], ["warning", undefined]);
});
