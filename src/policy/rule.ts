import type { RequestFacts } from "./facts.ts";
import type { Requirement } from "./requirement.ts";

/** Which requests it is for, and who may make them. */
export interface Rule {
  /** Names it in logs and metrics. */
  readonly name: string;
  matches(facts: RequestFacts): boolean;
  /** Open to everybody, or what is demanded of the caller. */
  readonly access: "public" | Requirement;
}

/** The rule for every request: what the settings demand of all callers alike. */
export function ruleForAll(access: Requirement): Rule {
  return { name: "default", matches: () => true, access };
}
