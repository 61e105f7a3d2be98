/** Why a fetch of the provider's keys failed. */
export interface KeyFetchError {
  readonly kind: KeyFetchErrorKind;
  /** What was fetched. */
  readonly url: string;
  /**
   * What happened, as the predicate of a sentence whose subject is the URL. The same error always
   * has the same text, so that it is logged once.
   */
  readonly text: string;
  /** What the operator can do about it. */
  readonly hint: string;
}

/** Default hint for each kind of error. */
const HINTS = {
  unreachable: "see that the provider runs, and that this machine finds and reaches that address",
  credentials: "see that the file is there, holds a token and may be read by this program",
  certificate: "see what certificate the provider shows",
  timeout: "see whether the provider is overloaded, or something on the way drops packets",
  status: "see the provider's own log",
  redirect: "redirects are not followed: name the address it leads to in PROVIDER_URL or JWKS_URI",
  too_large: "see what responds there: no key set is that large",
  not_json: "see what responds there: PROVIDER_URL may lack a part of its path, or a proxy or a " +
    "sign-in page may stand in front of the provider",
  bad_document: "see whether PROVIDER_URL (or JWKS_URI) names an OpenID provider",
  wrong_issuer: "correct PROVIDER_URL, or set ISSUER to the provider's public name",
  no_keys: "have the provider publish a key for signatures that is strong enough",
} as const;

/** The kinds of errors. */
export type KeyFetchErrorKind = keyof typeof HINTS;

/**
 * Makes an error.
 *
 * @param hint a better hint than the default one of the kind.
 */
export function keyFetchError(
  kind: KeyFetchErrorKind,
  url: string,
  text: string,
  hint: string = HINTS[kind],
): KeyFetchError {
  return { kind, url, text, hint };
}

/** An error as one sentence. */
export function describe({ url, text }: Pick<KeyFetchError, "url" | "text">): string {
  return `${url} ${text}`;
}
