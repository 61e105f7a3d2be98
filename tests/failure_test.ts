import {
  type Failure,
  failure,
  failureResponse,
  type Reason,
  REASONS,
  statusOf,
} from "../src/failure.ts";
import { DEFAULT_RETRY_AFTER_SECS } from "../src/limits.ts";
import { assert, assertEquals, assertExcludes, assertMatch } from "./support/assert.ts";

interface Row {
  readonly status: number;
  readonly error: string;
  readonly challenge: "none" | "plain" | "error";
  readonly retryAfter?: true;
}

const UNAUTHORIZED: Row = { status: 401, error: "invalid_token", challenge: "error" };
const INVALID: Row = { status: 400, error: "invalid_request", challenge: "error" };
const BAD: Row = { status: 400, error: "bad_request", challenge: "none" };

/** What clients see, one row a reason. */
const TABLE: { readonly [R in Reason]: Row } = {
  missing_token: { status: 401, error: "missing_token", challenge: "plain" },
  other_scheme: { status: 401, error: "missing_token", challenge: "plain" },
  malformed_credentials: INVALID,
  repeated_credentials: INVALID,
  token_too_long: INVALID,
  not_a_jwt: UNAUTHORIZED,
  algorithm_not_allowed: UNAUTHORIZED,
  unknown_key: UNAUTHORIZED,
  bad_signature: UNAUTHORIZED,
  malformed_claims: UNAUTHORIZED,
  wrong_type: UNAUTHORIZED,
  sender_constrained: UNAUTHORIZED,
  wrong_issuer: UNAUTHORIZED,
  wrong_audience: UNAUTHORIZED,
  wrong_subject: UNAUTHORIZED,
  wrong_client: UNAUTHORIZED,
  no_longer_accepted: UNAUTHORIZED,
  inactive_token: UNAUTHORIZED,
  expired: UNAUTHORIZED,
  not_yet_valid: UNAUTHORIZED,
  insufficient_scope: { status: 403, error: "insufficient_scope", challenge: "error" },
  claim_not_accepted: { status: 403, error: "claim_not_accepted", challenge: "none" },
  keys_unavailable: {
    status: 503,
    error: "temporarily_unavailable",
    challenge: "none",
    retryAfter: true,
  },
  introspection_unavailable: {
    status: 503,
    error: "temporarily_unavailable",
    challenge: "none",
    retryAfter: true,
  },
  overloaded: {
    status: 503,
    error: "temporarily_unavailable",
    challenge: "none",
    retryAfter: true,
  },
  bad_target: BAD,
  bad_host: BAD,
  unexpected_body: BAD,
  broken_body: BAD,
  method_not_allowed: { status: 405, error: "method_not_allowed", challenge: "none" },
  content_too_large: { status: 413, error: "content_too_large", challenge: "none" },
  uri_too_long: { status: 414, error: "uri_too_long", challenge: "none" },
  header_fields_too_large: { status: 431, error: "header_fields_too_large", challenge: "none" },
  worker_busy: {
    status: 503,
    error: "temporarily_unavailable",
    challenge: "none",
    retryAfter: true,
  },
  upstream_refused: { status: 502, error: "bad_gateway", challenge: "none" },
  upstream_broken: { status: 502, error: "bad_gateway", challenge: "none" },
  upstream_timeout: { status: 504, error: "gateway_timeout", challenge: "none" },
  upstream_busy: {
    status: 503,
    error: "temporarily_unavailable",
    challenge: "none",
    retryAfter: true,
  },
  client_gone: { status: 499, error: "client_gone", challenge: "none" },
  client_timeout: { status: 408, error: "request_timeout", challenge: "none" },
  internal: { status: 500, error: "internal_error", challenge: "none" },
};

/** `error_description` by RFC 6750, section 3: %x20-21 / %x23-5B / %x5D-7E. */
const DESCRIPTION = /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/;

Deno.test("failure: every reason has a row in this test's table", () => {
  assertEquals([...REASONS].sort(), Object.keys(TABLE).sort());
});

for (const reason of REASONS) {
  const { status, error, challenge, retryAfter } = TABLE[reason];

  Deno.test(`failure: ${reason} becomes ${status} ${error}`, async () => {
    const response = failureResponse(failure(reason, "detail for the log"), "here");
    const { headers } = response;
    assertEquals([response.status, statusOf(reason)], [status, status]);
    assertEquals(headers.get("content-type"), "application/json");
    assertEquals(headers.get("cache-control"), "no-store");
    assertEquals(headers.get("location"), null);
    assertEquals(headers.get("connection"), null);
    assertEquals(
      headers.get("retry-after"),
      retryAfter === undefined ? null : String(DEFAULT_RETRY_AFTER_SECS),
    );
    const text = await response.text();
    const body: Record<string, string> = JSON.parse(text);
    assertEquals(Object.keys(body), ["error", "error_description"]);
    assertEquals(body.error, error);
    assertMatch(body.error_description ?? "", DESCRIPTION);
    assert(text.endsWith("}\n"));
    const expected = {
      none: null,
      plain: 'Bearer realm="here"',
      error: `Bearer realm="here", error="${error}", error_description="${body.error_description}"`,
    };
    assertEquals(headers.get("www-authenticate"), expected[challenge]);
    assertExcludes(text + JSON.stringify([...headers]), "detail for the log");
  });
}

Deno.test("failure: reasons of one status and error may differ only in their sentence", () => {
  for (const reason of REASONS) {
    const { status, challenge } = TABLE[reason];
    const { error } = TABLE[reason];
    const challenged = error === "invalid_request" || error === "insufficient_scope";
    assertEquals(challenge !== "none", status === 401 || challenged);
  }
});

const RETRY_AFTER: readonly (readonly [secs: number | undefined, header: string])[] = [
  [undefined, String(DEFAULT_RETRY_AFTER_SECS)],
  [7, "7"],
  [2.1, "3"],
  [0, "1"],
  [-5, "1"],
  [0.01, "1"],
];

for (const [secs, header] of RETRY_AFTER) {
  Deno.test(`failure: ${secs ?? "no known"} seconds become Retry-After: ${header}`, () => {
    const failed = secs === undefined
      ? failure("keys_unavailable")
      : { ...failure("keys_unavailable"), retryAfterSecs: secs };
    assertEquals(failureResponse(failed, "here").headers.get("retry-after"), header);
  });
}

Deno.test("failure: Retry-After goes out only where the reason asks for it", () => {
  const failed = { ...failure("expired"), retryAfterSecs: 5 };
  assertEquals(failureResponse(failed, "here").headers.get("retry-after"), null);
});

Deno.test("failure: the challenge names all scopes that are needed, where they are known", () => {
  const failed: Failure = { ...failure("insufficient_scope"), scope: "read write" };
  const challenge = failureResponse(failed, "here").headers.get("www-authenticate");
  assertMatch(
    challenge ?? "",
    /^Bearer realm="here", error="insufficient_scope", .*, scope="read write"$/,
  );
  assertExcludes(JSON.stringify([...failureResponse(failure("expired"), "here").headers]), "scope");
});

Deno.test("failure: claims that are not accepted are a matter of the operator, without a challenge", () => {
  const { headers, status } = failureResponse(failure("claim_not_accepted", "tid"), "here");
  assertEquals([status, headers.get("www-authenticate")], [403, null]);
});

Deno.test("failure: the response to a refused method names the methods that would do", () => {
  const { headers } = failureResponse(failure("method_not_allowed"), "here");
  assertEquals(headers.get("allow"), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  assertEquals(failureResponse(failure("expired"), "here").headers.get("allow"), null);
});

Deno.test("failure: a body that will not be read closes the connection", () => {
  const { headers } = failureResponse(failure("missing_token"), "here", true);
  assertEquals(headers.get("connection"), "close");
});

Deno.test("failure: a failure without a detail has no such member", () => {
  assertEquals(failure("expired"), { reason: "expired" });
  assertEquals(failure("expired", "why"), { reason: "expired", detail: "why" });
});
