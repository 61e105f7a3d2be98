import type { Audience } from "../config/kinds.ts";

/** How the audience of a token is compared with the one in the settings. */
export type AudienceMatch = "exact" | "any" | "all";

/**
 * Builds the comparison with the audience of a token, which is a text or a list of texts (RFC 7519, section
 * 4.1.3). A text equals that text alone, letter by letter; what is no text never matches.
 *
 * @param match `exact`: a text equals the same text, a list one with the same members in any order.
 *     `any`: at least one of the token's is accepted. `all`: each accepted one is among the token's.
 */
export function makeAudienceMatch(
  accepted: Audience,
  match: AudienceMatch,
): (audience: unknown) => boolean {
  if (match === "exact") return (audience) => isSame(audience, accepted);
  const wanted = typeof accepted === "string" ? [accepted] : accepted;
  if (match === "any") {
    const isWanted = (audience: unknown) => wanted.includes(audience as string); // of any type
    return (audience) => Array.isArray(audience) ? audience.some(isWanted) : isWanted(audience);
  }
  return (audience) => {
    const members: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
    return wanted.length > 0 && wanted.every((member) => members.includes(member));
  };
}

function isSame(audience: unknown, accepted: Audience): boolean {
  if (typeof accepted === "string") return audience === accepted;
  if (!Array.isArray(audience) || audience.length !== accepted.length) return false;
  // Nearly always in the same order, which needs no copy.
  if (accepted.every((member, at) => audience[at] === member)) return true;
  const rest: unknown[] = [...audience];
  for (const member of accepted) {
    const at = rest.indexOf(member);
    if (at === -1) return false;
    rest.splice(at, 1);
  }
  return true;
}
