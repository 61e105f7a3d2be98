/**
 * Holds every response of a chaos run against what its client was entitled to. Pure.
 *
 * The rules, one by one:
 * - A token is accepted only if it is whole, for this audience and issuer, in its time by a leeway in
 *   force, and signed with a key of a key set that the provider had given and that may still have been
 *   in force: a removed key goes with the next fetch that succeeds, at the latest `SPREAD_MS` after it.
 * - A token that every key set in force has the key of is never refused (400, 401, 403), and never told
 *   that keys are missing (503).
 * - Only the provider that a token names excuses anything: whatever another one does, the tokens of a
 *   healthy provider are accepted throughout, and by its own keys alone.
 * - A token of a published key that the proxy does not know yet has it fetched, and is accepted; 503
 *   with `Retry-After` is right only in an outage of the provider, the back-off after it, or where
 *   clients have used up the fetches that they may cause. 401 is right only where its `kid` is known for
 *   another key and the last fetch is less than a cool-down ago.
 * - 502 and 504 are right only if the upstream treated that request badly, or failed meanwhile.
 * - A connection breaks only if the upstream broke the response or failed, or if a worker was
 *   killed while the connection was there. None is refused but while all is started again.
 * - A whole response is the response to its request, byte for byte.
 * - The upstream gets a request at most once (twice without a body: it may be sent again on a new
 *   connection), unchanged, and only with a token that may have been accepted.
 */
import {
  type History,
  type KeysAt,
  overlap,
  type ProviderName,
  PROVIDERS,
  type RequestRecord,
  type Seen,
  type Span,
  type TokenKind,
  type Treatment,
} from "./history.ts";
import { KEY_FETCH_BURST } from "../../src/limits.ts";
import {
  arrived,
  coolingDown,
  type Facts,
  factsOf,
  fetchesUsedUp,
  possibleLeeways,
  possiblyInForce,
  published,
  shadows,
  SPREAD_MS,
} from "./knowledge.ts";

/** How long a failure may show after it is over, in milliseconds. */
const AFTER_MS = 1_500;

/** How much closer to each other than they were sent two fetches may arrive, in milliseconds. */
const JITTER_MS = 500;

/** Fetches at the keys' expiry that may meet those that clients cause. */
const AT_EXPIRY = 1;

/** Tokens with which only their key or their time may be wrong. */
const SOUND: ReadonlySet<TokenKind> = new Set<TokenKind>([
  "good",
  "good, kid reused",
  "retired key",
  "just expired",
]);

/** Other tokens that are looked at as far as their key, for which a fetch may be waited. */
const UP_TO_THE_KEY: ReadonlySet<TokenKind> = new Set<TokenKind>([
  "wrong key",
  "other provider's key",
  "unknown kid",
]);

/** What the upstream did where no whole response can come. */
const FAULTY: ReadonlySet<Treatment> = new Set<Treatment>(["hang", "truncate", "garbage", "drop"]);

/** What the proxy may do with a token. */
export type Entitlement = "must" | "may" | "never";

/** Something that must not have happened. */
export interface Violation {
  readonly rule: string;
  readonly what: string;
  readonly request?: RequestRecord;
}

/** Everything that must not have happened, in order of time. */
export function check(history: History): Violation[] {
  const seen = Map.groupBy(history.seen, ({ id }) => id);
  const contextOf = Object.fromEntries(PROVIDERS.map((name) => {
    const facts = factsOf(history, name);
    return [name, { history, facts, shadows: shadows(facts) }];
  })) as Record<ProviderName, Context>; // one for each
  return [
    ...history.complaints.map((what) => ({ rule: "the run itself", what })),
    ...history.upstreamFaults.map((what) => ({ rule: "the upstream gets requests only", what })),
    ...PROVIDERS.flatMap((name) => checkFetches(history, name)),
    ...checkStrangers(history),
    ...history.requests.flatMap((request) =>
      checkRequest(contextOf[request.provider], request, seen.get(request.id) ?? []).map(
        ([rule, what]) => ({ rule, what, request }),
      )
    ),
  ];
}

interface Context {
  readonly history: History;
  /** Of the provider that the token names. */
  readonly facts: Facts;
  readonly shadows: readonly Span[];
}

type Found = readonly [rule: string, what: string];

/** What the proxy may do with the token of a request, by all that it can have known. */
export function entitlement(facts: Facts, request: RequestRecord): Entitlement {
  const { key, kind, expiredSecs, begin, end } = request;
  if (key === undefined || !SOUND.has(kind)) return "never";
  const span = { from: begin, to: end };
  const inTime = possibleLeeways(facts, span).map((secs) => secs > (expiredSecs ?? -Infinity));
  const known = possiblyInForce(facts, span).map(({ keys }) => keys.includes(key));
  if (!inTime.includes(true) || !known.includes(true)) return "never";
  return inTime.includes(false) || known.includes(false) ? "may" : "must";
}

function checkRequest(context: Context, request: RequestRecord, seen: readonly Seen[]): Found[] {
  const { outcome } = request;
  const entitled = entitlement(context.facts, request);
  const found: Found[] = [...checkSeen(request, seen, entitled)];
  switch (outcome.kind) {
    case "response":
      if (!outcome.right) found.push(["responses are whole and right", `status ${outcome.status}`]);
      if (entitled === "never") {
        found.push(["no other token is accepted", `status ${outcome.status}`]);
      }
      if (seen.length === 0) found.push(["responses come from the upstream", "it saw nothing"]);
      break;
    case "refusal":
      found.push(...checkRefusal(context, request, outcome, entitled, seen));
      break;
    case "broken":
      if (!mayBreak(context, request, seen, entitled)) {
        found.push(["connections hold", `${outcome.what}, status ${outcome.status}`]);
      }
      break;
    case "unconnected": {
      const span = around(request);
      // A connection that is being made meets the end of the worker that was to get it.
      const hit = outcome.what.includes("ECONNRESET") && connectionWasHit(context, request);
      if (!hit && !context.history.restarts.some((restart) => overlap(late(restart), span))) {
        found.push(["somebody listens", outcome.what]);
      }
      break;
    }
    case "late":
      found.push(["every request gets a response", "the client gave up"]);
  }
  return found;
}

function checkSeen(request: RequestRecord, seen: readonly Seen[], entitled: Entitlement): Found[] {
  const found: Found[] = [];
  const most = request.method === "GET" ? 2 : 1;
  if (seen.length > most) found.push(["no request is sent again", `${seen.length} times`]);
  if (seen.length > 0 && entitled === "never") {
    found.push(["the upstream sees entitled requests only", "it saw this one"]);
  }
  for (const { method, target, token, bodyHash } of seen) {
    const same = method === request.method && target === request.target && token === request.token;
    if (!same) found.push(["requests go on unchanged", `${method} ${target}`]);
    if (bodyHash !== undefined && bodyHash !== request.bodyHash) {
      found.push(["bodies go on unchanged", "another hash"]);
    }
  }
  return found;
}

type Refusal = Extract<RequestRecord["outcome"], { kind: "refusal" }>;

function checkRefusal(
  context: Context,
  request: RequestRecord,
  { status, retryAfter, text }: Refusal,
  entitled: Entitlement,
  seen: readonly Seen[],
): Found[] {
  if (status === 502 || status === 504) {
    if (entitled === "never") return [["no other token is accepted", `status ${status}`]];
    const excused = upstreamFailed(context, request, seen);
    return excused ? [] : [["a healthy upstream is reached", `status ${status}`]];
  }
  const span = around(request);
  const inShadow = context.shadows.some((shadow) => overlap(shadow, span));
  const noFetch = inShadow || fetchesUsedUp(context.facts, span);
  if (status === 503) {
    if (!retryAfter) return [["503 says when to come back", text]];
    const expected = text.includes("cannot be checked") && entitled !== "must" && noFetch &&
      (SOUND.has(request.kind) || UP_TO_THE_KEY.has(request.kind));
    return expected ? [] : [["503 only where a key is unknown and no fetch permitted", text]];
  }
  if (status !== 401 && status !== 400) return [["statuses are the expected ones", `${status}`]];
  if (entitled === "never") return mayBeRefused(context, request, inShadow) ? [] : [unknown(text)];
  if (entitled === "must") return [["no good token is refused", text]];
  return mayBeRefused(context, request, inShadow) ? [] : [unknown(text)];
}

function unknown(text: string): Found {
  return ["a published key is waited for", text];
}

/** Whether 401 is right for a token that not every key set in force lets in. */
function mayBeRefused(
  { facts }: Context,
  request: RequestRecord,
  inShadow: boolean,
): boolean {
  const { key, kind, expiredSecs } = request;
  const span = around(request);
  if (!SOUND.has(kind) || key === undefined || !published(facts, key, span)) return true;
  if (possibleLeeways(facts, span).some((secs) => secs <= (expiredSecs ?? -Infinity))) {
    return true;
  }
  const sets = possiblyInForce(facts, span);
  return sets.some((set) => hasOther(set, key)) && (inShadow || coolingDown(facts, span));
}

/** Whether a key set has another key under the `kid` of this one. */
function hasOther({ keys }: KeysAt, key: string): boolean {
  const kid = key.slice(0, key.lastIndexOf("#") + 1);
  return keys.some((other) => other !== key && other.startsWith(kid));
}

function upstreamFailed(
  { history }: Context,
  request: RequestRecord,
  seen: readonly Seen[],
): boolean {
  const span = around(request);
  return seen.some(({ treatment }) => FAULTY.has(treatment)) ||
    history.upstreamTroubles.some((trouble) => overlap(late(trouble), span));
}

/** Whether a connection may have broken: for a token that is refused a failing upstream is no reason. */
function mayBreak(
  context: Context,
  request: RequestRecord,
  seen: readonly Seen[],
  entitled: Entitlement,
): boolean {
  if (connectionWasHit(context, request)) return true;
  return entitled !== "never" && upstreamFailed(context, request, seen);
}

function connectionWasHit({ history }: Context, { connectedAt, end }: RequestRecord): boolean {
  const life = { from: connectedAt, to: end };
  return history.breaks.some((hit) => overlap(late(hit), life));
}

function around({ begin, end }: RequestRecord): Span {
  return { from: begin, to: end };
}

function late({ from, to }: Span): Span {
  return { from, to: to + AFTER_MS };
}

/**
 * At each provider there are no more fetches than clients may cause: a few at once, one more each cool-down, and one at
 * the keys' expiry now and then; all anew for a proxy that has been started again. A provider that failed
 * may respond long after it was asked.
 */
function checkFetches(history: History, name: ProviderName): Violation[] {
  const { cooldownMs, restarts } = history;
  const facts = factsOf(history, name);
  const most = KEY_FETCH_BURST + AT_EXPIRY + JITTER_MS / cooldownMs;
  let left = most;
  let before = -Infinity;
  return facts.given.filter((set) => arrived(facts, set)).flatMap(({ at }) => {
    const restarted = restarts.some((restart) => overlap(restart, { from: before, to: at }));
    const more = (at - before) / cooldownMs;
    left = (restarted ? most : Math.min(most, left + more)) - 1;
    before = at;
    if (left >= 0) return [];
    return [{
      rule: "fetches come from the bucket",
      what: `one too many at ${name}, ${Math.round(at)} ms`,
    }];
  });
}

/** Requests that no client has sent. */
function checkStrangers({ requests, seen }: History): Violation[] {
  const sent = new Set(requests.map(({ id }) => id));
  return seen.filter(({ id }) => !sent.has(id)).map(({ id, method, target }) => ({
    rule: "the upstream gets requests only",
    what: `no client sent ${id}: ${method} ${target}`,
  }));
}

/** How long news take, for the report. */
export const MARGINS = { SPREAD_MS, AFTER_MS, JITTER_MS } as const;
