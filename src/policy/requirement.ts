import type { Claims } from "../auth/claims.ts";
import { clientIdOf, type Identity, subjectOf } from "../auth/identity.ts";
import { SCOPE_CLAIMS } from "../auth/scopes.ts";
import type { ClaimRule } from "../config/claim_kinds.ts";
import type { Audience } from "../config/kinds.ts";
import { type Failure, failure } from "../failure.ts";
import { quote } from "../text.ts";
import { type AudienceMatch, makeAudienceMatch } from "./audience.ts";
import { compileClaimRule } from "./claim_rule.ts";
import { makePattern } from "./pattern.ts";

/** What is required of an authenticated caller. What is not there is not checked. */
export interface RequirementSettings {
  /** What the audience must be; `audienceMatch` says how they are compared. */
  readonly audience?: Audience | undefined;
  /** `exact` unless it is set. */
  readonly audienceMatch?: AudienceMatch | undefined;
  /** The claim that is compared, in the place of `aud`. */
  readonly audienceClaim?: string | undefined;
  /** An audience that is accepted as well for a while; without `audience` it says nothing. */
  readonly previousAudience?: PreviousAudience | undefined;
  /** `sub` must equal it. */
  readonly subject?: string | undefined;
  /** `sub` must match one of these patterns (`pattern.ts`). */
  readonly subjects?: readonly string[] | undefined;
  /** `client_id`, else `azp`, must be one of them. */
  readonly clients?: readonly string[] | undefined;
  /** Scopes that the token must have: each of them, or with `any` one. */
  readonly scopes?: readonly string[] | undefined;
  /** `all` unless it is set. */
  readonly scopesMatch?: "all" | "any" | undefined;
  /** Each must hold. */
  readonly claims?: readonly ClaimRule[] | undefined;
}

/** An audience from before a migration. */
export interface PreviousAudience {
  readonly audience: Audience;
  /** From then on it is refused; milliseconds since the epoch. */
  readonly untilMs: number;
}

/** What a requirement looks at. */
export type Caller = Pick<Identity, "subject" | "clientId" | "scopes" | "claims">;

/** How a caller was accepted, where that is to be counted: by an audience that ends some day. */
export type ByPreviousAudience = "previous audience";

/** A compiled requirement. */
export interface Requirement {
  /**
   * Why a caller is refused; `undefined` and `"previous audience"` accept. In this order: audience, subject
   * and client (401), scopes (403 `insufficient_scope`), claims (403 `claim_not_accepted`).
   */
  check(caller: Caller): Failure | ByPreviousAudience | undefined;
  /**
   * The same for unverified claims, as far as it leads to 401: such a refusal holds whether or not the
   * token verifies. A forged token must not get a 403, which would say that it was accepted.
   */
  refuseUnverified(claims: Claims): Failure | undefined;
  /** Names of the claims that it looks at. */
  readonly claimsNeeded: readonly string[];
}

/** What says what time it is: milliseconds since the epoch. */
export interface WallClock {
  now(): number;
}

type Check = Requirement["check"];

const NO_SCOPES: ReadonlySet<string> = new Set();

/**
 * Compiles what is required, so that a request pays only for what is set and an accepted one allocates
 * nothing (RFC 7519, sections 4.1.2 and 4.1.3; RFC 6750, section 3.1; RFC 9068, section 4).
 *
 * @param clock says whether the previous audience is still accepted; only asked when it matches.
 */
export function compileRequirement(settings: RequirementSettings, clock: WallClock): Requirement {
  const { audience, audienceClaim = "aud", scopes, claims = [] } = settings;
  const identifying = [...audienceChecks(settings, clock), ...callerChecks(settings)];
  const checks = [...identifying, ...scopeChecks(settings), ...claims.map(claimCheck)];
  const needed = [
    ...(audience === undefined ? [] : [audienceClaim]),
    ...(scopes === undefined ? [] : SCOPE_CLAIMS),
    ...claims.flatMap(({ path: [name] }) => name ?? []),
  ];
  return {
    check: (caller) => run(checks, caller),
    refuseUnverified(claims) {
      const caller = {
        subject: subjectOf(claims),
        clientId: clientIdOf(claims),
        scopes: NO_SCOPES,
        claims,
      };
      const outcome = run(identifying, caller);
      return typeof outcome === "string" ? undefined : outcome;
    },
    claimsNeeded: [...new Set(needed)],
  };
}

function run(checks: readonly Check[], caller: Caller): ReturnType<Check> {
  let accepted: ByPreviousAudience | undefined;
  for (const check of checks) {
    const outcome = check(caller);
    if (typeof outcome === "object") return outcome;
    accepted ??= outcome;
  }
  return accepted;
}

function audienceChecks(settings: RequirementSettings, clock: WallClock): Check[] {
  const { audience, audienceMatch = "exact", audienceClaim = "aud", previousAudience } = settings;
  if (audience === undefined) return [];
  const read = ({ claims }: Caller) =>
    Object.hasOwn(claims, audienceClaim) ? claims[audienceClaim] : undefined;
  const matches = makeAudienceMatch(audience, audienceMatch);
  const wrong = failure("wrong_audience");
  if (previousAudience === undefined) {
    return [(caller) => matches(read(caller)) ? undefined : wrong];
  }
  const { untilMs } = previousAudience;
  const matchesPrevious = makeAudienceMatch(previousAudience.audience, audienceMatch);
  const over = failure(
    "no_longer_accepted",
    `the previous audience was accepted until ${new Date(untilMs).toISOString()}`,
  );
  return [(caller) => {
    const given = read(caller);
    if (matches(given)) return undefined;
    if (!matchesPrevious(given)) return wrong;
    return clock.now() < untilMs ? "previous audience" : over;
  }];
}

function callerChecks({ subject, subjects, clients }: RequirementSettings): Check[] {
  const checks: Check[] = [];
  const wrongSubject = failure("wrong_subject");
  if (subject !== undefined) {
    checks.push((caller) => caller.subject === subject ? undefined : wrongSubject);
  }
  if (subjects !== undefined) {
    const patterns = subjects.map(makePattern);
    checks.push(({ subject }) =>
      subject !== undefined && patterns.some((matches) => matches(subject))
        ? undefined
        : wrongSubject
    );
  }
  if (clients !== undefined) {
    const accepted = new Set<unknown>(clients);
    const wrongClient = failure("wrong_client");
    checks.push(({ clientId }) => accepted.has(clientId) ? undefined : wrongClient);
  }
  return checks;
}

function scopeChecks({ scopes, scopesMatch = "all" }: RequirementSettings): Check[] {
  if (scopes === undefined) return [];
  const missing: Failure = { ...failure("insufficient_scope"), scope: scopes.join(" ") };
  return [
    scopesMatch === "all"
      ? (caller) => scopes.every((scope) => caller.scopes.has(scope)) ? undefined : missing
      : (caller) => scopes.some((scope) => caller.scopes.has(scope)) ? undefined : missing,
  ];
}

function claimCheck(rule: ClaimRule): Check {
  const holds = compileClaimRule(rule);
  const [name = ""] = rule.path;
  // The value stays out of the log: it may say who a person is.
  const shown = rule.path.length === 1 ? quote(name) : quote(JSON.stringify(rule.path));
  const refused = failure("claim_not_accepted", `claim ${shown}`);
  return ({ claims }) => holds(claims) ? undefined : refused;
}
