/** What can go wrong when the provider is asked for its keys. */
export interface ProviderTrouble {
  readonly kind: TroubleKind;
  /** What was asked. */
  readonly url: string;
  /**
   * What happened, as the predicate of a sentence whose subject is the URL. The same trouble has the
   * same text every time, so that it can be told once.
   */
  readonly text: string;
  /** What the operator can do about it. */
  readonly todo: string;
}

/** What to do about a trouble of which no more is known than its kind. */
const TODO = {
  unreachable: "see that the provider runs, and that this machine finds and reaches that address",
  certificate: "see what certificate the provider shows",
  timeout: "see whether the provider is overloaded, or something on the way drops packets",
  status: "see the provider's own log",
  redirect: "redirects are not followed: name the address it leads to in PROVIDER_URL or JWKS_URI",
  too_large: "see what answers there: no key set of a provider is that large",
  not_json: "see what answers there: PROVIDER_URL may lack a part of its path, or a proxy or a " +
    "sign-in page may stand in front of the provider",
  bad_document: "see whether PROVIDER_URL (or JWKS_URI) names an OpenID provider",
  wrong_issuer: "correct PROVIDER_URL, or set ISSUER to the provider's public name",
  no_keys: "have the provider publish a key for signatures that is strong enough",
} as const;

/** The kinds of trouble. */
export type TroubleKind = keyof typeof TODO;

/**
 * Puts a trouble together.
 *
 * @param todo what to do about it, where that can be said better than by the kind alone.
 */
export function trouble(
  kind: TroubleKind,
  url: string,
  text: string,
  todo: string = TODO[kind],
): ProviderTrouble {
  return { kind, url, text, todo };
}
