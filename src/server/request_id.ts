/** Longest request id taken over from a client, in characters. */
const MAX_LENGTH = 128;

/**
 * The id under which a request is logged and sent upstream: the client's own `X-Request-Id` if it is
 * a short word of letters, digits and `-._:/+=`, otherwise a new UUID.
 */
export function requestId(received: string | null): string {
  return received !== null && isWellFormed(received) ? received : crypto.randomUUID();
}

function isWellFormed(id: string): boolean {
  return id.length > 0 && id.length <= MAX_LENGTH && /^[\w.:/+=-]+$/.test(id);
}
