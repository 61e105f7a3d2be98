/**
 * Everything that can go wrong with one request, as one union of reasons, and what each means on
 * the wire. The operator gets the reason and its detail in the log; the caller gets a status, a
 * challenge and a fixed sentence. Nothing from the request or the token is ever echoed.
 */
import { DEFAULT_RETRY_AFTER_SECS } from "./limits.ts";

/** Everything about one reason. */
interface ReasonRow {
  /** Whether the request was refused here, or failed on its way to the upstream and back. */
  readonly outcome: "refused" | "failed";
  readonly status: number;
  /** `error` of the JSON body, and of the challenge where the status asks for one. */
  readonly error: string;
  /** Fixed text for the caller: characters that RFC 6750, section 3 allows in `error_description`. */
  readonly description: string;
  /** Whether `WWW-Authenticate` goes out, and with which parameters (RFC 6750, section 3). */
  readonly challenge?: "plain" | "error";
  readonly retryAfter?: true;
  /** Methods that are accepted, where the method is at fault (RFC 9110, section 15.5.6 asks for them). */
  readonly allow?: string;
  /**
   * Whether the refusal may be remembered by the token alone, while the keys stay: it depends on nothing
   * else, and time cannot mend it. `for a cool-down`: the provider may have exchanged the key.
   */
  readonly cacheable?: Cacheable;
}

/** For how long a refused token may be remembered. */
export type Cacheable = "always" | "for a cool-down";

const REASON_ROWS = {
  missing_token: {
    outcome: "refused",
    status: 401,
    error: "missing_token",
    description: "send an access token as Authorization: Bearer <token>",
    challenge: "plain",
  },
  other_scheme: {
    outcome: "refused",
    status: 401,
    error: "missing_token",
    description: "the Authorization scheme has to be Bearer",
    challenge: "plain",
  },
  malformed_credentials: invalidRequest("the Authorization header is not one well-formed token"),
  repeated_credentials: invalidRequest("more than one Authorization value was sent"),
  token_too_long: invalidRequest("the token is too long"),
  not_a_jwt: invalidToken("the token is not a signed JWT", "always"),
  algorithm_not_allowed: invalidToken(
    "the signature algorithm of the token is not accepted",
    "always",
  ),
  unknown_key: invalidToken("no key matches the token's kid"),
  bad_signature: invalidToken("the signature of the token is wrong", "for a cool-down"),
  malformed_claims: invalidToken("a claim of the token is missing or malformed", "always"),
  wrong_type: invalidToken("the token is not an access token", "always"),
  sender_constrained: invalidToken(
    "the token is bound to a key, which is not checked here",
    "always",
  ),
  wrong_issuer: invalidToken("the token was issued by another provider", "always"),
  wrong_audience: invalidToken("the token is meant for another audience"),
  wrong_subject: invalidToken("the subject of the token is not accepted"),
  wrong_client: invalidToken("the client of the token is not accepted"),
  no_longer_accepted: invalidToken("tokens of this kind are no longer accepted"),
  inactive_token: invalidToken("the token is not active", "for a cool-down"),
  expired: invalidToken("the token has expired", "always"),
  not_yet_valid: invalidToken("the token is not valid yet"),
  insufficient_scope: {
    outcome: "refused",
    status: 403,
    error: "insufficient_scope",
    description: "the token does not have the scopes that are needed",
    challenge: "error",
  },
  claim_not_accepted: {
    outcome: "refused",
    status: 403,
    error: "claim_not_accepted",
    description: "the caller is not permitted to do this",
  },
  keys_unavailable: {
    outcome: "refused",
    status: 503,
    error: "temporarily_unavailable",
    description: "tokens cannot be checked at the moment",
    retryAfter: true,
  },
  introspection_unavailable: {
    outcome: "refused",
    status: 503,
    error: "temporarily_unavailable",
    description: "tokens cannot be checked at the moment",
    retryAfter: true,
  },
  overloaded: {
    outcome: "refused",
    status: 503,
    error: "temporarily_unavailable",
    description: "too many tokens are being checked at the moment",
    retryAfter: true,
  },
  bad_target: badRequest("the request target is not accepted"),
  bad_host: badRequest("the Host header is missing or malformed"),
  unexpected_body: badRequest("a request with this method must not have a body"),
  broken_body: badRequest("the request body is broken"),
  method_not_allowed: {
    outcome: "refused",
    status: 405,
    error: "method_not_allowed",
    description: "this method is not forwarded",
    allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
  },
  content_too_large: {
    outcome: "refused",
    status: 413,
    error: "content_too_large",
    description: "the request body is too large",
  },
  uri_too_long: {
    outcome: "refused",
    status: 414,
    error: "uri_too_long",
    description: "the request target is too long",
  },
  header_fields_too_large: {
    outcome: "refused",
    status: 431,
    error: "header_fields_too_large",
    description: "the header fields of the request are too large",
  },
  worker_busy: {
    outcome: "refused",
    status: 503,
    error: "temporarily_unavailable",
    description: "too many requests are being handled at the moment",
    retryAfter: true,
  },
  upstream_refused: {
    outcome: "failed",
    status: 502,
    error: "bad_gateway",
    description: "the upstream cannot be reached",
  },
  upstream_broken: {
    outcome: "failed",
    status: 502,
    error: "bad_gateway",
    description: "invalid response from upstream",
  },
  upstream_timeout: {
    outcome: "failed",
    status: 504,
    error: "gateway_timeout",
    description: "upstream timed out",
  },
  upstream_busy: {
    outcome: "failed",
    status: 503,
    error: "temporarily_unavailable",
    description: "too many requests wait for the upstream",
    retryAfter: true,
  },
  client_gone: {
    outcome: "failed",
    status: 499,
    error: "client_gone",
    description: "the client went away",
  },
  client_timeout: {
    outcome: "failed",
    status: 408,
    error: "request_timeout",
    description: "the request body timed out",
  },
  internal: {
    outcome: "failed",
    status: 500,
    error: "internal_error",
    description: "internal server error",
  },
} as const satisfies Record<string, ReasonRow>;

/** The name of a failure: one word for logs and metrics, from a fixed set. */
export type Reason = keyof typeof REASON_ROWS;

/** All reasons, for tables of metrics and for tests. */
export const REASONS = Object.keys(REASON_ROWS) as readonly Reason[];

/** The body for each reason, written once. */
const BODIES = Object.fromEntries(REASONS.map((reason) => {
  const { error, description } = REASON_ROWS[reason];
  const text = JSON.stringify({ error, error_description: description });
  return [reason, new TextEncoder().encode(`${text}\n`)];
})) as Record<Reason, Uint8Array<ArrayBuffer>>;

/** What became of a request: the upstream responded, it was refused here, or something broke. */
export type Outcome = "allowed" | ReasonRow["outcome"];

/** What a reason makes of a request. */
export function outcomeOf(reason: Reason | undefined): Outcome {
  return reason === undefined ? "allowed" : REASON_ROWS[reason].outcome;
}

/** Whether and for how long a refusal may be remembered by the token alone. */
export function cacheable(reason: Reason): Cacheable | undefined {
  const row: ReasonRow = REASON_ROWS[reason];
  return row.cacheable;
}

/** Why the response to a request is not the upstream's. */
export interface Failure {
  readonly reason: Reason;
  /** More for the operator's log; never sent to the caller, never holding a token or a secret. */
  readonly detail?: string;
  /** Seconds until trying again makes sense, where that is known. */
  readonly retryAfterSecs?: number;
  /**
   * All scopes that are needed, with blanks between them, for the challenge (RFC 6750, section 3). From the
   * settings, which accept scopes of the characters of RFC 6749, section 3.3 alone.
   */
  readonly scope?: string;
}

/** Makes a failure; `detail` is for the log alone. */
export function failure(reason: Reason, detail?: string): Failure {
  return detail === undefined ? { reason } : { reason, detail };
}

/** The status of the response; 499, which is only logged, means that the client has gone. */
export function statusOf(reason: Reason): number {
  return REASON_ROWS[reason].status;
}

/**
 * The response to a failure: status, RFC 6750 challenge, small JSON body, `Cache-Control: no-store`.
 *
 * @param realm protection space named in the challenge.
 * @param close whether to ask for the connection to be closed (a body that will not be read).
 */
export function failureResponse(failed: Failure, realm: string, close = false): Response {
  const row: ReasonRow = REASON_ROWS[failed.reason];
  const response = new Response(BODIES[failed.reason], { status: row.status });
  const { headers } = response;
  // Added one by one: given to the constructor they cost half as much again.
  headers.append("content-type", "application/json");
  headers.append("cache-control", "no-store");
  if (row.challenge === "plain") headers.append("www-authenticate", `Bearer realm="${realm}"`);
  if (row.challenge === "error") {
    const scope = failed.scope === undefined ? "" : `, scope="${failed.scope}"`;
    headers.append(
      "www-authenticate",
      `Bearer realm="${realm}", error="${row.error}", error_description="${row.description}"${scope}`,
    );
  }
  if (row.retryAfter) {
    const secs = Math.max(1, Math.ceil(failed.retryAfterSecs ?? DEFAULT_RETRY_AFTER_SECS));
    headers.append("retry-after", String(secs));
  }
  if (row.allow !== undefined) headers.append("allow", row.allow);
  if (close) headers.append("connection", "close");
  return response;
}

function invalidToken(description: string, cacheable?: Cacheable): ReasonRow {
  return {
    outcome: "refused",
    status: 401,
    error: "invalid_token",
    description,
    challenge: "error",
    ...(cacheable === undefined ? {} : { cacheable }),
  };
}

function invalidRequest(description: string): ReasonRow {
  return {
    outcome: "refused",
    status: 400,
    error: "invalid_request",
    description,
    challenge: "error",
  };
}

function badRequest(description: string): ReasonRow {
  return { outcome: "refused", status: 400, error: "bad_request", description };
}
