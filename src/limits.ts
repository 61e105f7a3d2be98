/**
 * Every fixed limit of the program, each with its reason. What an operator may want to change is a
 * setting instead (see `config/schema.ts`).
 */

/** Longest token looked at, in characters. Real access tokens are 1 to 4 KiB; Deno's server refuses a whole head beyond 64 KiB anyway. */
export const MAX_TOKEN_LENGTH = 16 * 1024;

/** Longest `kid` accepted, in characters: key ids are thumbprints or short names, and the unknown ones are remembered. */
export const MAX_KID_LENGTH = 512;

/** Time for one request to the provider, in milliseconds: a client is waiting for the answer. */
export const PROVIDER_FETCH_TIMEOUT_MS = 5_000;

/** Largest discovery document or key set read, in bytes: a hundred RSA keys with certificate chains stay well below it. */
export const MAX_PROVIDER_BODY_BYTES = 512 * 1024;

/** How many requests may wait for the next permitted key fetch at once; each holds a client connection and a few KiB. */
export const MAX_KEY_WAITERS = 256;

/** How many unknown `kid`s are remembered, so that asking for them again costs nothing; bounded because clients choose them. */
export const MAX_UNKNOWN_KIDS = 128;

/** Most keys taken from one key set: far above any real provider, low enough that trying them all stays cheap. */
export const MAX_KEYS = 256;

/** Most keys tried for one token without a `kid`, since each costs a signature check. */
export const MAX_KEYS_TRIED = 16;

/** Smallest RSA modulus accepted, in bits (RFC 7518, section 3.3). */
export const MIN_RSA_BITS = 2048;

/** Largest RSA modulus accepted, in bits: checks get slow with the square of the size. */
export const MAX_RSA_BITS = 8192;

/** Smallest RSA public exponent accepted: with 1 anyone can sign, with 3 weak padding checks have been fooled. */
export const MIN_RSA_EXPONENT = 65_537n;

/** Largest RSA public exponent accepted, in bits, so that a check cannot be made slow. */
export const MAX_RSA_EXPONENT_BITS = 64;

/** What `Retry-After` says when nothing better is known, in seconds. */
export const DEFAULT_RETRY_AFTER_SECS = 10;
