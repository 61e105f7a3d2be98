import { type Failure, failure } from "../failure.ts";
import type { WaitingClient } from "../fair_places.ts";
import { FairQueue } from "../fair_queue.ts";
import {
  INTROSPECTION_LOG_PAUSE_MS,
  INTROSPECTION_PAUSE_MS,
  MAX_CHECK_WAITERS,
  MAX_INTROSPECTIONS_AT_ONCE,
  MAX_WAITING_INTROSPECTIONS,
} from "../limits.ts";
import { sameIssuer } from "../oidc/discovery.ts";
import type { Introspected, IntrospectionEndpoint } from "../oidc/introspection.ts";
import { describe, type KeyFetchError } from "../oidc/key_fetch_error.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { type Awaitable, fail, ok, type Result } from "../result.ts";
import { checkTimes, type Claims } from "./claims.ts";
import { makeIdentities } from "./identity.ts";
import type { OpaqueProvider, Verified } from "./provider.ts";
import type { ClaimNeeds } from "./verify_jwt.ts";

/** What a provider of opaque tokens is built from. */
export interface IntrospectionOptions {
  readonly name: string;
  readonly prefix: string | undefined;
  /** Where to ask; may have to wait for discovery. */
  readonly locate: (client: WaitingClient) => Awaitable<Result<IntrospectionEndpoint, Failure>>;
  readonly ask: (
    token: string,
    endpoint: IntrospectionEndpoint,
  ) => Promise<Result<Introspected, KeyFetchError>>;
  /** How long an active token is taken for active, in milliseconds. */
  readonly cacheMs: number;
  /** When its tokens end to be accepted, milliseconds since the epoch; `undefined` for good. */
  readonly acceptUntilMs: number | undefined;
  /** Weakens: a token that is bound to a key is accepted without proof of that key. */
  readonly acceptBound: boolean;
  /** Clock skew allowed for, in seconds. */
  readonly leewaySecs: number;
  /**
   * Names of the claims to keep. What a rule requires of them is decided behind the cache alone: a refusal
   * by a rule is not cached, so each would cost a question.
   */
  readonly needs: Pick<ClaimNeeds, "kept">;
  readonly clock: Clock;
  readonly log: Log;
  /** Called once, when it is closed and no introspection is left. */
  readonly onClosed: () => void;
}

/** An `OpaqueProvider` that can be closed; those that have begun go on. */
export interface Introspection extends OpaqueProvider {
  close(): void;
}

/** Errors of the way to the provider, which no token can cause: then it is left alone for a moment. */
const OF_THE_WAY: readonly KeyFetchError["kind"][] = ["unreachable", "certificate", "timeout"];

/**
 * Builds the check of opaque tokens: the provider is asked (RFC 7662), once for all requests with the
 * same token, about so many at once; what waits is bounded and fair between addresses. What an active
 * token says goes through the same checks as a JWT's claims.
 *
 * Fails with `inactive_token`; with `introspection_unavailable` where the provider fails, which is never
 * the token's fault; with `overloaded` where too many wait. Keeps no outcome: `TokenCache` does.
 */
export function makeIntrospection(options: IntrospectionOptions): Introspection {
  const { name, prefix, locate, ask, acceptUntilMs, leewaySecs, needs, clock, log } = options;
  const identityOf = makeIdentities(name, needs.kept);
  type Outcome = Result<Verified, Failure>;
  const queue = new FairQueue<Outcome>(MAX_WAITING_INTROSPECTIONS, MAX_CHECK_WAITERS);
  let running = 0;
  /** Requests that wait for an outcome. */
  let pending = 0;
  let closing = false;
  let closed = false;
  /** When it may be asked again, milliseconds of the monotonic clock, and why not before. */
  let pause = { untilMs: 0, reason: "" };
  /** The error that has been logged and whose end has not. */
  let logged = "";
  /** When the next error may be logged, milliseconds of the monotonic clock. */
  let logNotBefore = 0;

  function start(): void {
    while (running < MAX_INTROSPECTIONS_AT_ONCE) {
      const next = queue.doNext();
      if (next === undefined) return;
      running++;
      void next.then(() => {
        running--;
        start();
      });
    }
  }

  async function authenticate(token: string, client: WaitingClient): Promise<Outcome> {
    if (acceptUntilMs !== undefined && clock.now() >= acceptUntilMs) {
      return fail(failure("no_longer_accepted", name));
    }
    pending++;
    try {
      // For each request by itself: one that leaves meanwhile must not end it for the others.
      const located = await locate(client);
      if (!located.ok) return located;
      const work = () => introspected(token, located.value);
      const waiting = queue.add({ name: token, using: options, client, work });
      start();
      return await waiting ?? fail({ reason: "overloaded", retryAfterSecs: 1 });
    } finally {
      pending--;
      closeIfIdle();
    }
  }

  function closeIfIdle(): void {
    if (!closing || pending > 0 || closed) return;
    closed = true;
    options.onClosed();
  }

  async function introspected(token: string, endpoint: IntrospectionEndpoint): Promise<Outcome> {
    if (clock.monotonic() < pause.untilMs) return fail(unavailable(pause.reason));
    const asked = await ask(token, endpoint);
    if (!asked.ok) return fail(failed(asked.failure));
    if (logged !== "") log.info("introspection succeeded again");
    logged = "";
    if (!asked.value.active) return fail(failure("inactive_token"));
    return check(asked.value.claims, endpoint.issuer);
  }

  function failed(error: KeyFetchError): Failure {
    const text = describe(error);
    const now = clock.monotonic();
    if (OF_THE_WAY.includes(error.kind)) {
      pause = { untilMs: now + INTROSPECTION_PAUSE_MS, reason: text };
    }
    if (text !== logged && now >= logNotBefore) {
      const { url, text: said, hint } = error;
      log.error("introspection failed, responding 503", { url, error: said, hint });
      logged = text;
      logNotBefore = now + INTROSPECTION_LOG_PAUSE_MS;
    }
    return unavailable(text);
  }

  function check(claims: Claims, issuer: string): Outcome {
    const refused = checkIssuer(claims, issuer) ??
      checkTimes(withEnd(claims), leewaySecs, clock.now()) ??
      (options.acceptBound ? undefined : checkBinding(claims));
    if (refused !== undefined) return fail(refused);
    const identity = identityOf(claims, acceptUntilMs === undefined ? undefined : "provider");
    const cacheUntilMs = Math.min(clock.now() + options.cacheMs, acceptUntilMs ?? Infinity);
    return ok({ identity, generation: 0, cacheUntilMs });
  }

  return {
    name,
    prefix,
    authenticate,
    close() {
      closing = true;
      closeIfIdle();
    },
  };
}

function unavailable(detail: string): Failure {
  return { ...failure("introspection_unavailable", detail), retryAfterSecs: 1 };
}

/** The response need not name the issuer (RFC 7662, section 2.2); where it does it is the right one. */
function checkIssuer({ iss }: Claims, issuer: string): Failure | undefined {
  if (iss === undefined) return undefined;
  return typeof iss === "string" && sameIssuer(iss, issuer) ? undefined : failure("wrong_issuer");
}

/** The provider has said that it is active: without `exp` it is so until it is asked again. */
function withEnd(claims: Claims): Claims {
  return claims.exp === undefined ? { ...claims, exp: Number.MAX_SAFE_INTEGER } : claims;
}

function checkBinding(claims: Claims): Failure | undefined {
  const { token_type: type } = claims;
  const bound = Object.hasOwn(claims, "cnf") ||
    (typeof type === "string" && type.toLowerCase() === "dpop");
  return bound ? failure("sender_constrained", "the introspection says so") : undefined;
}
