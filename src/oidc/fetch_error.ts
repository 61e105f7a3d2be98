/**
 * Requests to the provider that failed, in words. What changes from one attempt to the next (the
 * port on this side, the time of the check) is left out: the same trouble is told once.
 */
import { messageOf } from "../text.ts";
import { type KeyFetchError, keyFetchError } from "./key_fetch_error.ts";

/** How the runtime begins to tell that it does not trust a certificate. */
const UNTRUSTED = "invalid peer certificate: ";

/** What can be wrong with a certificate: how the runtime puts it, how it is told, what to do. */
const CERTIFICATE_ERRORS: readonly (readonly [said: RegExp, text: string, hint: string])[] = [
  [
    // The second is that of an authority whose name is known, but with another key.
    /UnknownIssuer|BadSignature/,
    "shows a certificate of an authority that is not trusted",
    "name that authority's certificate in PROVIDER_CA_FILE",
  ],
  [
    /not valid for name|NotValidForName/,
    "shows a certificate for another name",
    "ask the provider by a name that its certificate holds",
  ],
  [
    /expired/i,
    "shows a certificate that has expired",
    "renew the provider's certificate, or correct the clock of this machine",
  ],
  [
    /not valid yet|NotValidYet/,
    "shows a certificate that is not valid yet",
    "correct the clock of this machine, or the provider's certificate",
  ],
];

/** A request that brought no whole answer; `error` is what the runtime threw. */
export function requestError(url: string, error: unknown): KeyFetchError {
  const reason = reasonOf(error);
  const at = reason.indexOf(UNTRUSTED);
  if (at === -1) return keyFetchError("unreachable", url, `cannot be reached: ${reason}`);
  const known = CERTIFICATE_ERRORS.find(([said]) => said.test(reason));
  if (known !== undefined) return keyFetchError("certificate", url, known[1], known[2]);
  const detail = reason.slice(at + UNTRUSTED.length);
  return keyFetchError("certificate", url, `shows a certificate that is refused: ${detail}`);
}

/** An answer with another status than 200. */
export function statusError(url: string, status: number): KeyFetchError {
  if (status >= 300 && status < 400) {
    return keyFetchError("redirect", url, `answered with a redirect (${status})`);
  }
  return keyFetchError("status", url, `answered with status ${status}`, statusTodo(status));
}

function statusTodo(status: number): string | undefined {
  if (status === 401 || status === 403) return "have the provider show it without a login";
  if (status === 404 || status === 410) {
    return "correct PROVIDER_URL (or JWKS_URI): it may lack a part of its path";
  }
  if (status === 429) return "it is asked too often: raise KEY_COOLDOWN_SECS";
  return undefined;
}

/** The innermost message of a failed fetch, where the runtime says what really happened. */
function reasonOf(error: unknown): string {
  let reason = error;
  while (reason instanceof Error && reason.cause instanceof Error) reason = reason.cause;
  // In front stand the addresses of both ends, one of them with another port each time.
  return messageOf(reason).replace(/^error sending request .*?: client error \(\w+\): /s, "");
}
