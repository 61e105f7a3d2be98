/** The checker sees every kind of thing that must not happen, and takes what is right for right. */
import { assertEquals } from "../support/assert.ts";
import { check, entitlement } from "./checker.ts";
import type { History, Outcome, ProviderHistory, RequestRecord, Seen } from "./history.ts";
import { factsOf } from "./knowledge.ts";

/** A provider with the key `a#0` from the beginning, given at 1 s. */
const CALM: ProviderHistory = {
  published: [{ at: 0, keys: ["a#0"] }],
  given: [{ at: 1_000, keys: ["a#0"] }],
  troubles: [],
};

/** The same `kid` with another key. */
const OTHER: ProviderHistory = {
  published: [{ at: 0, keys: ["a#9"] }],
  given: [{ at: 1_000, keys: ["a#9"] }],
  troubles: [],
};

/** A quiet run. */
const QUIET: History = {
  cooldownMs: 1_000,
  providers: { first: CALM, second: OTHER },
  requests: [],
  seen: [],
  upstreamFaults: [],
  upstreamTroubles: [],
  breaks: [],
  restarts: [],
  leeways: [{ from: 0, settled: 0, secs: 0 }],
  complaints: [],
};

const RESPONSE: Outcome = { kind: "response", status: 200, right: true };
const REFUSED: Outcome = { kind: "refusal", status: 401, retryAfter: false, text: "invalid_token" };
const KEYS_AWAY: Outcome = {
  kind: "refusal",
  status: 503,
  retryAfter: true,
  text: "tokens cannot be checked at the moment",
};
const BROKEN: Outcome = { kind: "broken", status: 0, what: "closed" };

function request(more: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id: "r",
    kind: "good",
    provider: "first",
    key: "a#0",
    operation: "GET",
    method: "GET",
    target: "/r",
    token: "t",
    bodyHash: "h",
    connectedAt: 10_000,
    begin: 10_000,
    end: 10_010,
    outcome: RESPONSE,
    ...more,
  };
}

function saw(more: Partial<Seen> = {}): Seen {
  return {
    id: "r",
    at: 10_005,
    treatment: "right",
    method: "GET",
    target: "/r",
    token: "t",
    bodyHash: "h",
    ...more,
  };
}

/** The rules that a run with this one request breaks. What is said of a provider is said of the first. */
function broken(
  one: Partial<RequestRecord>,
  { published, given, troubles, ...facts }: Partial<History & ProviderHistory> = {},
  seen: readonly Seen[] = one.outcome === undefined || one.outcome.kind === "response"
    ? [saw()]
    : [],
): string[] {
  const first = {
    published: published ?? CALM.published,
    given: given ?? CALM.given,
    troubles: troubles ?? [],
  };
  const providers = { first, second: OTHER };
  const run = { ...QUIET, providers, requests: [request(one)], seen, ...facts };
  return check(run).map(({ rule }) => rule);
}

Deno.test("A good token that is accepted, and bad ones that are refused, break no rule.", () => {
  assertEquals(broken({}), []);
  for (const kind of ["expired", "other audience", "wrong key", "no token", "garbage"] as const) {
    assertEquals(broken({ kind, key: "a#0", outcome: REFUSED }), [], kind);
  }
});

Deno.test("A token that must not be accepted is found, by its response and by what the upstream saw.", () => {
  for (const kind of ["expired", "unknown kid", "alg none", "no token"] as const) {
    assertEquals(broken({ kind }), [
      "the upstream sees entitled requests only",
      "no other token is accepted",
    ], kind);
    assertEquals(broken({ kind, outcome: REFUSED }, {}, [saw()]), [
      "the upstream sees entitled requests only",
    ], kind);
  }
  const gateway: Outcome = { kind: "refusal", status: 502, retryAfter: false, text: "" };
  assertEquals(broken({ kind: "expired", outcome: gateway }), ["no other token is accepted"]);
});

Deno.test("A removed key is accepted until the next fetch has spread, and not after it.", () => {
  const facts = {
    published: [{ at: 0, keys: ["a#0"] }, { at: 5_000, keys: ["b#1"] }],
    given: [{ at: 1_000, keys: ["a#0"] }, { at: 9_000, keys: ["b#1"] }],
  };
  const at = (begin: number) => ({ kind: "retired key", begin, end: begin + 10 }) as const;
  assertEquals(broken(at(8_000), facts), []);
  assertEquals(broken(at(10_400), facts), []);
  assertEquals(broken(at(10_600), facts), [
    "the upstream sees entitled requests only",
    "no other token is accepted",
  ]);
  assertEquals(broken({ ...at(10_600), outcome: REFUSED }, facts), []);
  // A response that may have been lost in a fault proves nothing yet.
  const lost = { ...facts, troubles: [{ from: 8_900, to: 9_100 }] };
  assertEquals(broken(at(10_600), lost), []);
  // Where the old set is known to be in force, its token is no less good for having been removed.
  assertEquals(broken({ ...at(8_000), outcome: REFUSED }, facts), ["no good token is refused"]);
});

Deno.test("A good token that is refused is found, whatever the proxy says to it.", () => {
  for (const status of [400, 401]) {
    const outcome: Outcome = { kind: "refusal", status, retryAfter: false, text: "" };
    assertEquals(broken({ outcome }), ["no good token is refused"], `${status}`);
  }
  const forbidden: Outcome = { kind: "refusal", status: 403, retryAfter: false, text: "" };
  assertEquals(broken({ outcome: forbidden }), ["statuses are the expected ones"]);
  const outage = { troubles: [{ from: 9_000, to: 11_000 }] };
  for (const facts of [{}, outage]) {
    assertEquals(broken({ outcome: KEYS_AWAY }, facts), [
      "503 only where a key is unknown and no fetch permitted",
    ]);
  }
});

Deno.test("A new key may get 503 in an outage or its back-off, with Retry-After, and never 401.", () => {
  const rotated = {
    published: [{ at: 0, keys: ["a#0"] }, { at: 5_000, keys: ["b#1"] }],
  };
  const outage = { ...rotated, troubles: [{ from: 6_000, to: 7_000 }] };
  const fresh = { key: "b#1" };
  assertEquals(broken({ ...fresh, outcome: KEYS_AWAY }, outage), []);
  assertEquals(broken({ ...fresh, outcome: KEYS_AWAY }, rotated), [
    "503 only where a key is unknown and no fetch permitted",
  ]);
  assertEquals(broken({ ...fresh, outcome: { ...KEYS_AWAY, retryAfter: false } }, outage), [
    "503 says when to come back",
  ]);
  // Three fetches in the last three cool-downs: clients may cause no more now.
  const given = [...CALM.given, ...[7_000, 8_000, 9_500].map((at) => ({ at, keys: ["a#0"] }))];
  assertEquals(broken({ ...fresh, outcome: KEYS_AWAY }, { ...rotated, given }), []);
  assertEquals(
    broken({ ...fresh, outcome: KEYS_AWAY }, { ...rotated, given: given.slice(0, -1) }),
    [
      "503 only where a key is unknown and no fetch permitted",
    ],
  );
  const long = { ...fresh, begin: 19_000, end: 19_001, outcome: KEYS_AWAY };
  assertEquals(broken(long, outage), ["503 only where a key is unknown and no fetch permitted"]);
  for (const facts of [rotated, outage]) {
    assertEquals(broken({ ...fresh, outcome: REFUSED }, facts), ["a published key is waited for"]);
  }
});

Deno.test("401 for a kid with another key is right within a cool-down of a fetch only.", () => {
  const facts = { published: [{ at: 0, keys: ["a#0"] }, { at: 5_000, keys: ["a#1"] }] };
  const fresh = { key: "a#1", outcome: REFUSED };
  assertEquals(broken(fresh, facts), ["a published key is waited for"]);
  const given = [...CALM.given, { at: 9_500, keys: ["a#0"] }];
  assertEquals(broken(fresh, { ...facts, given }), []);
});

Deno.test("The leeway in force decides about a token that has just ended.", () => {
  const one = { kind: "just expired", expiredSecs: 20 } as const;
  const leeways = [...QUIET.leeways, { from: 5_000, settled: 5_200, secs: 60 }];
  const facts = factsOf(QUIET, "first");
  assertEquals(entitlement(facts, request(one)), "never");
  assertEquals(entitlement({ ...facts, leeways }, request(one)), "must");
  const during = request({ ...one, begin: 5_100, end: 5_110 });
  assertEquals(entitlement({ ...facts, leeways }, during), "may");
  assertEquals(broken({ ...one, outcome: REFUSED }), []);
  assertEquals(broken({ ...one, outcome: REFUSED }, { leeways }), ["no good token is refused"]);
});

Deno.test("Keys and failures of one provider are nothing to the other's tokens.", () => {
  const second = { provider: "second", key: "a#9" } as const;
  assertEquals(broken(second), []);
  // The other provider's key under the same kid.
  for (const one of [{ key: "a#9" }, { provider: "second" }] as const) {
    assertEquals(broken(one), [
      "the upstream sees entitled requests only",
      "no other token is accepted",
    ]);
    assertEquals(broken({ ...one, kind: "other provider's key", outcome: REFUSED }), []);
  }
  // Its outage excuses nothing, neither for known keys nor for new ones.
  const outage = { troubles: [{ from: 6_000, to: 11_000 }] };
  for (const one of [second, { ...second, key: "b#9" }]) {
    const published = [{ at: 0, keys: ["a#9", "b#9"] }];
    const providers = { first: { ...CALM, ...outage }, second: { ...OTHER, published } };
    const unknown = one.key === "b#9";
    assertEquals(broken({ ...one, outcome: KEYS_AWAY }, { providers }), [
      "503 only where a key is unknown and no fetch permitted",
    ]);
    assertEquals(broken({ ...one, outcome: REFUSED }, { providers }), [
      unknown ? "a published key is waited for" : "no good token is refused",
    ]);
    // Its own does.
    const own = { first: CALM, second: { ...OTHER, published, ...outage } };
    assertEquals(
      broken({ ...one, outcome: KEYS_AWAY }, { providers: own }).length,
      unknown ? 0 : 1,
    );
  }
  // Each has a bucket of fetches of its own.
  const many = Array.from({ length: 4 }, (_, i) => ({ at: 1_300 + i, keys: ["a#9"] }));
  const given = (second: ProviderHistory["given"]) => ({
    providers: { first: CALM, second: { ...OTHER, given: second } },
  });
  assertEquals(broken({}, given(many)), []);
  assertEquals(broken({}, given([...many, ...many])).slice(0, 1), ["fetches come from the bucket"]);
});

Deno.test("A response that is cut off, or another's, and passes as whole is found.", () => {
  assertEquals(broken({ outcome: { ...RESPONSE, right: false } }), [
    "responses are whole and right",
  ]);
  const facts = { upstreamTroubles: [{ from: 0, to: 60_000 }] };
  assertEquals(broken({ outcome: { ...RESPONSE, right: false } }, facts), [
    "responses are whole and right",
  ]);
  assertEquals(broken({}, {}, []), ["responses come from the upstream"]);
});

Deno.test("502, 504 and broken connections need a failing upstream.", () => {
  const troubles = { upstreamTroubles: [{ from: 9_000, to: 9_500 }] };
  const past = { upstreamTroubles: [{ from: 7_000, to: 8_000 }] };
  for (const status of [502, 504]) {
    const outcome: Outcome = { kind: "refusal", status, retryAfter: false, text: "" };
    assertEquals(broken({ outcome }), ["a healthy upstream is reached"]);
    assertEquals(broken({ outcome }, past), ["a healthy upstream is reached"]);
    assertEquals(broken({ outcome }, troubles), []);
    assertEquals(broken({ outcome }, {}, [saw({ treatment: "hang" })]), []);
  }
  assertEquals(broken({ outcome: BROKEN }), ["connections hold"]);
  assertEquals(broken({ outcome: BROKEN }, troubles), []);
  assertEquals(broken({ kind: "expired", outcome: BROKEN }, troubles), ["connections hold"]);
  assertEquals(broken({ outcome: BROKEN }, {}, [saw({ treatment: "truncate" })]), []);
  assertEquals(broken({ outcome: BROKEN }, {}, [saw()]), ["connections hold"]);
});

Deno.test("A kill excuses the connections that were there, and no others.", () => {
  const breaks = [{ from: 9_000, to: 9_000 }];
  assertEquals(broken({ outcome: BROKEN, connectedAt: 8_000 }, { breaks }), []);
  const later = { outcome: BROKEN, connectedAt: 10_600, begin: 10_600, end: 10_601 };
  assertEquals(broken(later, { breaks }), ["connections hold"]);
  const outcome: Outcome = { kind: "unconnected", what: "refused" };
  assertEquals(broken({ outcome }, { breaks }), ["somebody listens"]);
  const reset: Outcome = { kind: "unconnected", what: "connect ECONNRESET" };
  assertEquals(broken({ outcome: reset }, { breaks }), []);
  assertEquals(broken({ outcome: reset }), ["somebody listens"]);
  assertEquals(broken({ outcome }, { restarts: [{ from: 9_000, to: 9_900 }] }), []);
});

Deno.test("What the upstream saw is held against what was sent.", () => {
  assertEquals(broken({}, {}, [saw({ target: "/other" })]), ["requests go on unchanged"]);
  assertEquals(broken({}, {}, [saw({ token: "other" })]), ["requests go on unchanged"]);
  assertEquals(broken({}, {}, [saw({ bodyHash: "other" })]), ["bodies go on unchanged"]);
  assertEquals(broken({}, {}, [saw(), saw(), saw()]), ["no request is sent again"]);
  const post = { method: "POST" };
  assertEquals(broken(post, {}, [saw(post), saw(post)]), ["no request is sent again"]);
  assertEquals(broken({}, {}, [saw(), saw({ id: "s" })]), ["the upstream gets requests only"]);
  assertEquals(broken({}, { upstreamFaults: ["two lengths"] }), [
    "the upstream gets requests only",
  ]);
});

Deno.test("Fetches that are too close, requests without a response and complaints are found.", () => {
  const quick = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ at: 1_300 + i, keys: ["a#0"] }));
  assertEquals(broken({}, { given: [...CALM.given, ...quick(3)] }), []);
  const given = [...CALM.given, ...quick(6)];
  assertEquals(broken({}, { given }).slice(0, 1), ["fetches come from the bucket"]);
  const restarts = [{ from: 1_303, to: 1_303 }];
  assertEquals(broken({}, { given, restarts }), []);
  assertEquals(broken({ outcome: { kind: "late" } }), ["every request gets a response"]);
  assertEquals(broken({}, { complaints: ["exit code 1"] }), ["the run itself"]);
});
