import { type Failure, failure } from "../failure.ts";
import type { Claims } from "./claims.ts";

/** Which kinds of tokens count as access tokens. */
export interface TokenTypeRules {
  /** `rfc9068`: only JWTs that follow the whole profile for access tokens (RFC 9068). */
  readonly profile: "any" | "rfc9068";
  /** Weakens: a token that was issued to tell a client who has logged in is accepted as one for an API. */
  readonly acceptIdTokens: boolean;
  /** Weakens: a token that is bound to a key is accepted from a client that does not prove to have it. */
  readonly acceptBound: boolean;
  /** Values of `typ` that are accepted besides, in any case; `JOSE` for JWT-SVIDs. Not with `rfc9068`. */
  readonly alsoAcceptedTypes?: readonly string[];
}

/** `typ` of an access token by RFC 9068, section 2.1. */
const ACCESS_TOKEN_TYPES: readonly unknown[] = ["at+jwt", "application/at+jwt"];

/** Claims that providers put into ID tokens alone (OpenID Connect Core, sections 2 and 3.3.2.11). */
const ID_TOKEN_CLAIMS = ["nonce", "at_hash", "c_hash"];

/** Claims by which providers say so themselves: Keycloak and Cognito. */
const ID_TOKEN_MARKS = [["typ", "ID"], ["token_use", "id"]] as const;

/** Claims that RFC 9068, section 2.2 requires to be there, and what they have to be. */
const PROFILE_CLAIMS: readonly (readonly [name: string, holds: (value: unknown) => boolean])[] = [
  ["iss", isName],
  ["exp", isTime],
  ["aud", (value) => isName(value) || (isList(value) && value.length > 0 && value.every(isName))],
  ["sub", isName],
  ["client_id", isName],
  ["iat", isTime],
  ["jti", isName],
];

/**
 * Checks that a JWT is an access token (RFC 8725, section 3.11): a declared type is `JWT`, `at+jwt` or
 * `application/at+jwt`, in any case; ID tokens are refused where they can be told, and so are tokens that
 * are bound to a key (RFC 7800, section 3.1; RFC 8705; RFC 9449), since no proof of the key is checked here.
 *
 * Fails with `wrong_type`, `sender_constrained`, or `malformed_claims` for what the profile lacks. Depends
 * on nothing but the token. Checks neither the signature nor what issuer, audience and times are.
 *
 * @param typ of the token's header, of whatever type; `undefined` where there is none.
 */
export function checkTokenType(
  typ: unknown,
  claims: Claims,
  rules: TokenTypeRules,
): Failure | undefined {
  const declared = typeof typ === "string" ? typ.toLowerCase() : typ;
  return checkDeclaredType(declared, rules) ??
    (rules.acceptIdTokens ? undefined : refuseIdToken(claims)) ??
    (rules.acceptBound ? undefined : refuseBound(claims)) ??
    (rules.profile === "rfc9068" ? checkProfile(claims) : undefined);
}

function checkDeclaredType(
  typ: unknown,
  { profile, alsoAcceptedTypes = [] }: TokenTypeRules,
): Failure | undefined {
  if (ACCESS_TOKEN_TYPES.includes(typ)) return undefined;
  if (profile === "rfc9068") {
    return failure("wrong_type", "typ is not at+jwt, which the profile rfc9068 requires");
  }
  if (typ === undefined || typ === "jwt") return undefined;
  return alsoAcceptedTypes.some((also) => also.toLowerCase() === typ)
    ? undefined
    : failure("wrong_type", "typ is not that of an access token");
}

function refuseIdToken(claims: Claims): Failure | undefined {
  const name = ID_TOKEN_CLAIMS.find((name) => Object.hasOwn(claims, name));
  if (name !== undefined) return failure("wrong_type", `an ID token: it has the claim ${name}`);
  const mark = ID_TOKEN_MARKS.find(([name, value]) =>
    Object.hasOwn(claims, name) && claims[name] === value
  );
  return mark && failure("wrong_type", `an ID token: its claim ${mark[0]} is ${mark[1]}`);
}

function refuseBound(claims: Claims): Failure | undefined {
  return Object.hasOwn(claims, "cnf") ? failure("sender_constrained", "it has cnf") : undefined;
}

function checkProfile(claims: Claims): Failure | undefined {
  const wrong = PROFILE_CLAIMS.find(([name, holds]) =>
    !Object.hasOwn(claims, name) || !holds(claims[name])
  );
  return wrong &&
    failure("malformed_claims", `${wrong[0]} is missing or malformed (profile rfc9068)`);
}

function isName(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isTime(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
