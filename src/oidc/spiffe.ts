/** Longest SPIFFE ID, in bytes (SPIFFE-ID, section 2.3). */
const MAX_ID_BYTES = 2048;

/** A trust domain (section 2.1) and segments of a path (section 2.2), none of them empty, `.` or `..`. */
const ID = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*)$/;

/**
 * The trust domain of a SPIFFE ID (SPIFFE-ID, section 2), without `spiffe://`. `undefined` for anything
 * that is none: another scheme, upper case, a user, a port, a query, a fragment, escapes, empty segments
 * or dot segments.
 */
export function trustDomainOf(id: unknown): string | undefined {
  if (typeof id !== "string" || id.length > MAX_ID_BYTES) return undefined;
  return ID.exec(id)?.[1];
}
