import { makeAuthenticator } from "../../src/auth/authenticate.ts";
import { TokenCache } from "../../src/auth/token_cache.ts";
import { type Failure, failure } from "../../src/failure.ts";
import { fail, ok } from "../../src/result.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { CLIENT } from "../support/client.ts";
import { FakeClock } from "../support/clock.ts";

/** An authenticator over a cache; `checked` are the tokens that were checked, `lookups` hits. */
function makeScene({ size = 10, refused }: { size?: number; refused?: Failure } = {}) {
  const clock = new FakeClock();
  const checked: string[] = [];
  const lookups: boolean[] = [];
  const cache = new TokenCache(
    (token) => {
      checked.push(token);
      const identity = {
        provider: "default",
        subject: `subject of ${token}`,
        clientId: undefined,
        scopes: new Set<string>(),
        claims: {},
        validFrom: undefined,
        validUntil: clock.now() / 1000 + 60,
      };
      const outcome = refused === undefined ? ok({ identity, generation: 1 }) : fail(refused);
      return ok({
        keys: { generation: () => 1 },
        opaque: false,
        authenticate: () => outcome,
      });
    },
    { size, ttlMs: 60_000, leewaySecs: 0, keyCooldownMs: 10_000, opaque: false },
    { clock, onLookup: (hit) => lookups.push(hit) },
  );
  const authenticator = makeAuthenticator(cache);
  const authenticate = (authorization: string | null) => authenticator(authorization, CLIENT);
  return {
    authenticate,
    checked,
    lookups,
    /** The subject, or the reason of the refusal. */
    async outcome(authorization: string | null): Promise<string | undefined> {
      const caller = await authenticate(authorization);
      return caller.ok ? caller.value.subject : caller.failure.reason;
    },
  };
}

Deno.test("A new token is checked, a known one is returned without waiting.", async () => {
  const { authenticate, checked, lookups } = makeScene();
  const first = authenticate("Bearer a.b.c");
  assert(first instanceof Promise);
  const known = authenticate("Bearer a.b.c");
  assert(known instanceof Promise, "not known before the check has ended");
  assertEquals(await known, await first);
  const again = authenticate("Bearer a.b.c");
  assert(!(again instanceof Promise));
  assertEquals(again, await first);
  assertEquals([checked, lookups], [["a.b.c", "a.b.c"], [false, false, true]]);
});

Deno.test("However its scheme is spelt, a token is the same one, and is looked up once a request.", async () => {
  const { authenticate, outcome, checked, lookups } = makeScene();
  const spellings = ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c", "Bearer  a.b.c"];
  for (const value of spellings) assertEquals(await outcome(value), "subject of a.b.c");
  assertEquals(checked, ["a.b.c"]);
  assertEquals(lookups.filter((hit) => hit).length, spellings.length - 1);
  assert(!(authenticate("bearer a.b.c") instanceof Promise));
});

Deno.test("Credentials that carry no token are refused without a look at any token.", async () => {
  const { authenticate, outcome, checked } = makeScene();
  const outcomes = [];
  for (const value of [null, "", "Basic a.b.c", "a.b.c", "Bearer", "Bearer a, Bearer b"]) {
    assert(!(authenticate(value) instanceof Promise));
    outcomes.push(await outcome(value));
  }
  assertEquals(outcomes, [
    "missing_token",
    "missing_token",
    "other_scheme",
    "other_scheme",
    "malformed_credentials",
    "repeated_credentials",
  ]);
  assertEquals(checked, []);
});

Deno.test("A cached refusal is returned without waiting, one that may not be cached is not.", async () => {
  const dead = makeScene({ refused: failure("not_a_jwt") });
  assertEquals(await dead.outcome("Bearer a"), "not_a_jwt");
  assertEquals(dead.authenticate("Bearer a"), fail(failure("not_a_jwt")));
  assertEquals(dead.checked, ["a"]);
  const unknown = makeScene({ refused: failure("unknown_key") });
  for (let i = 0; i < 2; i++) assertEquals(await unknown.outcome("Bearer a"), "unknown_key");
  assertEquals(unknown.checked, ["a", "a"]);
});

Deno.test("Without a cache every request has its token checked.", async () => {
  const { outcome, checked, lookups } = makeScene({ size: 0 });
  for (let i = 0; i < 2; i++) assertEquals(await outcome("Bearer a"), "subject of a");
  assertEquals([checked, lookups], [["a", "a"], []]);
});
