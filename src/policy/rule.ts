import type { RequestFacts } from "./facts.ts";
import type { Requirement } from "./requirement.ts";

/** Who may make a request: everybody without a token, or callers of these providers, by their names. */
export type Access = "public" | ReadonlyMap<string, Requirement>;

/** Which requests it applies to, and who may make them. */
export interface Rule {
  /** Identifies it in logs and metrics. */
  readonly name: string;
  matches(facts: RequestFacts): boolean;
  /** Open without a token, or what is required of a provider's callers; of a provider without an entry none is accepted. */
  readonly access: Access;
}

/** A rule for every request: what the settings require of all callers. */
export function ruleForAll(access: Access): Rule {
  return { name: "default", matches: () => true, access };
}
