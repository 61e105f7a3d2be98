/** Longest SPIFFE ID, in bytes (SPIFFE-ID, section 2.3). */
const MAX_ID_BYTES = 2048;

/** Names of trust domains (section 2.1). */
const TRUST_DOMAIN = "[a-z0-9._-]{1,255}";

/** A trust domain and segments of a path (section 2.2), none of them empty, `.` or `..`. */
const ID = new RegExp(
  `^spiffe://(${TRUST_DOMAIN})(?:/(?!\\.{1,2}(?:/|$))[A-Za-z0-9._-]+)*$`,
);

const DOMAIN_ALONE = new RegExp(`^${TRUST_DOMAIN}$`);

/** Whether a text is the name of a trust domain, without `spiffe://`. */
export function isTrustDomain(text: string): boolean {
  return DOMAIN_ALONE.test(text);
}

/**
 * The trust domain of a SPIFFE ID (SPIFFE-ID, section 2), without `spiffe://`. `undefined` for anything
 * that is none: another scheme, upper case, a user, a port, a query, a fragment, escapes, empty segments
 * or dot segments.
 */
export function trustDomainOf(id: unknown): string | undefined {
  if (typeof id !== "string" || id.length > MAX_ID_BYTES) return undefined;
  return ID.exec(id)?.[1];
}
