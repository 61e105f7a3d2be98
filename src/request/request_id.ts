import { MAX_REQUEST_ID_LENGTH } from "../limits.ts";

/** Gives each request its id. */
export type RequestIds = (received: string | null) => string;

/**
 * The ids under which requests are logged and sent upstream: the client's own `X-Request-Id` if it is a
 * short word of letters, digits and `-._:/+=`, otherwise a new one: a random part for this process and
 * a number, which costs less than a random id for each request and is as unique.
 */
export function makeRequestIds(): RequestIds {
  const process = crypto.randomUUID();
  let count = 0;
  return (received) =>
    received !== null && isWellFormed(received) ? received : `${process}-${++count}`;
}

function isWellFormed(id: string): boolean {
  return id.length > 0 && id.length <= MAX_REQUEST_ID_LENGTH && /^[\w.:/+=-]+$/.test(id);
}
