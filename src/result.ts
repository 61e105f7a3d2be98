/**
 * An expected outcome as a value: either it went well, or it failed for a named reason.
 *
 * Exceptions are kept for bugs; everything a user, a client, a provider or an upstream can cause
 * travels as a `Result`.
 */
export type Result<T, F> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: F };

/** A value that may be there at once: nothing waits then. */
export type Awaitable<T> = T | Promise<T>;

/** Wraps a value as the good outcome. */
export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** Wraps a reason as the bad outcome. */
export function fail<F>(failure: F): { readonly ok: false; readonly failure: F } {
  return { ok: false, failure };
}
