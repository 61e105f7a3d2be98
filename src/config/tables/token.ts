import { audience, boolean, isoTime, seconds, text, wholeNumber, word } from "../kinds.ts";
import { claimRules } from "../claim_kinds.ts";
import { scopeList, textList } from "../list_kinds.ts";
import type { Row } from "../row.ts";

/** Most tokens to remember: about 1.5 GB in each worker. */
const MOST_TOKENS = 1_000_000;

/** Most signature checks at once: more would only make each of them later. */
const MOST_PENDING = 100_000;

/** The settings for what a token must say. */
export const TOKEN_SETTINGS = {
  AUDIENCE: {
    ...audience(),
    group: "token",
    doc: 'What aud must equal: "a" only "a", ["a","b"] exactly these two in any order. ' +
      'In settings.toml also a plain list: audience = ["a", "b"].',
    example: '"myapi"',
    unset: "not checked",
    common: true,
    summary: "audience (aud) that a token must have",
    perProvider: true,
  },
  AUDIENCE_MATCH: {
    ...word({ exact: "exact", any: "any", all: "all" }),
    group: "token",
    doc:
      "How AUDIENCE is compared with the token's audiences. exact: they are equal. any: one of " +
      "AUDIENCE is among them. all: all of AUDIENCE are among them.",
    example: "any",
    default: "exact",
    perProvider: true,
  },
  AUDIENCE_CLAIM: {
    ...text("the name of a claim"),
    group: "token",
    doc: "The claim that is compared with AUDIENCE instead of aud, which is then not looked at: " +
      "client_id for Amazon Cognito.",
    example: "aud",
    default: "aud",
    perProvider: true,
  },
  PREVIOUS_AUDIENCE: {
    ...audience(),
    group: "token",
    doc:
      "Another AUDIENCE that is accepted as well until PREVIOUS_AUDIENCE_ACCEPT_UNTIL, which it " +
      "needs.",
    example: '"oldapi"',
    unset: "no other audience",
    perProvider: true,
  },
  PREVIOUS_AUDIENCE_ACCEPT_UNTIL: {
    ...isoTime(),
    group: "token",
    doc:
      "Until when PREVIOUS_AUDIENCE is accepted: a migration window. Warned of 14, 7 and 1 days " +
      "before; ooproxy_deprecated_tokens_total counts the requests that still have it.",
    example: "2027-01-31T00:00:00Z",
    unset: "no other audience",
    perProvider: true,
  },
  SUBJECT: {
    ...text(),
    group: "token",
    doc: "What sub must equal.",
    example: "service-account-reports",
    unset: "not checked",
    perProvider: true,
  },
  SUBJECTS: {
    ...textList(),
    group: "token",
    doc:
      "Subjects (sub) that are accepted, instead of SUBJECT. * stands for any characters of one " +
      "segment; segments end at : and /.",
    example: '["system:serviceaccount:team-a:*"]',
    unset: "not checked",
    perProvider: true,
  },
  CLIENTS: {
    ...textList(),
    group: "token",
    doc: "Clients that are accepted: client_id of the token, or azp where it has none.",
    example: '["reports","billing"]',
    unset: "not checked",
    perProvider: true,
  },
  REQUIRED_SCOPES: {
    ...scopeList(),
    group: "token",
    doc:
      "Scopes that the token has to have in scope, scp or scopes; otherwise the response is 403 " +
      "and names them.",
    example: '["reports.read"]',
    unset: "not checked",
    common: true,
    summary: "scopes that a token must have",
    perProvider: true,
  },
  SCOPES_MATCH: {
    ...word({ all: "all", any: "any" }),
    group: "token",
    doc: "Whether all of REQUIRED_SCOPES are needed, or any one of them.",
    example: "any",
    default: "all",
    perProvider: true,
  },
  REQUIRED_CLAIMS: {
    ...claimRules(),
    group: "token",
    doc:
      "Claims that the token has to have; otherwise the response is 403. A name, or the list of " +
      'names that leads to a nested claim, with a value, a list of values, {"any":[…]}, ' +
      '{"all":[…]} or {"pattern":"…"}. In settings.toml also as [[claim]].',
    example: '{"tid":["aaaabbbb-0000-cccc-1111-dddd2222eeee"]}',
    unset: "not checked",
    entries: "claim",
    perProvider: true,
  },
  TOKEN_PROFILE: {
    ...word({ any: "any", rfc9068: "rfc9068" }),
    group: "token",
    doc:
      "rfc9068 demands that profile of JWT access tokens whole: typ at+jwt, and iss, exp, aud, " +
      "sub, client_id, iat and jti. Needs AUDIENCE.",
    example: "rfc9068",
    default: "any",
    perProvider: true,
  },
  ACCEPT_ID_TOKENS_AS_ACCESS_TOKENS: {
    ...boolean(),
    group: "token",
    doc: "Whether ID tokens are accepted too, where they can be told. They are made for a client " +
      "to learn who a user is: a client that gets to see one could use it here.",
    example: "false",
    default: "false",
    perProvider: true,
  },
  ACCEPT_BOUND_TOKENS_AS_BEARER: {
    ...boolean(),
    group: "token",
    doc: "Whether tokens that are bound to a key (cnf: DPoP, mutual TLS) are accepted without " +
      "proof of that key: a stolen one is then of use.",
    example: "false",
    default: "false",
    perProvider: true,
  },
  LEEWAY: {
    ...seconds(0),
    group: "token",
    doc: "Clock difference allowed in exp, nbf and iat.",
    example: "5",
    default: "0",
    common: true,
    summary: "clock difference allowed, in seconds",
  },
  TOKEN_CACHE_SIZE: {
    ...wholeNumber({ min: 0, max: MOST_TOKENS }),
    group: "token",
    doc:
      "Most verified tokens that each worker caches, so that a token that is sent again is not " +
      "verified again; 0 caches none.",
    example: "10000",
    default: "10000",
  },
  TOKEN_CACHE_TTL_SECS: {
    ...seconds(1),
    group: "token",
    doc: "Longest time a verified token is cached. Never past its exp, nor after a change of the " +
      "provider's keys.",
    example: "300",
    default: "300",
  },
  MAX_PENDING_VERIFICATIONS: {
    ...wholeNumber({ min: 1, max: MOST_PENDING }),
    group: "token",
    doc: "Most concurrent signature checks of each worker; beyond it the newest request of the " +
      "address with the most of them gets 503 with Retry-After.",
    example: "256",
    default: "256",
  },
} as const satisfies Readonly<Record<string, Row<unknown>>>;
