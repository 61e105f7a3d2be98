import type { RequestFacts } from "./facts.ts";
import type { Requirement } from "./requirement.ts";

/** Which requests it applies to, and who may make them. */
export interface Rule {
  /** Identifies it in logs and metrics. */
  readonly name: string;
  matches(facts: RequestFacts): boolean;
  /** Open without a token, or what is required of the caller. */
  readonly access: "public" | Requirement;
}

/** A rule for every request: what the settings require of all callers. */
export function ruleForAll(access: Requirement): Rule {
  return { name: "default", matches: () => true, access };
}
