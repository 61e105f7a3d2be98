/**
 * Everything that can go wrong with one request, as one union of reasons, and what each means on
 * the wire. The operator gets the reason and its detail in the log; the caller gets a status, a
 * challenge and a fixed sentence. Nothing from the request or the token is ever echoed.
 */
import { DEFAULT_RETRY_AFTER_SECS } from "./limits.ts";

/** How one reason is answered. */
interface Answer {
  readonly status: number;
  /** `error` of the JSON body, and of the challenge where the status asks for one. */
  readonly error: string;
  /** Fixed text for the caller: characters that RFC 6750, section 3 allows in `error_description`. */
  readonly description: string;
  /** Whether `WWW-Authenticate` goes out, and with which parameters (RFC 6750, section 3). */
  readonly challenge?: "plain" | "error";
  readonly retryAfter?: true;
  /** Methods that would do, where the method is to blame (RFC 9110, section 15.5.6 asks for them). */
  readonly allow?: string;
}

const ANSWERS = {
  missing_token: {
    status: 401,
    error: "missing_token",
    description: "send an access token as Authorization: Bearer <token>",
    challenge: "plain",
  },
  other_scheme: {
    status: 401,
    error: "missing_token",
    description: "the Authorization scheme has to be Bearer",
    challenge: "plain",
  },
  malformed_credentials: invalidRequest("the Authorization header is not one well-formed token"),
  repeated_credentials: invalidRequest("more than one Authorization value was sent"),
  token_too_long: invalidRequest("the token is too long"),
  not_a_jwt: invalidToken("the token is not a signed JWT"),
  algorithm_not_allowed: invalidToken("the signature algorithm of the token is not accepted"),
  unknown_key: invalidToken("the token is signed with a key that is not known"),
  bad_signature: invalidToken("the signature of the token is wrong"),
  malformed_claims: invalidToken("a claim of the token is missing or malformed"),
  wrong_issuer: invalidToken("the token was issued by another provider"),
  wrong_audience: invalidToken("the token is meant for another audience"),
  wrong_subject: invalidToken("the subject of the token is not accepted"),
  expired: invalidToken("the token has expired"),
  not_yet_valid: invalidToken("the token is not valid yet"),
  keys_unavailable: {
    status: 503,
    error: "temporarily_unavailable",
    description: "tokens cannot be checked at the moment",
    retryAfter: true,
  },
  overloaded: {
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
    status: 405,
    error: "method_not_allowed",
    description: "this method is not forwarded",
    allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
  },
  content_too_large: {
    status: 413,
    error: "content_too_large",
    description: "the request body is too large",
  },
  uri_too_long: {
    status: 414,
    error: "uri_too_long",
    description: "the request target is too long",
  },
  header_fields_too_large: {
    status: 431,
    error: "header_fields_too_large",
    description: "the header fields of the request are too large",
  },
  worker_busy: {
    status: 503,
    error: "temporarily_unavailable",
    description: "too many requests are being answered at the moment",
    retryAfter: true,
  },
  upstream_refused: {
    status: 502,
    error: "bad_gateway",
    description: "the upstream cannot be reached",
  },
  upstream_broken: {
    status: 502,
    error: "bad_gateway",
    description: "the upstream gave no valid answer",
  },
  upstream_timeout: {
    status: 504,
    error: "gateway_timeout",
    description: "the upstream did not answer in time",
  },
  upstream_busy: {
    status: 503,
    error: "temporarily_unavailable",
    description: "too many requests wait for the upstream",
    retryAfter: true,
  },
  client_gone: { status: 499, error: "client_gone", description: "the client went away" },
  client_timeout: {
    status: 408,
    error: "request_timeout",
    description: "nothing more of the request body has come for too long",
  },
  internal: { status: 500, error: "internal_error", description: "something went wrong here" },
} as const satisfies Record<string, Answer>;

/** The name of a failure: one word for logs and metrics, from a fixed set. */
export type Reason = keyof typeof ANSWERS;

/** All reasons, for tables of metrics and for tests. */
export const REASONS = Object.keys(ANSWERS) as readonly Reason[];

/** The body for each reason, written once. */
const BODIES = Object.fromEntries(REASONS.map((reason) => {
  const { error, description } = ANSWERS[reason];
  const text = JSON.stringify({ error, error_description: description });
  return [reason, new TextEncoder().encode(`${text}\n`)];
})) as Record<Reason, Uint8Array<ArrayBuffer>>;

/** Whether a reason speaks of the way to the upstream and back, not of a refusal. */
export function isUpstreamFailure(reason: Reason): boolean {
  return reason.startsWith("upstream_") || reason.startsWith("client_") || reason === "internal";
}

/** Why a request was not answered by the upstream. */
export interface Failure {
  readonly reason: Reason;
  /** More for the operator's log; never sent to the caller, never holding a token or a secret. */
  readonly detail?: string;
  /** Seconds until trying again makes sense, where that is known. */
  readonly retryAfterSecs?: number;
}

/** Makes a failure; `detail` is for the log alone. */
export function failure(reason: Reason, detail?: string): Failure {
  return detail === undefined ? { reason } : { reason, detail };
}

/** The status a reason is answered with; 499 stands for "nobody there to answer". */
export function statusOf(reason: Reason): number {
  return ANSWERS[reason].status;
}

/**
 * The answer to a failure: status, RFC 6750 challenge, small JSON body, `Cache-Control: no-store`.
 *
 * @param realm protection space named in the challenge.
 * @param close whether to ask for the connection to be closed (a body that nobody will read).
 */
export function failureResponse(failed: Failure, realm: string, close = false): Response {
  const answer: Answer = ANSWERS[failed.reason];
  const response = new Response(BODIES[failed.reason], { status: answer.status });
  const { headers } = response;
  // Added one by one: given to the constructor they cost half as much again.
  headers.append("content-type", "application/json");
  headers.append("cache-control", "no-store");
  if (answer.challenge === "plain") headers.append("www-authenticate", `Bearer realm="${realm}"`);
  if (answer.challenge === "error") {
    headers.append(
      "www-authenticate",
      `Bearer realm="${realm}", error="${answer.error}", error_description="${answer.description}"`,
    );
  }
  if (answer.retryAfter) {
    const secs = Math.max(1, Math.ceil(failed.retryAfterSecs ?? DEFAULT_RETRY_AFTER_SECS));
    headers.append("retry-after", String(secs));
  }
  if (answer.allow !== undefined) headers.append("allow", answer.allow);
  if (close) headers.append("connection", "close");
  return response;
}

function invalidToken(description: string): Answer {
  return { status: 401, error: "invalid_token", description, challenge: "error" };
}

function invalidRequest(description: string): Answer {
  return { status: 400, error: "invalid_request", description, challenge: "error" };
}

function badRequest(description: string): Answer {
  return { status: 400, error: "bad_request", description };
}
