/**
 * Error texts for failed requests to the provider. What changes from one attempt to the next (the local
 * port, the time of the check) is left out, so that the same error is logged once.
 */
import { messageOf } from "../text.ts";
import { type KeyFetchError, keyFetchError } from "./key_fetch_error.ts";

/** Prefix of the runtime's message about an untrusted certificate. */
const UNTRUSTED = "invalid peer certificate: ";

/** Certificate errors: the runtime's message, our text, what to do. */
const CERTIFICATE_ERRORS: readonly (readonly [said: RegExp, text: string, hint: string])[] = [
  [
    // BadSignature: an authority of a trusted name, but with another key.
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

/** The token that a request needed could not be had; its message says why, without the path. */
export class CredentialsError extends Error {}

/** A request without a complete response; `error` is what was thrown. */
export function requestError(url: string, error: unknown): KeyFetchError {
  if (error instanceof CredentialsError) {
    const text = `was not asked: PROVIDER_TOKEN_FILE ${error.message}`;
    return keyFetchError("credentials", url, text);
  }
  const reason = reasonOf(error);
  const at = reason.indexOf(UNTRUSTED);
  if (at === -1) return keyFetchError("unreachable", url, `cannot be reached: ${reason}`);
  const known = CERTIFICATE_ERRORS.find(([said]) => said.test(reason));
  if (known !== undefined) return keyFetchError("certificate", url, known[1], known[2]);
  const detail = reason.slice(at + UNTRUSTED.length);
  return keyFetchError("certificate", url, `shows a certificate that is refused: ${detail}`);
}

/** A response with a status other than 200. */
export function statusError(url: string, status: number): KeyFetchError {
  if (status >= 300 && status < 400) {
    return keyFetchError("redirect", url, `responded with a redirect (${status})`);
  }
  return keyFetchError("status", url, `responded with status ${status}`, statusHint(status));
}

function statusHint(status: number): string | undefined {
  if (status === 401 || status === 403) {
    return "have the provider show it without a login; an API server of Kubernetes takes the token in " +
      "PROVIDER_TOKEN_FILE";
  }
  if (status === 404 || status === 410) {
    return "correct PROVIDER_URL (or JWKS_URI): it may lack a part of its path";
  }
  if (status === 429) return "it is asked too often: raise KEY_COOLDOWN_SECS";
  return undefined;
}

/** The innermost message of a failed fetch, which has the actual cause. */
function reasonOf(error: unknown): string {
  let reason = error;
  while (reason instanceof Error && reason.cause instanceof Error) reason = reason.cause;
  // The prefix has both addresses, the local one with another port each time.
  return messageOf(reason).replace(/^error sending request .*?: client error \(\w+\): /s, "");
}
